// An IP address as a value, read from its one canonical kind of spelling. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace personas::net {

struct IpAddress {
  enum class Family : std::uint8_t { kV4, kV6 };
  Family family = Family::kV4;
  std::array<std::uint8_t, 16> bytes{};  // of IPv4 the first four

  auto operator<=>(const IpAddress&) const = default;
};

// Four decimal numbers without leading zeros, or RFC 4291 text (no zone, no brackets). Everything
// else that a C library takes for an address (127.1, 0x7f000001, 0177.0.0.1) is none.
std::optional<IpAddress> parse_ip(std::string_view text);
std::string to_string(const IpAddress& address);

}  // namespace personas::net
