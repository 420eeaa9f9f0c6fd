// Credentials over the API: every form of upload, links, limits, and that no value comes back.
#include "personas/crypto/aead.hpp"
#include "personas/store/credential_repository.hpp"
#include "personas/vault/credential_value.hpp"
#include "personas/vault/seal.hpp"

#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;

const std::string kFields = R"({"url":"https://git.example","token":"glpat-CANARY-42"})";

class CredentialsApi : public ApiTest {
 protected:
  // From this machine.
  Answer local(std::string_view method, std::string_view target, std::string body) {
    auto out = request(method, target, std::move(body), {}, kTeamKey);
    out.from_loopback = true;
    return send_all({out}).front();
  }
  std::string make(std::string_view name, std::string_view value = "a secret value") {
    const auto made = local("POST", "/api/credentials",
                            fmt::format(R"({{"name":"{}","value":"{}"}})", name, value));
    EXPECT_EQ(made.status, 201) << made.text;
    return made.at("id");
  }
  std::string seal(std::string_view name, std::string_view value_json, std::string tenant = {}) {
    const auto key = get("/api/vault/public-key");
    EXPECT_EQ(key.at("alg"), "x25519-sealedbox");
    if (tenant.empty()) tenant = key.at("tenant");
    const std::string kid = key.at("kid");
    const auto sealed = vault::seal_for(*from_base64(key.at("publicKey")),
                                        {tenant, name, kid, value_json}, clock_.wall(), random_);
    return fmt::format(R"({{"name":"{}","sealed":"{}"}})", name, *sealed);
  }
  std::string stored(const std::string& id) {
    const auto packed = store::read_now(*store_, [&](store::Transaction& tx) {
      return vault_.get(tx, default_tenant(), vault::credential_secret(CredentialId(id)));
    });
    return packed && *packed ? std::string((*packed)->reveal()) : "(none)";
  }
};

TEST_F(CredentialsApi, FieldsAreKeptAndOnlyTheirNamesAreShown) {
  const auto made = local(
      "POST", "/api/credentials",
      R"({"name":"gitlab","serviceType":"gitlab","metadata":{"plainFields":["url"]},"fields":)" +
          kFields + "}");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.at("fields"), R"(["token","url"])");
  EXPECT_EQ(made.at("unmaskedFields"), R"(["url"])");
  EXPECT_EQ(made.at("metadata"), R"({"plainFields":["url"]})");
  EXPECT_EQ(made.at("lastUsedAt"), "null");
  EXPECT_THAT(stored(made.at("id")), HasSubstr("glpat-CANARY-42"));
  for (const std::string& path :
       {std::string("/api/credentials"), "/api/credentials/" + made.at("id")}) {
    const auto shown = get(path);
    EXPECT_EQ(shown.status, 200);
    EXPECT_THAT(shown.text, HasSubstr("gitlab"));
    EXPECT_EQ(shown.text.find("CANARY"), std::string::npos);
    EXPECT_EQ(shown.text.find("valueBytes"), std::string::npos);
  }
}

TEST_F(CredentialsApi, AValueAsItIsIsTakenFromThisMachineOrOverTlsOnly) {
  const std::string body = R"({"name":"slack","value":"xoxb-CANARY-42"})";
  const auto refused = post("/api/credentials", body);
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.at("error"), HasSubstr("/api/vault/public-key"));
  auto forwarded =
      request("POST", "/api/credentials", body, {{"X-Forwarded-For", "192.0.2.1"}}, kTeamKey);
  forwarded.from_loopback = true;
  EXPECT_EQ(send_all({forwarded}).front().status, 403);
  auto secure = request("POST", "/api/credentials", body, {}, kTeamKey);
  secure.over_tls = true;
  EXPECT_EQ(send_all({secure}).front().status, 201);
}

TEST_F(CredentialsApi, WhatIsSealedForTheDeploymentIsTakenOnceFromAnywhere) {
  const std::string body = seal("gitlab", kFields);
  const auto made = post("/api/credentials", body);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_THAT(stored(made.at("id")), HasSubstr("glpat-CANARY-42"));
  const std::string path = "/api/credentials/" + made.at("id");
  EXPECT_EQ(send("PUT", path, body).status, 422);  // its nonce is spent
  EXPECT_EQ(send("PUT", path, seal("gitlab", R"("a new value")")).status, 200);
  EXPECT_THAT(stored(made.at("id")), HasSubstr("a new value"));
}

TEST_F(CredentialsApi, EveryWrongSealedValueGetsTheSameAnswer) {
  const auto words = [&](std::string body) {
    const auto refused = post("/api/credentials", std::move(body));
    EXPECT_EQ(refused.status, 422) << refused.text;
    return refused.at("error") + refused.at("fields");
  };
  const std::string once = words(R"({"name":"a","sealed":"AAAA"})");
  EXPECT_EQ(words(seal("a", R"("some value")", "ten_other")), once);
  std::string other_name = seal("a", R"("some value")");
  other_name.replace(other_name.find("\"a\""), 3, "\"b\"");
  EXPECT_EQ(words(other_name), once);
  const std::string late = seal("a", R"("some value")");
  clock_.jump_wall(hours(2));
  EXPECT_EQ(words(late), once);
}

TEST_F(CredentialsApi, WhatIsUnderTheMasterKeyIsTakenAndAWrongTagIsTold) {
  crypto::Nonce nonce{};
  const Secret key = master_.raw().clone();
  const auto sealed = crypto::seal(key, nonce, as_bytes(kFields), {});
  const ByteView data(sealed);
  const auto body = [&](std::string_view name, std::string_view tag) {
    return fmt::format(R"({{"name":"{}","serviceType":"gitlab","encryptedData":"{}","iv":"{}",)"
                       R"("tag":"{}","metadata":"{{}}"}})",
                       name, to_hex(data.first(kFields.size())), to_hex(nonce), tag);
  };
  const auto made = post("/api/credentials", body("a", to_hex(data.subspan(kFields.size()))));
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_THAT(stored(made.at("id")), HasSubstr("glpat-CANARY-42"));
  const auto refused = post("/api/credentials", body("b", std::string(32, '0')));
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.at("error"), HasSubstr("MASTER_KEY"));
}

TEST_F(CredentialsApi, AnUploadHasOneNameOneFormAndAUsableValue) {
  const auto status = [&](std::string body) {
    return local("POST", "/api/credentials", std::move(body)).status;
  };
  EXPECT_EQ(status(R"({"value":"long enough"})"), 400);
  EXPECT_EQ(status(R"({"name":"a"})"), 400);
  EXPECT_EQ(status(R"({"name":"a","value":"long enough","sealed":"AAAA"})"), 400);
  EXPECT_EQ(status(R"({"name":"a","encryptedData":"00","iv":"00"})"), 400);
  EXPECT_EQ(status(R"({"name":"a","value":"short"})"), 400);
  EXPECT_EQ(status(R"({"name":"a","value":"long enough","colour":"red"})"), 400);
  EXPECT_EQ(status(R"({"name":"a","fields":{"x y":"long enough","x_y":"long enough"}})"), 400);
}

TEST_F(CredentialsApi, NoTwoOfATenantShareANameOrAVariable) {
  const auto id = make("my-gitlab");
  const auto same =
      local("POST", "/api/credentials", R"({"name":"my-gitlab","value":"long enough"})");
  EXPECT_EQ(same.status, 409);
  EXPECT_THAT(same.at("error"), HasSubstr(id));
  const auto near =
      local("POST", "/api/credentials", R"({"name":"My GitLab","value":"long enough"})");
  EXPECT_EQ(near.status, 409);
  EXPECT_THAT(near.at("error"), HasSubstr("CONNECTOR_MY_GITLAB"));
  const auto across =
      local("POST", "/api/credentials", R"({"name":"my","fields":{"gitlab":"long enough"}})");
  EXPECT_EQ(across.status, 409);
}

TEST_F(CredentialsApi, AreLinkedToPersonasAndRefuseToGoWhileTheyAre) {
  const auto persona = make_persona("Reviewer");
  const auto credential = make("gitlab");
  const std::string links = "/api/personas/" + persona + "/credentials";
  const auto linked = post(links, fmt::format(R"({{"credentialId":"{}"}})", credential));
  EXPECT_EQ(linked.status, 201) << linked.text;
  EXPECT_THAT(get(links).text, HasSubstr(R"("name":"gitlab")"));
  EXPECT_EQ(get(links).text.find("secret value"), std::string::npos);
  EXPECT_EQ(post(links, R"({"credentialId":"cred_none"})").status, 404);

  const auto refused = send("DELETE", "/api/credentials/" + credential);
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.at("error"), HasSubstr("'Reviewer'"));
  EXPECT_EQ(send("DELETE", links + "/" + credential).status, 204);
  EXPECT_EQ(send("DELETE", links + "/" + credential).status, 404);
  EXPECT_EQ(get(links).text, "[]");
  post(links, fmt::format(R"({{"credentialId":"{}"}})", credential));
  EXPECT_EQ(send("DELETE", "/api/credentials/" + credential + "?force=true").status, 204);
  EXPECT_EQ(get(links).text, "[]");
  EXPECT_EQ(stored(credential), "(none)");
  EXPECT_EQ(get("/api/credentials/" + credential).status, 404);
}

TEST_F(CredentialsApi, BelongToTheirTenantAndNeedTheRightToWrite) {
  const auto credential = make("gitlab");
  EXPECT_EQ(send("GET", "/api/credentials/" + credential, {}, {}, kOtherKey).status, 404);
  EXPECT_EQ(send("GET", "/api/credentials", {}, {}, kOtherKey).text, "[]");
  EXPECT_EQ(send("DELETE", "/api/credentials/" + credential, {}, {}, kOtherKey).status, 404);
  EXPECT_EQ(send("DELETE", "/api/credentials/" + credential, {}, {}, kViewerKey).status, 403);
  EXPECT_EQ(send("GET", "/api/vault/public-key", {}, {}, kViewerKey).status, 200);
}

TEST_F(CredentialsApi, AnExecutionNamesOnlyCredentialsThatExist) {
  const auto credential = make("gitlab");
  EXPECT_EQ(post("/api/execute",
                 fmt::format(R"({{"prompt":"Do it","credentialIds":["{}"]}})", credential))
                .status,
            202);
  const auto refused =
      post("/api/execute",
           fmt::format(R"({{"prompt":"Do it","credentialIds":["{}","cred_none"]}})", credential));
  EXPECT_EQ(refused.status, 404);
  EXPECT_THAT(refused.at("fields"), HasSubstr("/credentialIds/1"));
}

TEST_F(CredentialsApi, AnIdempotentUploadIsRepeatedWithoutSpendingItsNonceTwice) {
  const std::string body = seal("gitlab", kFields);
  const std::vector<net::Header> key{{"Idempotency-Key", "upload-1"}};
  const auto first = post("/api/credentials", body, key);
  ASSERT_EQ(first.status, 201);
  EXPECT_EQ(post("/api/credentials", body, key).text, first.text);
}

TEST_F(CredentialsApi, TheJournalKnowsIdsAndNamesOnly) {
  const auto credential = make("gitlab", "xoxb-CANARY-42");
  send("DELETE", "/api/credentials/" + credential);
  std::string records;
  const auto read = store::read_now(*store_, [&](store::Transaction& tx) -> Result<int> {
    static const store::Sql kAll("SELECT type, record FROM journal ORDER BY position");
    records.clear();
    TRY_VOID(tx.query(kAll, {}, [&](const store::Row& row) -> Result<bool> {
      records += std::string(row.text(0)) + " " + std::string(as_text(row.bytes(1))) + "\n";
      return true;
    }));
    return 0;
  });
  ASSERT_TRUE(read);
  EXPECT_THAT(records, HasSubstr("credential.created"));
  EXPECT_THAT(records, HasSubstr("credential.deleted"));
  EXPECT_THAT(records, HasSubstr(credential));
  EXPECT_EQ(records.find("CANARY"), std::string::npos);
}

TEST_F(CredentialsApi, ATokenSaysWhenItEndsAndWhatToDo) {
  const auto done = post("/api/token", R"({"token":"sk-ant-oat01-abc"})");
  EXPECT_EQ(done.at("expiryAssumed"), "true");
  EXPECT_EQ(done.at("warning"), "null");
  EXPECT_EQ(post("/api/token", R"({"token":"sk-ant-1","expiresAt":"2001-01-01T00:00:00Z"})").status,
            400);
  EXPECT_EQ(post("/api/token", R"({"token":"sk-openai","provider":"codex"})").status, 200);
  EXPECT_EQ(post("/api/token", R"({"token":"sk-openai","provider":"other"})").status, 400);
  const auto tokens = get("/api/status").at("tokens");
  EXPECT_THAT(tokens, HasSubstr(R"("codex":{"configured":true,"source":"api")"));
  EXPECT_THAT(tokens, HasSubstr(R"("gemini":{"configured":false,"source":"none")"));
  clock_.jump_wall(hours(360 * 24));
  EXPECT_THAT(get("/api/status").at("token"), HasSubstr("personas connect claude"));
  EXPECT_EQ(send("DELETE", "/api/token").status, 204);
  EXPECT_EQ(send("DELETE", "/api/token").status, 404);
  EXPECT_EQ(send("DELETE", "/api/token?provider=codex").status, 204);
  EXPECT_THAT(get("/api/status").at("token"), HasSubstr(R"("source":"none")"));
}

}  // namespace
}  // namespace personas::http_api
