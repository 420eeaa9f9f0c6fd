#include "personas/base/id.hpp"

#include <array>

namespace personas {
namespace {

constexpr std::string_view kCrockford = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kTimeCharacters = 10;    // 48 bits, the top one holds 3
constexpr std::size_t kRandomCharacters = 16;  // 80 bits

}  // namespace

bool is_valid_id(std::string_view text) {
  if (text.empty() || text.size() > kMaxIdLength || text.front() == '.') return false;
  for (const char c : text) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alphanumeric && c != '_' && c != '-' && c != '.' && c != ':') return false;
  }
  return true;
}

std::string make_id_text(std::string_view prefix, Timestamp now, Random& random) {
  std::string text;
  text.reserve(prefix.size() + 1 + kTimeCharacters + kRandomCharacters);
  text.append(prefix).push_back('_');

  const auto millis = static_cast<std::uint64_t>(now.micros / 1'000);
  for (std::size_t i = kTimeCharacters; i-- > 0;) text += kCrockford[(millis >> (5 * i)) & 31];

  std::array<std::uint8_t, 10> bytes{};
  random.fill(bytes);
  std::uint32_t buffer = 0;
  unsigned bits = 0;
  for (const auto byte : bytes) {
    buffer = buffer << 8 | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += kCrockford[(buffer >> (bits - 5)) & 31];
  }
  return text;
}

TenantId default_tenant() {
  static const TenantId tenant("ten_default");
  return tenant;
}

}  // namespace personas
