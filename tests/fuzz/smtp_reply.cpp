// What a mail server says, and what a user writes for a server and an address: replies are bounded
// and harmless to show; nothing that is taken for an address or a host could end a line.
//
// The first byte of an input chooses: r(eply), a(ddress), s(erver), t(ext of a message).
#include "personas/base/bytes.hpp"
#include "personas/net/mail.hpp"
#include "personas/net/smtp.hpp"

#include "support.hpp"

namespace personas::fuzz {
namespace {

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

void check_replies(std::string_view text) {
  net::SmtpReplyReader reader;
  net::SmtpCapabilities can;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    can.add(line);
    const auto reply = reader.feed(line);
    if (!reply) {
      check_error(reply.error());
      return;
    }
    if (!*reply) continue;
    PERSONAS_FUZZ_CHECK((*reply)->code >= 200 && (*reply)->code < 600, "a code of SMTP");
    PERSONAS_FUZZ_CHECK((*reply)->text.size() <= net::kMaxSmtpText, "bounded");
    PERSONAS_FUZZ_CHECK(is_utf8((*reply)->text) && is_one_line((*reply)->text), "harmless");
  }
}

void check_server(std::string_view text) {
  const auto server = net::vet_mail_server(text, net::PrivateTargets::kRefused);
  if (!server) return check_error(server.error());
  PERSONAS_FUZZ_CHECK(is_one_line(server->host) && server->port > 0, "a host", server->host);
  PERSONAS_FUZZ_CHECK(net::vet_host(server->host, net::PrivateTargets::kRefused).has_value(),
                      "one that may be called", server->host);
}

void check_data(std::string_view text) {
  const std::string data = net::smtp_data(text);
  PERSONAS_FUZZ_CHECK(data.find("\n.\r\n") == data.size() - 4, "it ends, and once");
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas::fuzz;
  if (size == 0) return 0;
  const std::string_view text = text_of(data, size).substr(1);
  switch (data[0]) {
    case 'a':
      if (personas::net::is_mail_address(text)) {
        PERSONAS_FUZZ_CHECK(is_one_line(text) && text.find_first_of("<> \"") == text.npos,
                            "an address fits a command");
      }
      break;
    case 's':
      check_server(text);
      break;
    case 't':
      check_data(text);
      break;
    default:
      check_replies(text);
  }
  return 0;
}
