// A vault over a real store in a folder of its own.
#pragma once

#include <filesystem>
#include <stdlib.h>

#include <gtest/gtest.h>

#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"
#include "personas/vault/vault.hpp"

namespace personas::vault {

inline const std::string kHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
inline const std::string kName = "provider/claude";

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

  template <class F>
  auto write(F operation) {
    return store::write_now(*store_, std::move(operation));
  }
  Result<void> put(const Vault& vault, const TenantId& tenant, std::string_view value,
                   std::string_view name = kName) {
    return write([&](store::Transaction& tx) {
      return vault.put(tx, tenant, name, Secret(std::string(value)), {1});
    });
  }
  Result<std::optional<Secret>> get(const Vault& vault, const TenantId& tenant,
                                    std::string_view name = kName) {
    return store::read_now(*store_,
                           [&](store::Transaction& tx) { return vault.get(tx, tenant, name); });
  }
  Result<std::int64_t> run(const store::Sql& sql) {
    return write([&](store::Transaction& tx) { return tx.execute(sql, {}); });
  }
  Result<void> check(const MasterKey& key) {
    return write([&](store::Transaction& tx) { return check_master_key(tx, key); });
  }

  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
  MasterKey key_ = *MasterKey::parse(kHex);
  SeededRandom random_{3};
  Vault vault_{key_, random_};
};

}  // namespace personas::vault
