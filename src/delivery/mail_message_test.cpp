#include "mail_message.hpp"

#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"

namespace personas::delivery {
namespace {

std::string message(std::string payload, std::vector<std::string> to = {"ann@example.com"}) {
  Delivery delivery;
  delivery.id = DeliveryId("whm_1");
  delivery.payload.text = std::move(payload);
  delivery.created_at = {1'800'000'000'123'000};
  return *mail_message(delivery, "bot@example.org", to);
}

TEST(MailMessage, IsOneTextWithItsHeaders) {
  const auto text = message(R"({"subject":"It failed","text":"One\nTwo"})",
                            {"ann@example.com", "bob@example.com"});
  EXPECT_EQ(text,
            "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\nFrom: Personas <bot@example.org>\r\n"
            "To: ann@example.com,\r\n bob@example.com\r\nMessage-ID: <whm_1@example.org>\r\n"
            "Subject: It failed\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                to_base64(as_bytes("One\r\nTwo")) + "\r\n");
  EXPECT_EQ(text, message(R"({"subject":"It failed","text":"One\nTwo"})",
                          {"ann@example.com", "bob@example.com"}));
}

TEST(MailMessage, ASubjectStartsNoHeaderOfItsOwn) {
  for (const char* evil : {R"(a\r\nBcc: x@y.z)", R"(a\nBcc: x@y.z)", R"(a\rBcc: x@y.z)",
                           R"(ä\r\nBcc: x@y.z)", R"(a\r\n\r\nbody)"}) {
    const auto text = message(std::string(R"({"subject":")") + evil + R"(","text":""})");
    EXPECT_EQ(text.find("\r\nBcc"), std::string::npos) << text;
    EXPECT_EQ(text.find("\r\n\r\n"), text.size() - 4) << text;
    for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
      EXPECT_EQ(text[at - 1], '\r');
    }
  }
}

TEST(MailMessage, OtherLettersBecomeEncodedWordsOfWholeLetters) {
  EXPECT_EQ(header_text("Größe"), "=?UTF-8?B?" + to_base64(as_bytes("Größe")) + "?=");
  EXPECT_EQ(header_text("=?UTF-8?Q?x?="),
            "=?UTF-8?B?" + to_base64(as_bytes("=?UTF-8?Q?x?=")) + "?=");
  std::string euros;
  for (int i = 0; i < 40; ++i) euros += "€";
  std::string decoded;
  const std::string kept = header_text(euros);
  for (std::string_view left = kept; !left.empty();) {
    const auto end = left.find("?=");
    const auto word = left.substr(10, end - 10);
    EXPECT_LE(end + 2, 75U);
    const auto bytes = *from_base64(word);
    EXPECT_TRUE(is_utf8(as_text(bytes)));
    decoded += as_text(bytes);
    left.remove_prefix(end + 2);
    if (left.starts_with("\r\n ")) left.remove_prefix(3);
  }
  EXPECT_EQ(decoded, euros);
}

TEST(MailMessage, IsBoundedInSubjectAndLines) {
  const auto text = message(R"({"subject":")" + std::string(5'000, 'x') + R"(","text":")" +
                            std::string(5'000, '.') + R"("})");
  std::size_t begin = 0;
  for (std::size_t end = text.find("\r\n"); end != text.npos; end = text.find("\r\n", begin)) {
    EXPECT_LE(end - begin, 78U);
    begin = end + 2;
  }
  EXPECT_LT(text.find("\r\n\r\n"), 1'000U);
}

}  // namespace
}  // namespace personas::delivery
