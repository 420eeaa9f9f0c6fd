// Text from outside: made harmless to look at, and fenced when it goes into a prompt.
//
// Cleaning removes what a reader cannot see but a terminal or a model acts on: escape sequences,
// control characters, zero-width, bidirectional and tag characters. Letters, blanks, line ends and
// tabs stay.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "personas/base/clock.hpp"

namespace personas::agents {

// Ill-formed UTF-8 becomes U+FFFD; "\r\n" and U+2028/2029 become "\n".
std::string clean_text(std::string_view text);
// The same on one line, cut to `max_bytes` with "…" when longer.
std::string clean_line(std::string_view text, std::size_t max_bytes);

// Marks where data begins and ends, with a nonce nobody outside can know, so that the data cannot
// pretend to end early. One fence serves a whole prompt.
class DataFence {
 public:
  // The nonce has 128 bits of `random`.
  explicit DataFence(Random& random);

  // What the prompt says once about everything that is fenced.
  std::string explanation() const;
  // `text` cleaned, cut to `max_bytes` (and then saying so), between the marks. `label` is ours.
  std::string enclose(std::string_view label, std::string_view text, std::size_t max_bytes) const;

  const std::string& nonce() const { return nonce_; }

 private:
  std::string nonce_;
};

}  // namespace personas::agents
