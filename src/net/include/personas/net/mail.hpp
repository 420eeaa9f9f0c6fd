// Mail servers and addresses as users write them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/net/target_policy.hpp"

namespace personas::net {

struct MailServer {
  // kStartTls: before anything is told, or nothing is. kNone: chosen by name, for a relay beside
  // us.
  enum class Tls : std::uint8_t { kStartTls, kImplicit, kNone } tls = Tls::kStartTls;
  std::string host;
  std::uint16_t port = 0;
};

// "smtp://host" (port 587, STARTTLS), "smtps://host" (465, TLS), "smtp+plain://host" (25, none).
// Without user, password and path. kForbidden says what is wrong, also where the host may not be
// called.
Result<MailServer> vet_mail_server(std::string_view url, PrivateTargets targets);

// "local@domain" of ASCII without quotes: what fits a command and a header as it is.
bool is_mail_address(std::string_view text);

}  // namespace personas::net
