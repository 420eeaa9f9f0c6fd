#include "personas/settings/key_files.hpp"

#include <array>

#include <gtest/gtest.h>

namespace personas::settings {
namespace {

Settings with_data_dir() {
  Settings settings;
  settings.data_dir = "d";
  settings.db_path = "d/personas.db";
  return settings;
}

TEST(KeyFiles, AConfiguredValueWinsOverTheFile) {
  Settings settings = with_data_dir();
  settings.team_api_key = Secret("k");
  EXPECT_EQ(
      decide_key(Role::kServe, settings, kTeamKeyFile, Existence::kPresent, Existence::kPresent),
      KeyFrom::kSetting);
}

TEST(KeyFiles, TheFileIsTakenWhenNothingIsConfigured) {
  for (const auto role : {Role::kUp, Role::kServe, Role::kWorker, Role::kClient}) {
    EXPECT_EQ(
        decide_key(role, with_data_dir(), kTeamKeyFile, Existence::kPresent, Existence::kAbsent),
        KeyFrom::kFile);
  }
}

TEST(KeyFiles, OnlyUpGenerates) {
  const Settings settings = with_data_dir();
  EXPECT_EQ(decide_key(Role::kUp, settings, kMasterKeyFile, Existence::kAbsent, Existence::kAbsent),
            KeyFrom::kGenerate);
  const auto serve =
      decide_key(Role::kServe, settings, kMasterKeyFile, Existence::kAbsent, Existence::kAbsent);
  ASSERT_FALSE(serve);
  EXPECT_EQ(serve.error().code, ErrorCode::kMisconfigured);
  EXPECT_EQ(serve.error().message,
            "MASTER_KEY is not set and there is no d/master.key. Set MASTER_KEY in the "
            "environment, or give --master-key-file");
}

TEST(KeyFiles, ANewMasterKeyIsNeverMadeBesideAnExistingDatabase) {
  const Settings settings = with_data_dir();
  EXPECT_FALSE(
      decide_key(Role::kUp, settings, kMasterKeyFile, Existence::kAbsent, Existence::kPresent));
  EXPECT_EQ(
      decide_key(Role::kUp, settings, kWorkerTokenFile, Existence::kAbsent, Existence::kPresent),
      KeyFrom::kGenerate);
}

TEST(KeyFiles, ReadsOneCheckedLine) {
  EXPECT_TRUE(parse_key(kTeamKeyFile, "abc\n")->equals("abc"));
  EXPECT_FALSE(parse_key(kTeamKeyFile, "\n"));
  EXPECT_FALSE(parse_key(kTeamKeyFile, "two words"));
  EXPECT_FALSE(parse_key(kMasterKeyFile, "abc"));
  EXPECT_TRUE(parse_key(kMasterKeyFile, std::string(64, 'F')));
}

TEST(KeyFiles, ADamagedFileIsRefusedByNameWithACure) {
  const std::string whole = std::string(32, '7') + std::string(32, 'c') + "\n";
  for (const auto& key : kKeyFiles) {
    ASSERT_TRUE(parse_key(key, whole));
    for (std::size_t size = 0; size < 64; ++size) {
      if (size == 48 || (size > 0 && size <= 32)) continue;  // what a person may have chosen
      const auto parsed = parse_key(key, whole.substr(0, size));
      ASSERT_FALSE(parsed) << key.file << " cut to " << size;
      EXPECT_NE(parsed.error().message.find(key.file), std::string::npos);
      EXPECT_NE(parsed.error().message.find("Restore it from your backup"), std::string::npos);
    }
  }
  // Of one without a check, a changed digit that is no digit any more. One that is still a digit is
  // another key: the store refuses a wrong master key, and whoever uses the others is refused.
  int found = 0;
  for (std::size_t bit = 0; bit < 64 * 8; ++bit) {
    auto changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    const bool is_digit = std::string_view("0123456789abcdef").contains(changed[bit / 8]);
    if (!is_digit) EXPECT_FALSE(parse_key(kTeamKeyFile, changed)) << bit;
    if (!is_digit) ++found;
  }
  EXPECT_GT(found, 200);
}

TEST(KeyFiles, AGeneratedKeyShowsEveryChangeOfOneDigit) {
  std::array<std::uint8_t, kRandomKeyBytes> random{};
  for (std::size_t i = 0; i < random.size(); ++i) random[i] = static_cast<std::uint8_t>(7 * i + 1);
  EXPECT_EQ(make_key(kMasterKeyFile, random).size(), 64U)
      << "a check of its own is in the database";
  EXPECT_TRUE(parse_key(kMasterKeyFile, make_key(kMasterKeyFile, random)));
  for (const auto* key : {&kTeamKeyFile, &kWorkerTokenFile}) {
    const auto made = make_key(*key, random);
    EXPECT_EQ(made.size(), 72U);
    ASSERT_TRUE(parse_key(*key, made + "\n")->equals(made));
    for (std::size_t bit = 0; bit < made.size() * 8; ++bit) {
      auto changed = made;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(parse_key(*key, changed)) << key->file << " bit " << bit;
    }
    for (std::size_t size = 65; size < made.size(); ++size) {
      EXPECT_FALSE(parse_key(*key, made.substr(0, size))) << key->file << " cut to " << size;
    }
  }
  const auto team = make_key(kTeamKeyFile, random);
  const auto taken_for_the_other = parse_key(kWorkerTokenFile, team);
  ASSERT_FALSE(taken_for_the_other);
  EXPECT_FALSE(taken_for_the_other.error().message.contains(team.substr(0, 64)));
}

}  // namespace
}  // namespace personas::settings
