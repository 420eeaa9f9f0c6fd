#include "personas/vault/vault.hpp"

#include <filesystem>
#include <stdlib.h>

#include <gtest/gtest.h>

#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::vault {
namespace {

const std::string kHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

class VaultTest : public testing::Test {
 protected:
  VaultTest() {
    std::string name = testing::TempDir() + "personas-vault-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    auto opened = store_sqlite::open_sqlite({.path = folder_ / "personas.db"},
                                            [](const Error&) { std::abort(); });
    EXPECT_TRUE(opened) << opened.error().describe();
    store_ = std::move(*opened);
    const auto migrated = store::write_now(*store_, [](store::Transaction& tx) {
      return store::migrate(tx, store::schema_migrations(), {1});
    });
    EXPECT_TRUE(migrated) << migrated.error().describe();
  }
  ~VaultTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  Result<void> put(const Vault& vault, const TenantId& tenant, std::string_view value) {
    return store::write_now(*store_, [&](store::Transaction& tx) {
      return vault.put(tx, tenant, kClaudeToken, Secret(std::string(value)), {1});
    });
  }
  Result<std::optional<Secret>> get(const Vault& vault, const TenantId& tenant) {
    return store::read_now(
        *store_, [&](store::Transaction& tx) { return vault.get(tx, tenant, kClaudeToken); });
  }
  Result<std::int64_t> run(const store::Sql& sql) {
    return store::write_now(*store_, [&](store::Transaction& tx) { return tx.execute(sql, {}); });
  }
  Result<void> check(const MasterKey& key) {
    return store::write_now(*store_,
                            [&](store::Transaction& tx) { return check_master_key(tx, key); });
  }

  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
  MasterKey key_ = *MasterKey::parse(kHex);
  SeededRandom random_{3};
};

TEST(MasterKey, WantsSixtyFourHexDigits) {
  EXPECT_TRUE(MasterKey::parse(kHex));
  for (const auto& wrong :
       {std::string(), std::string("secret"), kHex + "0", kHex.substr(1), "g" + kHex.substr(1)}) {
    const auto refused = MasterKey::parse(wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kMisconfigured);
    EXPECT_NE(refused.error().message.find("MASTER_KEY"), std::string::npos);
  }
}

TEST(MasterKey, GivesEachUseItsOwnKey) {
  const auto key = *MasterKey::parse(kHex);
  EXPECT_FALSE(key.derive("a").equals(key.derive("b").reveal()));
  EXPECT_TRUE(key.derive("a").equals(key.derive("a").reveal()));
}

TEST_F(VaultTest, NoticesAnotherMasterKey) {
  EXPECT_TRUE(check(key_));
  EXPECT_TRUE(check(key_));
  const auto other = *MasterKey::parse(std::string(64, '7'));
  const auto refused = check(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kWrongMasterKey);
}

TEST_F(VaultTest, KeepsASecretPerTenantAndReplacesIt) {
  const Vault vault(key_, random_);
  const TenantId other("ten_other");
  ASSERT_TRUE(put(vault, default_tenant(), "first"));
  ASSERT_TRUE(put(vault, default_tenant(), "second"));
  EXPECT_EQ((*get(vault, default_tenant()))->reveal(), "second");
  EXPECT_FALSE(get(vault, other)->has_value());
}

TEST_F(VaultTest, RefusesARowThatWasMovedOrReadWithAnotherKey) {
  const Vault vault(key_, random_);
  ASSERT_TRUE(put(vault, default_tenant(), "token"));
  const Vault other(*MasterKey::parse(std::string(64, '7')), random_);
  EXPECT_EQ(get(other, default_tenant()).error().code, ErrorCode::kCorrupt);
  static const store::Sql kMove("UPDATE secrets SET tenant_id = 'ten_other'");
  ASSERT_TRUE(run(kMove));
  EXPECT_EQ(get(vault, TenantId("ten_other")).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace personas::vault
