#include "personas/vault/vault.hpp"

#include "personas/crypto/aead.hpp"

#include "test_vault.hpp"

namespace personas::vault {
namespace {

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
  const Vault& vault = vault_;
  const TenantId other("ten_other");
  ASSERT_TRUE(put(vault, default_tenant(), "first"));
  ASSERT_TRUE(put(vault, default_tenant(), "second"));
  EXPECT_EQ((*get(vault, default_tenant()))->reveal(), "second");
  EXPECT_FALSE(get(vault, other)->has_value());
}

TEST_F(VaultTest, RefusesARowThatWasMovedOrReadWithAnotherKey) {
  const Vault& vault = vault_;
  ASSERT_TRUE(put(vault, default_tenant(), "token"));
  const Vault other(*MasterKey::parse(std::string(64, '7')), random_);
  EXPECT_EQ(get(other, default_tenant()).error().code, ErrorCode::kCorrupt);
  static const store::Sql kMove("UPDATE secrets SET tenant_id = 'ten_other'");
  ASSERT_TRUE(run(kMove));
  EXPECT_EQ(get(vault, TenantId("ten_other")).error().code, ErrorCode::kCorrupt);
}

// One row changed in one way must not be read, and always in the same words.
TEST_F(VaultTest, RefusesARowThatWasChangedMixedOrPutInAnotherPlace) {
  const TenantId other("ten_other");
  const std::string name = "provider/other";
  static const store::Sql kChanges[] = {
      store::Sql("UPDATE secrets SET term = 2"),
      store::Sql("UPDATE secrets SET version = version + 1"),
      store::Sql("UPDATE secrets SET nonce = zeroblob(12)"),
      store::Sql("UPDATE secrets SET nonce = x'00'"),
      store::Sql("UPDATE secrets SET ciphertext = zeroblob(21)"),
      store::Sql("UPDATE secrets SET ciphertext = x''"),
      store::Sql("UPDATE secrets SET wrapped_key = zeroblob(60)"),
      store::Sql("UPDATE secrets SET wrapped_key = x''"),
      store::Sql("UPDATE secrets SET wrapped_key = NULL"),
      // Swapped between tenants, then between names: values, keys, both.
      store::Sql(
          "UPDATE secrets SET ciphertext = (SELECT ciphertext FROM secrets o WHERE o.tenant_id "
          "= 'ten_other'), nonce = (SELECT nonce FROM secrets o WHERE o.tenant_id = "
          "'ten_other') WHERE tenant_id <> 'ten_other'"),
      store::Sql("UPDATE secrets SET wrapped_key = (SELECT wrapped_key FROM secrets o WHERE "
                 "o.tenant_id = 'ten_other') WHERE tenant_id <> 'ten_other'"),
      store::Sql(
          "UPDATE secrets SET (wrapped_key, nonce, ciphertext) = (SELECT wrapped_key, nonce, "
          "ciphertext FROM secrets o WHERE o.tenant_id = 'ten_other') WHERE tenant_id <> "
          "'ten_other'"),
      store::Sql(
          "UPDATE secrets SET (wrapped_key, nonce, ciphertext) = (SELECT wrapped_key, nonce, "
          "ciphertext FROM secrets o WHERE o.name = 'provider/other') WHERE name = "
          "'provider/claude'"),
  };
  static const store::Sql kClear("DELETE FROM secrets");
  std::string words;
  for (const auto& change : kChanges) {
    ASSERT_TRUE(run(kClear));
    ASSERT_TRUE(put(vault_, default_tenant(), "token"));
    ASSERT_TRUE(put(vault_, default_tenant(), "token", name));
    ASSERT_TRUE(put(vault_, other, "token"));
    ASSERT_EQ((*get(vault_, default_tenant()))->reveal(), "token");
    ASSERT_TRUE(run(change)) << change.text();
    const auto read = get(vault_, default_tenant());
    ASSERT_FALSE(read) << change.text();
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    if (words.empty()) words = read.error().message;
    EXPECT_EQ(read.error().message, words) << change.text();
  }
}

TEST_F(VaultTest, ReadsARowOfTheOlderFormAndWritesItAnew) {
  static const store::Sql kOld(
      "INSERT INTO secrets (tenant_id, name, version, term, nonce, ciphertext, created_at) VALUES "
      "(?, ?, 7, 1, ?, ?, 1)");
  static const store::Sql kOlder("SELECT count(*) FROM secrets WHERE wrapped_key IS NULL");
  const auto older = [&] {
    std::int64_t count = -1;
    EXPECT_TRUE(write([&](store::Transaction& tx) {
      return tx.query(kOlder, {}, [&](const store::Row& row) -> Result<bool> {
        count = row.integer(0);
        return false;
      });
    }));
    return count;
  };
  const auto nonce = crypto::make_nonce(random_);
  std::string bound = default_tenant().str();
  bound += std::string_view(
      "\0provider/claude\0"
      "7/1",
      20);
  const auto sealed = crypto::seal(key_.derive(key_labels::kSecrets), nonce, as_bytes("old token"),
                                   as_bytes(bound));
  ASSERT_TRUE(write([&](store::Transaction& tx) {
    return tx.execute(kOld, {default_tenant(), kName, ByteView(nonce), ByteView(sealed)});
  }));
  EXPECT_EQ((*get(vault_, default_tenant()))->reveal(), "old token");
  EXPECT_EQ(older(), 1);
  ASSERT_TRUE(put(vault_, default_tenant(), "new token"));
  EXPECT_EQ((*get(vault_, default_tenant()))->reveal(), "new token");
  EXPECT_EQ(older(), 0);
}

}  // namespace
}  // namespace personas::vault
