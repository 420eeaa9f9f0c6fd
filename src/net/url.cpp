#include <algorithm>
#include <charconv>

#include "personas/net/client.hpp"

namespace personas::net {
namespace {

// A host name or address literal of this many characters is no host (RFC 1035 allows 255).
constexpr std::size_t kMaxHostChars = 255;

std::uint16_t default_port(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") return 80;
  if (scheme == "https" || scheme == "wss") return 443;
  return 0;
}

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > kMaxHostChars) return false;
  if (host.find(':') == std::string_view::npos) return std::ranges::all_of(host, is_host_char);
  return host.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return out;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
    return fail(ErrorCode::kInvalidRequest, "The URL's port must be a number from 1 to 65535.");
  }
  return port;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
  const std::size_t colon = text.find("://");
  if (!plain || colon == std::string_view::npos) {
    return fail(ErrorCode::kInvalidRequest, "A URL looks like https://host:port/path.");
  }
  Url url;
  url.scheme = lower_case(text.substr(0, colon));
  url.port = default_port(url.scheme);
  if (url.port == 0) {
    return fail(ErrorCode::kInvalidRequest, "A URL starts with http, https, ws or wss.");
  }
  text.remove_prefix(colon + 3);
  const std::size_t path = std::min(text.find_first_of("/?#"), text.size());
  std::string_view authority = text.substr(0, path);
  std::string_view target = text.substr(path);
  target = target.substr(0, target.find('#'));  // a fragment is never sent

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) {
      return fail(ErrorCode::kInvalidRequest, "The URL's '[' is never closed.");
    }
    url.host = lower_case(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    if (url.host.find(':') == std::string::npos) url.host.clear();  // brackets mean IPv6
  } else {
    const std::size_t mark = std::min(authority.find(':'), authority.size());
    url.host = lower_case(authority.substr(0, mark));
    port = authority.substr(mark);
  }
  if (!is_host(url.host)) {
    return fail(ErrorCode::kInvalidRequest, "The URL's host is not a name or an address.");
  }
  if (!port.empty()) {
    if (port.front() != ':') {
      return fail(ErrorCode::kInvalidRequest, "The URL's host is not a name or an address.");
    }
    TRY(url.port, parse_port(port.substr(1)));
  }
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

}  // namespace personas::net
