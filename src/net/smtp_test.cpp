#include "personas/net/smtp.hpp"

#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"
#include "personas/net/mail.hpp"

namespace personas::net {
namespace {

TEST(Smtp, PutsTheLinesOfAReplyTogether) {
  SmtpReplyReader reader;
  EXPECT_FALSE(*reader.feed("250-first"));
  EXPECT_FALSE(*reader.feed("250-"));
  const auto reply = *reader.feed("250 last");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->code, 250);
  EXPECT_EQ(reply->text, "first last");
  const auto bare = *reader.feed("354");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->text, "");
  EXPECT_TRUE(bare->is_positive());
}

TEST(Smtp, RefusesWhatIsNoReply) {
  for (const char* line : {"", "2", "25", "25x hello", "2500 hello", "199 no", "600 no", "hello",
                           "250\thello", "+50 x", "-50 x"}) {
    EXPECT_FALSE(SmtpReplyReader().feed(line)) << line;
  }
  SmtpReplyReader other;
  ASSERT_TRUE(other.feed("250-a"));
  EXPECT_FALSE(other.feed("251 b"));
  SmtpReplyReader endless;
  for (std::size_t i = 0; i < kMaxSmtpLines; ++i) ASSERT_TRUE(endless.feed("250-x"));
  EXPECT_FALSE(endless.feed("250-x"));
}

TEST(Smtp, KeepsLittleOfAReplyAndNothingThatHarms) {
  SmtpReplyReader reader;
  const auto reply = *reader.feed("550 \x1b[31mno\x01 \xff" + std::string(2'000, 'x'));
  ASSERT_TRUE(reply);
  EXPECT_LE(reply->text.size(), kMaxSmtpText);
  EXPECT_TRUE(is_utf8(reply->text));
  EXPECT_EQ(reply->text.find('\x1b'), std::string::npos);
}

TEST(Smtp, ReadsWhatAServerCan) {
  SmtpCapabilities can;
  for (const char* line : {"PIPELINING", "size 1000", "starttls", "AUTH CRAM-MD5 Plain LOGIN"}) {
    can.add(line);
  }
  EXPECT_EQ(can.start_tls, SmtpCapabilities::Has::kYes);
  EXPECT_EQ(can.auth_plain, SmtpCapabilities::Has::kYes);
  EXPECT_EQ(can.auth_login, SmtpCapabilities::Has::kYes);
  SmtpCapabilities none;
  none.add("STARTTLSX");
  none.add("AUTHPLAIN");
  EXPECT_EQ(none.start_tls, SmtpCapabilities::Has::kNo);
  EXPECT_EQ(none.auth_plain, SmtpCapabilities::Has::kNo);
}

TEST(Smtp, SendsALoginAndAMessageAsTheyAreCarried) {
  EXPECT_EQ(smtp_plain_login("tim", Secret("tanstaaftanstaaf")).reveal(),
            "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");  // RFC 4954 §4.1
  EXPECT_EQ(smtp_data("a\r\n.\r\n..b\r\n"), "a\r\n..\r\n...b\r\n.\r\n");
  EXPECT_EQ(smtp_data(".a"), "..a\r\n.\r\n");
}

TEST(Mail, AnAddressFitsACommandAsItIs) {
  for (const char* good : {"a@b", "ann.lee+x@mail.example.com", "o'neil@example.com"}) {
    EXPECT_TRUE(is_mail_address(good)) << good;
  }
  for (const char* bad :
       {"",        "@",    "a@",   "@b",   "a b@c",  "a@b c",  "a@b\r\nRCPT TO:<x@y>",
        "<a@b>",   "a@b>", "a@@b", ".a@b", "a.@b",   "a..b@c", "\"a\"@b",
        "a@b,c@d", "ä@b",  "a@ö",  "a@b.", "a@b..c", "a@b\n"}) {
    EXPECT_FALSE(is_mail_address(bad)) << bad;
  }
  EXPECT_FALSE(is_mail_address(std::string(65, 'a') + "@b"));
  EXPECT_FALSE(is_mail_address("a@" + std::string(300, 'b')));
}

TEST(Mail, AServerIsAHostItsPortAndHowItIsProtected) {
  const auto allowed = PrivateTargets::kAllowed;
  const auto plain = vet_mail_server("smtp://Mail.Example.com", PrivateTargets::kRefused);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "mail.example.com");
  EXPECT_EQ(plain->port, 587);
  EXPECT_EQ(plain->tls, MailServer::Tls::kStartTls);
  EXPECT_EQ(vet_mail_server("smtps://mail.example.com/", allowed)->port, 465);
  EXPECT_EQ(vet_mail_server("smtp+plain://127.0.0.1", allowed)->port, 25);
  EXPECT_EQ(vet_mail_server("smtp://[::1]:2525", allowed)->port, 2525);
  EXPECT_EQ(vet_mail_server("smtp://[::1]", allowed)->port, 587);
  for (const char* bad :
       {"http://mail.example.com", "mail.example.com", "smtp://", "smtp://u:p@mail.example.com",
        "smtp://mail.example.com/path", "smtp://mail.example.com?x", "smtp://mail.example.com:80",
        "smtp://mail.example.com:99999", "smtp://169.254.169.254", "smtp://a b",
        "smtp://mail.example.com\r\n"}) {
    EXPECT_FALSE(vet_mail_server(bad, allowed)) << bad;
  }
  for (const char* inside : {"smtp://localhost", "smtp://127.0.0.1:2525", "smtp://10.1.2.3",
                             "smtp://mail.internal", "smtp://[::1]"}) {
    EXPECT_FALSE(vet_mail_server(inside, PrivateTargets::kRefused)) << inside;
    EXPECT_TRUE(vet_mail_server(inside, allowed)) << inside;
  }
}

}  // namespace
}  // namespace personas::net
