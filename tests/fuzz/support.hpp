// What the fuzz targets share: the check that ends the process, and readers of an input.
//
// A target is one file that defines LLVMFuzzerTestOneInput() and states a property. The same input
// must do the same thing every time, in a fresh process too: no clock, no random but from the
// input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "personas/base/error.hpp"

namespace personas::fuzz {

// The property does not hold: says why and aborts, which libFuzzer takes as a finding.
[[noreturn]] void violated(const char* file, int line, std::string_view what);

// PERSONAS_FUZZ_CHECK(condition, "what should hold", …texts that help to understand).
template <class... Texts>
void check(bool holds, const char* file, int line, const Texts&... texts) {
  if (holds) return;
  std::string what;
  ((what += texts, what += ' '), ...);
  violated(file, line, what);
}
#define PERSONAS_FUZZ_CHECK(condition, ...) \
  ::personas::fuzz::check(static_cast<bool>(condition), __FILE__, __LINE__, __VA_ARGS__)

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes the text up to the next `separator`, and both away from `rest`.
std::string_view take_until(std::string_view& rest, char separator);
inline std::string_view take_line(std::string_view& rest) {
  return take_until(rest, '\n');
}
std::vector<std::string_view> split(std::string_view text, char separator);

// Gives the lines of an input, one after the other, to a `Peer` of a protocol. It is made with the
// first one if that begins with '#', else with an empty one.
template <class Peer>
void feed_lines(std::string_view input) {
  constexpr std::size_t kMostLines = 500;  // more find nothing that fewer do not, and are slow
  Peer peer(input.starts_with('#') ? take_line(input) : std::string_view());
  for (std::size_t lines = 0; !input.empty() && lines < kMostLines; ++lines) {
    peer.line(take_line(input));
  }
}

// A decimal number at the start, at most `most`; 0 if there is none.
std::uint64_t number_of(std::string_view text, std::uint64_t most);

// The same text cut into pieces in a few ways, which depend on the text alone: whole, byte by byte
// (if it is short), and by chance.
std::vector<std::vector<std::string_view>> cuttings(std::string_view text);

// Equal as JSON: 1 and 1.0 are, members may stand in any order.
bool same_json(const boost::json::value& left, const boost::json::value& right);

// Every error says something, and wrong fields have a path or a sentence of their own.
void check_error(const Error& error);

}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
