#include "personas/net/ip_address.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace personas::net {
namespace {

constexpr std::size_t kGroups = 8;  // of IPv6, 16 bits each

// Decimal, one to three digits, no leading zero, at most 255.
std::optional<std::uint8_t> read_octet(std::string_view text) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return {};
  if (!std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return {};
  std::uint8_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

std::optional<std::array<std::uint8_t, 4>> read_v4(std::string_view text) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i + 1 == bytes.size())) return {};
    const auto octet = read_octet(text.substr(0, dot));
    if (!octet) return {};
    bytes.at(i) = *octet;
    text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  }
  return bytes;
}

// "a:b:c" as 16-bit groups; the last part may be dotted IPv4. Empty text: no group.
std::optional<std::vector<std::uint16_t>> read_groups(std::string_view text) {
  std::vector<std::uint16_t> groups;
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (colon == std::string_view::npos && part.find('.') != std::string_view::npos) {
      const auto v4 = read_v4(part);
      if (!v4) return {};
      groups.push_back(static_cast<std::uint16_t>((*v4)[0] << 8 | (*v4)[1]));
      groups.push_back(static_cast<std::uint16_t>((*v4)[2] << 8 | (*v4)[3]));
      return groups;
    }
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value, 16);
    if (part.empty() || part.size() > 4 || error != std::errc{} ||
        end != part.data() + part.size()) {
      return {};
    }
    groups.push_back(value);
    if (groups.size() > kGroups) return {};
    text.remove_prefix(colon == std::string_view::npos ? text.size() : colon + 1);
    if (colon != std::string_view::npos && text.empty()) return {};  // "1:"
  }
  return groups;
}

std::optional<IpAddress> read_v6(std::string_view text) {
  const std::size_t gap = text.find("::");
  const bool has_gap = gap != std::string_view::npos;
  const auto head = read_groups(has_gap ? text.substr(0, gap) : text);
  const auto tail = read_groups(has_gap ? text.substr(gap + 2) : std::string_view());
  if (!head || !tail) return {};
  // An IPv4 part stands at the very end only.
  if (has_gap && text.substr(0, gap).find('.') != std::string_view::npos) return {};
  const std::size_t given = head->size() + tail->size();
  if (has_gap ? given >= kGroups : given != kGroups) return {};
  IpAddress address{.family = IpAddress::Family::kV6};
  const auto put = [&](std::size_t group, std::uint16_t value) {
    address.bytes.at(2 * group) = static_cast<std::uint8_t>(value >> 8);
    address.bytes.at(2 * group + 1) = static_cast<std::uint8_t>(value);
  };
  for (std::size_t i = 0; i < head->size(); ++i) put(i, head->at(i));
  for (std::size_t i = 0; i < tail->size(); ++i) put(kGroups - tail->size() + i, tail->at(i));
  return address;
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return read_v6(text);
  const auto v4 = read_v4(text);
  if (!v4) return {};
  IpAddress address;
  std::ranges::copy(*v4, address.bytes.begin());
  return address;
}

std::string to_string(const IpAddress& address) {
  const auto& b = address.bytes;
  if (address.family == IpAddress::Family::kV4) {
    return fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
  }
  std::string out;
  for (std::size_t i = 0; i < kGroups; ++i) {
    out += fmt::format("{}{:x}", i == 0 ? "" : ":", b.at(2 * i) << 8 | b.at(2 * i + 1));
  }
  return out;
}

}  // namespace personas::net
