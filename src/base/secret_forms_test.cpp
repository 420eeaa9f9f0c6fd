#include "secret_forms.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"

namespace personas {
namespace {

bool holds(const std::vector<std::string>& forms, std::string_view form) {
  return std::ranges::find(forms, form) != forms.end();
}

TEST(SecretForms, SpellAValueAsProgramsWriteIt) {
  const auto forms = forms_of("p\"a/ß 1&", 1);
  for (const auto& form :
       {"p\"a/ß 1&", "p\\\"a/ß 1&", "p\\\\\\\"a/ß 1&", "p\\\"a/\\u00df 1&", "p\\\"a\\/ß 1&",
        "p\\\"a/ß 1\\u0026", "p%22a%2F%C3%9F%201%26", "p%22a%2f%c3%9f%201%26", "p%22a/%C3%9F%201&",
        "p%22a%2F%C3%9F+1%26", "%70%22%61%2F%C3%9F%20%31%26"}) {
    EXPECT_TRUE(holds(forms.exact, form)) << form;
  }
  EXPECT_TRUE(holds(forms.armoured, to_hex(as_bytes("p\"a/ß 1&"))));
}

TEST(SecretForms, WritesPointsBeyondTheBasicPlaneAsSurrogates) {
  EXPECT_TRUE(holds(forms_of("key\xF0\x9F\x94\x91key", 6).exact, "key\\ud83d\\udd11key"));
  EXPECT_FALSE(forms_of("broken\xF0\x9F", 6).exact.empty());
}

TEST(SecretForms, OfBase64AreThoseThatTheValueAloneDecides) {
  const std::string value = "s3cr3t-value";
  const auto forms = forms_of(value, 6);
  for (const std::string before : {"", "x", "xy", "xyz", "longer text "}) {
    for (const std::string after : {"", "a", "ab", "and so on"}) {
      const std::string text = to_base64(as_bytes(before + value + after));
      EXPECT_TRUE(std::ranges::any_of(forms.armoured, [&](const auto& form) {
        return form.size() >= 14 && text.contains(form);
      })) << text;
    }
  }
}

TEST(SecretForms, KnowLinesAndForgetTheLastLineBreak) {
  const auto forms =
      forms_of("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END KEY-----\n", 6);
  EXPECT_TRUE(holds(forms.exact, "MIIEvQIBADANBgkqhkiG9w0B"));
  EXPECT_FALSE(holds(forms.exact, "-----BEGIN KEY-----"));
  EXPECT_TRUE(holds(forms_of("token-1\n", 6).exact, "token-1"));
}

TEST(SecretForms, OfTooShortAValueAreNone) {
  EXPECT_TRUE(forms_of("abcde", 6).exact.empty());
  EXPECT_TRUE(forms_of("abcde", 6).armoured.empty());
}

}  // namespace
}  // namespace personas
