// The grammar of SMTP (RFC 5321) as a client needs it. Pure; what it reads is untrusted.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"

namespace personas::net {

inline constexpr std::size_t kMaxSmtpLine = 4'096;  // RFC 5321 asks for 512; servers are wordier
inline constexpr std::size_t kMaxSmtpLines = 100;   // of one reply
inline constexpr std::size_t kMaxSmtpText = 300;    // of a reply's words, as they are kept

struct SmtpReply {
  int code = 0;
  std::string text;  // of all lines, valid UTF-8 without control characters, bounded
  bool is_positive() const { return code >= 200 && code < 400; }
};

// Puts lines together to replies: "250-first", "250 last".
class SmtpReplyReader {
 public:
  // A line without its end. The reply, if this line ends one; kUnavailable if it is no reply.
  Result<std::optional<SmtpReply>> feed(std::string_view line);

 private:
  SmtpReply reply_;
  std::size_t lines_ = 0;
};

// What a server says it can, of its answer to EHLO.
struct SmtpCapabilities {
  enum class Has : unsigned char { kNo, kYes };
  Has start_tls = Has::kNo;
  Has auth_plain = Has::kNo;
  Has auth_login = Has::kNo;
  // Each line of the answer but the first, without its code.
  void add(std::string_view line);
};

// The argument of AUTH PLAIN (RFC 4616): base64 of NUL user NUL password.
Secret smtp_plain_login(std::string_view user, const Secret& password);

// A message as DATA carries it: lines that begin with a dot get another, and "." alone ends it.
std::string smtp_data(std::string_view message);

}  // namespace personas::net
