#include "personas/vault/intake.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "personas/crypto/aead.hpp"
#include "personas/crypto/sealed_box.hpp"

namespace personas::vault {
namespace {

const std::string kHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
constexpr Timestamp kNow{1'800'000'000'000'000};

class IntakeTest : public testing::Test {
 protected:
  std::string box(std::string_view plain) {
    return to_base64(*crypto::seal_box(intake_.public_key(), as_bytes(plain), random_));
  }
  // A good one, with some of its members replaced.
  std::string plain(std::string_view name, std::string_view value) {
    std::map<std::string, std::string, std::less<>> members{
        {"v", "1"},
        {"tenant", R"("ten_1")"},
        {"name", R"("github")"},
        {"kid", fmt::format("\"{}\"", intake_.key_id())},
        {"iat", "1800000000"},
        {"exp", "1800000300"},
        {"nonce", R"("0123456789abcdef")"},
        {"value", R"("the value")"}};
    if (value.empty()) members.erase(std::string(name));
    if (!value.empty()) members[std::string(name)] = value;
    std::string text;
    for (const auto& [key, member] : members) {
      text += fmt::format("{}\"{}\":{}", text.empty() ? "{" : ",", key, member);
    }
    return text + "}";
  }
  auto open(std::string_view sealed, Timestamp now = kNow) {
    return intake_.open_box(sealed, TenantId("ten_1"), "github", now);
  }

  Intake intake_{*MasterKey::parse(kHex)};
  SeededRandom random_{5};
};

TEST_F(IntakeTest, OpensWhatAClientSealed) {
  const auto sealed =
      seal_for(intake_.public_key(),
               {"ten_1", "github", intake_.key_id(), R"({"token":"a \"b\""})"}, kNow, random_);
  ASSERT_TRUE(sealed);
  const auto opened = open(*sealed);
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(opened->value.reveal(), R"({"token":"a \"b\""})");
  EXPECT_GT(opened->expires, kNow);
  EXPECT_EQ(open(box(plain("use", R"({"hosts":["api.github.com"]})")))->use,
            R"({"hosts":["api.github.com"]})");
}

TEST_F(IntakeTest, RefusesEveryWrongBindingWithTheSameWords) {
  ASSERT_TRUE(open(box(plain("v", "1"))));
  const std::vector<std::pair<std::string, std::string>> wrongs{{"v", "2"},
                                                                {"v", "\"1\""},
                                                                {"v", ""},
                                                                {"tenant", "\"x\""},
                                                                {"tenant", ""},
                                                                {"name", "\"gitlab\""},
                                                                {"name", ""},
                                                                {"kid", "\"0000\""},
                                                                {"kid", ""},
                                                                {"iat", ""},
                                                                {"iat", "1800000301"},
                                                                {"iat", "1799990000"},
                                                                {"iat", "\"now\""},
                                                                {"exp", "1800000000"},
                                                                {"exp", "1799999999"},
                                                                {"exp", "1800009999"},
                                                                {"exp", "1800000300.5"},
                                                                {"exp", ""},
                                                                {"nonce", "\"short\""},
                                                                {"nonce", ""},
                                                                {"value", "17"},
                                                                {"value", ""},
                                                                {"extra", "1"},
                                                                {"iat", "-1"}};
  std::vector<std::string> sealed;
  for (const auto& [name, value] : wrongs) sealed.push_back(box(plain(name, value)));
  sealed.push_back(box("not JSON"));
  sealed.push_back("not base64!");
  sealed.push_back(to_base64(Bytes(47, 1)));
  sealed.push_back(to_base64(Bytes(48, 1)));
  const Intake other(*MasterKey::parse(std::string(64, '7')));
  sealed.push_back(
      to_base64(*crypto::seal_box(other.public_key(), as_bytes(plain("v", "1")), random_)));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    const auto refused = open(sealed[i]);
    ASSERT_FALSE(refused) << i;
    EXPECT_EQ(refused.error(), Intake::wrong_box().error()) << i;
  }
}

TEST_F(IntakeTest, DecryptsWhatIsUnderTheMasterKeyAndSaysWhatIsWrong) {
  const auto key = MasterKey::parse(kHex)->raw().clone();
  crypto::Nonce nonce{};
  const auto sealed = crypto::seal(key, nonce, as_bytes("a value"), {});
  const std::string data = to_hex(ByteView(sealed).first(7));
  const std::string tag = to_hex(ByteView(sealed).subspan(7));
  const std::string iv = to_hex(nonce);
  EXPECT_EQ(intake_.open_master_sealed({data, iv, tag})->reveal(), "a value");
  // Made with Node's crypto and an iv of 16 bytes.
  EXPECT_EQ(intake_
                .open_master_sealed({"1c4ed4195281240aa7ddbd5b3ac90cdd3bd70e831a",
                                     "000102030405060708090a0b0c0d0e0f",
                                     "43cb0c3ccea63eaac29b99bed9786411"})
                ->reveal(),
            R"({"token":"from node"})");
  const auto field_of = [&](std::string_view d, std::string_view i, std::string_view t) {
    const auto refused = intake_.open_master_sealed({d, i, t});
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
    return refused.error().fields.at(0).path;
  };
  EXPECT_EQ(field_of(data, iv, std::string(32, '0')), "/tag");
  EXPECT_EQ(field_of(data, iv, "00"), "/tag");
  EXPECT_EQ(field_of(data, "xyz", tag), "/iv");
  EXPECT_EQ(field_of("", iv, tag), "/encryptedData");
}

}  // namespace
}  // namespace personas::vault
