#include "personas/net/target_policy.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

namespace personas::net {
namespace {

constexpr std::size_t kMaxUrlChars = 2'048;  // what proxies and browsers agree on
constexpr std::size_t kMaxHostChars = 253;   // RFC 1035, as text without the last dot
constexpr std::size_t kMaxLabelChars = 63;
constexpr std::uint16_t kFirstFreePort = 1024;

struct Range {
  std::string_view prefix;
  int bits;
  AddressClass is;
};

// The first that matches counts; IPv4 outside of all is public.
constexpr std::array kV4Ranges{
    Range{"169.254.0.0", 16, AddressClass::kNever},      // link-local, clouds' metadata
    Range{"100.100.100.200", 32, AddressClass::kNever},  // metadata of Alibaba Cloud
    Range{"168.63.129.16", 32, AddressClass::kNever},    // the wire server of Azure
    Range{"192.0.0.192", 32, AddressClass::kNever},      // metadata of Oracle Cloud
    Range{"0.0.0.0", 8, AddressClass::kNever},           // "this host"
    Range{"10.0.0.0", 8, AddressClass::kPrivate},
    Range{"100.64.0.0", 10, AddressClass::kPrivate},  // carriers' and overlay networks
    Range{"127.0.0.0", 8, AddressClass::kPrivate},
    Range{"172.16.0.0", 12, AddressClass::kPrivate},
    Range{"192.168.0.0", 16, AddressClass::kPrivate},
    Range{"198.18.0.0", 15, AddressClass::kPrivate},  // benchmarks of networks
    Range{"192.0.0.0", 24, AddressClass::kNever},     // protocol assignments
    Range{"192.0.2.0", 24, AddressClass::kNever},     // documentation
    Range{"192.88.99.0", 24, AddressClass::kNever},   // relays of 6to4
    Range{"198.51.100.0", 24, AddressClass::kNever},
    Range{"203.0.113.0", 24, AddressClass::kNever},
    Range{"224.0.0.0", 4, AddressClass::kNever},  // multicast
    Range{"240.0.0.0", 4, AddressClass::kNever},  // reserved, broadcast
};

// IPv6 outside of all is refused unless it is global unicast (2000::/3). The forms that carry an
// IPv4 address (mapped, NAT64, 6to4, Teredo, ISATAP) are refused as such: whoever means the IPv4
// address can write it, and only there it is judged.
constexpr std::array kV6Ranges{
    Range{"fd00:ec2::", 32, AddressClass::kNever},  // metadata of AWS
    Range{"fd20:ce::", 32, AddressClass::kNever},   // metadata of Google Cloud
    Range{"::1", 128, AddressClass::kPrivate},
    Range{"fc00::", 7, AddressClass::kPrivate},
    Range{"2001::", 23, AddressClass::kNever},  // protocol assignments, Teredo
    Range{"2001:db8::", 32, AddressClass::kNever},
    Range{"2002::", 16, AddressClass::kNever},  // 6to4
    Range{"3fff::", 20, AddressClass::kNever},  // documentation
    Range{"2000::", 3, AddressClass::kPublic},
};

bool is_in(const IpAddress& address, const Range& range) {
  const auto prefix = parse_ip(range.prefix);
  if (!prefix || prefix->family != address.family) return false;
  for (int bit = 0; bit < range.bits; bit += 8) {
    const int left = std::min(8, range.bits - bit);
    const auto mask = static_cast<std::uint8_t>(0xFF << (8 - left));
    const auto at = static_cast<std::size_t>(bit / 8);
    if ((address.bytes.at(at) & mask) != (prefix->bytes.at(at) & mask)) return false;
  }
  return true;
}

// …:0:5efe:a.b.c.d and …:200:5efe:a.b.c.d
bool is_isatap(const IpAddress& address) {
  const auto& b = address.bytes;
  return (b[8] & 0xFC) == 0 && b[9] == 0 && b[10] == 0x5E && b[11] == 0xFE;
}

// Ports of other protocols, which take a request for commands (as the Fetch standard lists them).
constexpr std::array<std::uint16_t, 19> kForeignPorts{1719, 1720, 1723, 2049, 3659, 4045, 4190,
                                                      5060, 5061, 6000, 6379, 6566, 6665, 6666,
                                                      6667, 6668, 6669, 6697, 10080};

bool is_web_port(std::uint16_t port) {
  if (port == 80 || port == 443) return true;
  return port >= kFirstFreePort && std::ranges::find(kForeignPorts, port) == kForeignPorts.end();
}

bool is_label(std::string_view label) {
  const auto is_ldh = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !label.empty() && label.size() <= kMaxLabelChars && label.front() != '-' &&
         label.back() != '-' && std::ranges::all_of(label, is_ldh);
}

// What some resolver may read as a number: all digits, or 0x and hexadecimal digits.
bool looks_numeric(std::string_view label) {
  if (label.starts_with("0x")) {
    return label.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
  }
  return label.find_first_not_of("0123456789") == std::string_view::npos;
}

bool ends_with_label(std::string_view host, std::string_view suffix) {
  if (!host.ends_with(suffix)) return false;
  return host.size() == suffix.size() || host[host.size() - suffix.size() - 1] == '.';
}

std::unexpected<Error> refuse(std::string why) {
  return fail(ErrorCode::kForbidden, std::move(why));
}

Result<void> vet_name(std::string_view host, PrivateTargets targets) {
  if (host.size() > kMaxHostChars) return refuse("The URL's host is too long.");
  std::string_view rest = host;
  std::string_view label;
  while (!rest.empty()) {
    const std::size_t dot = rest.find('.');
    label = rest.substr(0, dot);
    if (!is_label(label)) return refuse("The URL's host is not a plain name or address.");
    rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
    if (dot != std::string_view::npos && rest.empty()) {
      return refuse("The URL's host must not end with a dot.");
    }
  }
  if (looks_numeric(label)) {
    return refuse("Write the URL's address as four decimal numbers, such as 192.0.2.1.");
  }
  constexpr std::array<std::string_view, 2> kMetadata{"metadata.google.internal", "metadata.goog"};
  for (const auto name : kMetadata) {
    if (ends_with_label(host, name)) return refuse("The URL's host is never called.");
  }
  if (targets == PrivateTargets::kAllowed) return {};
  constexpr std::array<std::string_view, 5> kInside{"localhost", "local", "internal", "home.arpa",
                                                    "localdomain"};
  const bool inside = host.find('.') == std::string_view::npos ||
                      std::ranges::any_of(kInside, [&](std::string_view suffix) {
                        return ends_with_label(host, suffix);
                      });
  if (inside) {
    return refuse(
        "The URL's host is a name of a private network; allow-private-targets lets them "
        "be called.");
  }
  return {};
}

// Between "://" and the path; empty if the text has no such shape.
std::string_view authority_of(std::string_view text) {
  const std::size_t begin = text.find("://");
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = text.substr(begin + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

}  // namespace

AddressClass classify(const IpAddress& address) {
  if (address.family == IpAddress::Family::kV4) {
    for (const Range& range : kV4Ranges) {
      if (is_in(address, range)) return range.is;
    }
    return AddressClass::kPublic;
  }
  if (is_isatap(address)) return AddressClass::kNever;
  for (const Range& range : kV6Ranges) {
    if (is_in(address, range)) return range.is;
  }
  return AddressClass::kNever;
}

Result<void> vet_address(const IpAddress& address, PrivateTargets targets) {
  const AddressClass is = classify(address);
  if (is == AddressClass::kPublic) return {};
  if (is == AddressClass::kNever) {
    return refuse(fmt::format("The address {} is never called.", to_string(address)));
  }
  if (targets == PrivateTargets::kAllowed) return {};
  return refuse(
      fmt::format("The address {} is in a private network; allow-private-targets lets "
                  "them be called.",
                  to_string(address)));
}

Result<void> vet_answers(std::span<const IpAddress> answers, PrivateTargets targets) {
  if (answers.empty()) return fail(ErrorCode::kUnavailable, "The host has no address.");
  for (const IpAddress& address : answers) TRY_VOID(vet_address(address, targets));
  return {};
}

Result<Url> vet_url(std::string_view text, PrivateTargets targets) {
  if (text.size() > kMaxUrlChars) return refuse("The URL is too long.");
  const std::string_view authority = authority_of(text);
  // What two readers of a URL may disagree about has no business in one.
  if (authority.find_first_of("@\\%") != std::string_view::npos ||
      text.find_first_of("\\#") != std::string_view::npos) {
    return refuse("The URL must not hold a user, a backslash, an escaped host or a fragment.");
  }
  auto url = parse_url(text);
  if (!url) return refuse(url.error().message);
  if (url->scheme != "https" && url->scheme != "http") {
    return refuse("The URL must start with https:// or http://.");
  }
  if (!is_web_port(url->port)) {
    return refuse(fmt::format("Port {} belongs to another protocol than HTTP.", url->port));
  }
  TRY_VOID(vet_host(url->host, targets));
  return url;
}

Result<void> vet_host(std::string_view host, PrivateTargets targets) {
  if (const auto address = parse_ip(host)) return vet_address(*address, targets);
  if (host.find(':') != std::string_view::npos) {
    return refuse("The URL's IPv6 address is not one.");
  }
  return vet_name(host, targets);
}

}  // namespace personas::net
