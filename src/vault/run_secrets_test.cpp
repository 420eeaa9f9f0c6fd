#include "personas/vault/run_secrets.hpp"

#include "personas/store/credential_repository.hpp"
#include "personas/store/metering.hpp"
#include "personas/vault/credential_value.hpp"

#include "test_vault.hpp"

namespace personas::vault {
namespace {

constexpr Timestamp kNow{1'800'000'000'000'000};

class RunSecrets : public VaultTest {
 protected:
  void store_credential(const std::string& id, const std::string& name, const std::string& text) {
    const auto stored = write([&](store::Transaction& tx) -> Result<void> {
      Credential credential;
      credential.id = CredentialId(id);
      credential.name = name;
      TRY(const auto value, read_credential(Secret(text)));
      TRY_VOID(describe_values(value, {}, credential));
      TRY_VOID(store::insert_credential(tx, default_tenant(), credential));
      return vault_.put(tx, default_tenant(), credential_secret(credential.id), pack(value), kNow);
    });
    ASSERT_TRUE(stored) << stored.error().describe();
  }
  void link(const std::string& id) {
    ASSERT_TRUE(write([&](store::Transaction& tx) {
      return store::link_credential(tx, default_tenant(), PersonaId("per_1"), CredentialId(id),
                                    kNow);
    }));
  }
  using Purpose = RunSecretsRequest::Purpose;
  Result<std::vector<NamedSecret>> of(std::vector<CredentialId> ids,
                                      Purpose purpose = Purpose::kRun, Timestamp now = kNow) {
    return write([&](store::Transaction& tx) {
      return connector_secrets(tx, vault_,
                               {.tenant = default_tenant(),
                                .persona = PersonaId("per_1"),
                                .backend = "claude",
                                .credential_ids = ids,
                                .now = now,
                                .purpose = purpose});
    });
  }
  std::optional<Timestamp> last_used(const std::string& id) {
    return (*write([&](store::Transaction& tx) {
             return store::find_credential(tx, default_tenant(), CredentialId(id));
           }))
        ->last_used_at;
  }
};

TEST_F(RunSecrets, AreThoseOfThePersonaAndOfTheExecutionEachOnce) {
  store_credential("cred_a", "gitlab", R"({"token":"glpat-12345678","user":"bob"})");
  store_credential("cred_b", "slack hook", "https://hooks.example/secret");
  store_credential("cred_c", "other", "not of this run");
  link("cred_a");
  const auto secrets = of({CredentialId("cred_b"), CredentialId("cred_a")});
  ASSERT_TRUE(secrets) << secrets.error().describe();
  ASSERT_EQ(secrets->size(), 3u);
  EXPECT_EQ((*secrets)[0].name, "CONNECTOR_GITLAB_TOKEN");
  EXPECT_EQ((*secrets)[0].value.reveal(), "glpat-12345678");
  EXPECT_EQ((*secrets)[0].masked, Masked::kYes);
  EXPECT_EQ((*secrets)[1].name, "CONNECTOR_GITLAB_USER");
  EXPECT_EQ((*secrets)[1].masked, Masked::kNo);
  EXPECT_EQ((*secrets)[2].name, "CONNECTOR_SLACK_HOOK");
  EXPECT_EQ((*secrets)[2].value.reveal(), "https://hooks.example/secret");
}

TEST_F(RunSecrets, NoteTheHourOfTheirUse) {
  store_credential("cred_a", "gitlab", "glpat-12345678");
  link("cred_a");
  ASSERT_TRUE(of({}, Purpose::kMask));
  EXPECT_FALSE(last_used("cred_a"));
  ASSERT_TRUE(of({}));
  EXPECT_EQ(last_used("cred_a"), kNow);
  ASSERT_TRUE(of({}, Purpose::kRun, kNow + minutes(59)));
  EXPECT_EQ(last_used("cred_a"), kNow);
  ASSERT_TRUE(of({}, Purpose::kRun, kNow + minutes(60)));
  EXPECT_EQ(last_used("cred_a"), kNow + minutes(60));
}

TEST_F(RunSecrets, AreCountedWhenARunGetsThem) {
  store_credential("cred_a", "gitlab", "glpat-12345678");
  link("cred_a");
  ASSERT_TRUE(of({}));
  ASSERT_TRUE(of({}));
  ASSERT_TRUE(of({}, Purpose::kMask));
  const auto report = write([&](store::Transaction& tx) {
    return store::usage(tx, default_tenant(), {.since = kNow, .until = kNow + hours(1)});
  });
  ASSERT_TRUE(report);
  EXPECT_EQ(report->total.credential_accesses, 2);
}

TEST_F(RunSecrets, NameTheOneThatIsGoneOrUnreadable) {
  const auto gone = of({CredentialId("cred_gone")});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(gone.error().message.contains("cred_gone"));
  EXPECT_TRUE(of({CredentialId("cred_gone")}, Purpose::kMask)->empty());

  store_credential("cred_a", "gitlab", "glpat-12345678");
  link("cred_a");
  static const store::Sql kBreak("UPDATE secrets SET ciphertext = zeroblob(60)");
  ASSERT_TRUE(run(kBreak));
  const auto broken = of({});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(broken.error().message.contains("gitlab"));
  EXPECT_TRUE(of({}, Purpose::kMask)->empty());
  static const store::Sql kDrop("DELETE FROM secrets");
  ASSERT_TRUE(run(kDrop));
  EXPECT_EQ(of({}).error().code, ErrorCode::kNotFound);
}

TEST(RunLimits, AreTold) {
  Credential credential;
  credential.value_bytes = kMaxRunCredentialBytes;
  EXPECT_TRUE(check_run_limits({credential}));
  EXPECT_EQ(check_run_limits({credential, credential}).error().code, ErrorCode::kUnprocessable);
  EXPECT_FALSE(check_run_limits(std::vector<Credential>(kMaxRunCredentials + 1)));
}

}  // namespace
}  // namespace personas::vault
