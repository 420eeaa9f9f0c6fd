#include "personas/net/mail.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "personas/net/client.hpp"

namespace personas::net {
namespace {

constexpr std::size_t kMaxLocalPart = 64;  // RFC 5321 §4.5.3.1
constexpr std::size_t kMaxAddress = 254;
constexpr std::size_t kMaxServerUrl = 300;
constexpr std::uint16_t kFirstFreePort = 1024;

struct Scheme {
  std::string_view name;
  MailServer::Tls tls;
  std::uint16_t port;
};
constexpr std::array kSchemes{Scheme{"smtp://", MailServer::Tls::kStartTls, 587},
                              Scheme{"smtps://", MailServer::Tls::kImplicit, 465},
                              Scheme{"smtp+plain://", MailServer::Tls::kNone, 25}};

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Dots only between other characters.
bool is_dotted(std::string_view text, std::string_view also) {
  if (text.empty() || text.starts_with('.') || text.ends_with('.') || text.contains("..")) {
    return false;
  }
  return std::ranges::all_of(
      text, [&](char c) { return c == '.' || is_alphanumeric(c) || also.contains(c); });
}

bool is_mail_port(std::uint16_t port) {
  return port == 25 || port == 465 || port == 587 || port >= kFirstFreePort;
}

}  // namespace

bool is_mail_address(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || text.size() > kMaxAddress) return false;
  const auto local = text.substr(0, at);
  const auto domain = text.substr(at + 1);
  return local.size() <= kMaxLocalPart && is_dotted(local, "!#$%&'*+/=?^_`{|}~-") &&
         is_dotted(domain, "-");
}

Result<MailServer> vet_mail_server(std::string_view url, PrivateTargets targets) {
  const auto scheme = std::ranges::find_if(
      kSchemes, [url](const Scheme& one) { return url.starts_with(one.name); });
  if (scheme == kSchemes.end()) {
    return fail(ErrorCode::kForbidden,
                "A mail server is smtp:// (STARTTLS), smtps:// (TLS) or smtp+plain:// (neither), "
                "with its host.");
  }
  auto rest = url.substr(scheme->name.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (url.size() > kMaxServerUrl || rest.find_first_of("@\\%/?#") != std::string_view::npos) {
    return fail(ErrorCode::kForbidden,
                "A mail server's URL has a host and a port; user and password are given apart.");
  }
  const auto parsed = parse_url("https://" + std::string(rest));
  if (!parsed) return fail(ErrorCode::kForbidden, parsed.error().message);
  MailServer server{.tls = scheme->tls, .host = parsed->host, .port = scheme->port};
  const auto after_address = rest.substr(rest.starts_with('[') ? rest.find(']') : 0);
  if (after_address.contains(':')) server.port = parsed->port;
  if (!is_mail_port(server.port)) {
    return fail(ErrorCode::kForbidden,
                fmt::format("Port {} belongs to another protocol than SMTP.", server.port));
  }
  TRY_VOID(vet_host(server.host, targets));
  return server;
}

}  // namespace personas::net
