#include "personas/vault/webhook_secrets.hpp"

#include <gmock/gmock.h>

#include "personas/store/repositories.hpp"

#include "test_vault.hpp"

namespace personas::vault {
namespace {

class WebhookSecrets : public VaultTest {
 protected:
  static Persona named(std::string id, std::optional<std::string> secret) {
    Persona persona;
    persona.id = PersonaId(std::move(id));
    persona.name = persona.id.str();
    persona.webhook_secret = std::move(secret);
    return persona;
  }
  void insert(const Persona& persona) {
    ASSERT_TRUE(write([&](store::Transaction& tx) {
      return store::insert_persona(tx, default_tenant(), persona);
    }));
  }
  std::string column(const std::string& id) {
    const auto found = store::read_now(*store_, [&](store::Transaction& tx) {
      return store::find_persona(tx, default_tenant(), PersonaId(id));
    });
    return (**found).webhook_secret.value_or("<none>");
  }
  std::string secret(const std::string& id) {
    auto found = store::read_now(*store_, [&](store::Transaction& tx) {
      return persona_webhook_secret(tx, vault_, default_tenant(), PersonaId(id));
    });
    EXPECT_TRUE(found);
    return *found ? std::string((**found).reveal()) : "<none>";
  }
  std::int64_t move() {
    return *write(
        [&](store::Transaction& tx) { return move_webhook_secrets(tx, vault_, Timestamp{2}); });
  }
};

TEST_F(WebhookSecrets, MovesThoseOfOlderVersionsOnce) {
  insert(named("per_1", "first"));
  insert(named("per_2", "sealed:looks like a fingerprint"));
  insert(named("per_3", std::nullopt));
  insert(named("per_4", ""));
  EXPECT_EQ(move(), 3);
  EXPECT_EQ(secret("per_1"), "first");
  EXPECT_EQ(secret("per_2"), "sealed:looks like a fingerprint");
  EXPECT_EQ(secret("per_3"), "<none>");
  EXPECT_EQ(secret("per_4"), "<none>");
  EXPECT_EQ(column("per_1"), webhook_fingerprint(vault_, PersonaId("per_1"), "first"));
  EXPECT_EQ(column("per_4"), "<none>");
  EXPECT_EQ(move(), 0);
  EXPECT_EQ(secret("per_1"), "first");
}

// A database of the last version that kept the secret in the row, brought to the present one.
TEST_F(WebhookSecrets, ComeOverFromADatabaseOfAnOlderVersion) {
  store_.reset();
  auto opened =
      store_sqlite::open_sqlite({.path = folder_ / "older.db"}, [](const Error&) { std::abort(); });
  ASSERT_TRUE(opened);
  store_ = std::move(*opened);
  const auto migrated_to = [this](std::size_t count) {
    return *write([count](store::Transaction& tx) {
      return store::migrate(tx, store::schema_migrations().first(count), {1});
    });
  };
  ASSERT_EQ(migrated_to(3), 3);
  // As that version wrote it: its tables have not the columns of later ones.
  ASSERT_TRUE(write([](store::Transaction& tx) {
    static const store::Sql kOlder(
        "INSERT INTO personas (tenant_id, id, name, description, system_prompt, enabled, "
        "max_concurrent, timeout_ms, backend, on_quota, webhook_secret, created_at, updated_at) "
        "VALUES (?, 'per_1', 'older', '', '', 1, 1, 1000, 'demo', 'park', 'from before', 1, 1)");
    return tx.execute(kOlder, {default_tenant()});
  }));
  const auto all = store::schema_migrations().size();
  ASSERT_EQ(migrated_to(all), static_cast<int>(all) - 3);
  EXPECT_EQ(move(), 1);
  EXPECT_EQ(secret("per_1"), "from before");
  EXPECT_EQ(column("per_1").substr(0, 7), "sealed:");
}

TEST_F(WebhookSecrets, KeepsNothingOfTheSecretInTheRow) {
  auto persona = named("per_1", "hidden-value");
  ASSERT_TRUE(write([&](store::Transaction& tx) {
    return keep_webhook_secret(tx, vault_, default_tenant(), {}, persona, Timestamp{1});
  }));
  EXPECT_THAT(*persona.webhook_secret, testing::Not(testing::HasSubstr("hidden")));
  // The same secret gives two personas fingerprints that do not tell it is the same.
  EXPECT_NE(webhook_fingerprint(vault_, PersonaId("per_1"), "x"),
            webhook_fingerprint(vault_, PersonaId("per_2"), "x"));
  const auto before = persona.webhook_secret;
  persona.webhook_secret = "hidden-value";
  EXPECT_FALSE(is_new_webhook_secret(vault_, before, persona));
  persona.webhook_secret = "other";
  EXPECT_TRUE(is_new_webhook_secret(vault_, before, persona));
  persona.webhook_secret.reset();
  EXPECT_TRUE(is_new_webhook_secret(vault_, before, persona));
}

TEST_F(WebhookSecrets, HoldsBothOfASourceDuringARotation) {
  const std::vector<std::string> both{"new", "old"};
  const auto kept = [&] {
    return store::read_now(*store_,
                           [&](store::Transaction& tx) {
                             return source_secrets(tx, vault_, default_tenant(), "whs_1");
                           })
        ->size();
  };
  ASSERT_TRUE(write([&](store::Transaction& tx) {
    return put_source_secrets(tx, vault_, default_tenant(), "whs_1", both, Timestamp{1});
  }));
  EXPECT_EQ(kept(), 2U);
  ASSERT_TRUE(write([&](store::Transaction& tx) {
    return forget_source_secrets(tx, vault_, default_tenant(), "whs_1");
  }));
  EXPECT_EQ(kept(), 0U);
}

}  // namespace
}  // namespace personas::vault
