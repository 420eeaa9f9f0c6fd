// Port: hands a message to a mail server (SMTP, RFC 5321), as a submitting client does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"
#include "personas/net/guarded_client.hpp"
#include "personas/net/mail.hpp"

namespace personas::net {

struct MailOptions {
  // Of one message as a whole. Servers that make strangers wait before they greet do so for less.
  Duration deadline = seconds(60);
  std::string ca_file;     // empty: the system's certificates; TLS is always verified
  Resolver resolver = {};  // empty: the system's
};

struct MailJob {
  MailServer server;
  PrivateTargets targets = PrivateTargets::kRefused;  // asked of every address that is dialled
  std::string user;                                   // empty: no login
  Secret password;                                    // never sent outside TLS
  std::string from;                                   // addresses: is_mail_address()
  std::vector<std::string> to;
  std::string message;  // headers and body, lines end with CRLF
  // Some recipients are taken and others "not now". Later: nothing is sent, so that nobody gets it
  // twice. Now: it goes to those that are taken.
  enum class Deferred : std::uint8_t { kAllLater, kOthersNow } deferred = Deferred::kAllLater;
};

// The reply that decided: 250 is "taken", all else is not.
struct MailAnswer {
  int code = 0;
  std::string text = {};
  enum class Step : std::uint8_t { kLogin, kMessage } step = Step::kMessage;
  std::vector<std::string> refused = {};  // recipients of a message that was taken, with the reason
};

class MailClient {
 public:
  virtual ~MailClient() = default;
  // Trouble on the way is an error: kUnavailable, kTimeout; kForbidden by the guard, with nothing
  // sent.
  virtual Task<Result<MailAnswer>> send(MailJob job) = 0;
  // Cuts what is under way, whose calls then end with an error soon.
  virtual void cut() = 0;
};

}  // namespace personas::net
