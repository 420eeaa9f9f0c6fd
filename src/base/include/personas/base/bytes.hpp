// Raw bytes and their text forms.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"

namespace personas {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string to_hex(ByteView bytes);              // lower case
Result<Bytes> from_hex(std::string_view text);   // either case
std::string to_base64(ByteView bytes);           // standard alphabet with padding
std::string to_base64url(ByteView bytes);        // URL alphabet, no padding
// Accepts both alphabets, padding optional; refuses anything else.
Result<Bytes> from_base64(std::string_view text);

// True if `text` is well-formed UTF-8 (no overlong forms, no surrogates, no code points past
// U+10FFFF).
bool is_utf8(std::string_view text);
// The longest prefix of `text` of at most `max_bytes` bytes that does not cut a code point.
std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes);
// `text` with every ill-formed sequence replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

}  // namespace personas
