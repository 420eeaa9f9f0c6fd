#include "personas/crypto/certificate.hpp"

#include <gtest/gtest.h>

namespace personas::crypto {
namespace {

constexpr std::string_view kCertificate =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBMjCB5aADAgECAhR107docvZdjEAc8p5kQumYZFREyTAFBgMrZXAwDzENMAsG\n"
    "A1UEAwwEdGVzdDAeFw0yNjExMjExMzU0NDJaFw0zNjExMTgxMzU0NDJaMA8xDTAL\n"
    "BgNVBAMMBHRlc3QwKjAFBgMrZXADIQAvUjcXTTkWdxf7QAw1hHvIhQEasjpzMJRr\n"
    "8LIy3YoTraNTMFEwHQYDVR0OBBYEFATHmuCrTlqBdLrQj69yl0Cm5tUqMB8GA1Ud\n"
    "IwQYMBaAFATHmuCrTlqBdLrQj69yl0Cm5tUqMA8GA1UdEwEB/wQFMAMBAf8wBQYD\n"
    "K2VwA0EAWrlzDSXY+/I9081wx3bfuuci0cVCX728Ofz6jtxtYff7vQ6qqWnfAlB7\n"
    "7/wmhCgZ4zNbsiPTtMBsPcgjdsNCCQ==\n"
    "-----END CERTIFICATE-----\n";

TEST(Certificate, SaysWhenItExpires) {
  const auto expires = certificate_expiry(kCertificate);
  ASSERT_TRUE(expires) << expires.error().message;
  EXPECT_EQ(to_rfc3339(*expires), "2036-11-18T13:54:42.000Z");
}

TEST(Certificate, AnythingElseIsRefused) {
  EXPECT_FALSE(certificate_expiry(""));
  EXPECT_FALSE(certificate_expiry(kCertificate.substr(0, 100)));
}

}  // namespace
}  // namespace personas::crypto
