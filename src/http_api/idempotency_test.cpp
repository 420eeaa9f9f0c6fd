// Requests that are repeated.
#include "test_api.hpp"

namespace personas::http_api {
namespace {

class IdempotencyApi : public ApiTest {
 protected:
  static std::vector<net::Header> key(std::string value) {
    return {{"Idempotency-Key", std::move(value)}};
  }
  std::size_t executions() { return get("/api/executions").json.as_array().size(); }
  const std::string body_ = R"({"prompt":"Once"})";
};

TEST_F(IdempotencyApi, TheSameKeyAndBodyGetTheFirstAnswerAgain) {
  const auto first = post("/api/execute", body_, key("order-1"));
  const auto again = post("/api/execute", body_, key("order-1"));
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(first.headers.find("Idempotency-Replayed"), nullptr);
  EXPECT_EQ(again.headers.get("Idempotency-Replayed"), "true");
  EXPECT_EQ(executions(), 1U);
  EXPECT_EQ(executions_.queued.size(), 1U);
}

TEST_F(IdempotencyApi, AHundredAtOnceCountOnce) {
  const auto one = request("POST", "/api/execute", body_, key("order-1"), kTeamKey);
  const auto answers = send_all(std::vector<net::Request>(100, one));
  for (const auto& answer : answers) {
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(answer.text, answers.front().text);
  }
  EXPECT_EQ(executions(), 1U);
  EXPECT_EQ(executions_.queued.size(), 1U);
}

TEST_F(IdempotencyApi, AnotherRequestWithTheKeyIsRefused) {
  post("/api/execute", body_, key("order-1"));
  const auto other = post("/api/execute", R"({"prompt":"Twice"})", key("order-1"));
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.at("code"), "idempotency_mismatch");
  EXPECT_EQ(post("/api/personas", R"({"name":"a"})", key("order-1")).status, 422);
  EXPECT_EQ(executions(), 1U);
  EXPECT_EQ(get("/api/personas").text, "[]");
}

TEST_F(IdempotencyApi, TheFieldInTheBodyIsTheHeader) {
  const std::string body = R"({"prompt":"Once","idempotencyKey":"order-2"})";
  const auto first = post("/api/execute", body);
  EXPECT_EQ(post("/api/execute", body).text, first.text);
  EXPECT_EQ(post("/api/execute", body, key("order-2")).text, first.text);
  EXPECT_EQ(post("/api/execute", body, key("order-3")).status, 400);
  EXPECT_EQ(executions(), 1U);
}

TEST_F(IdempotencyApi, KeysOfTenantsAreApart) {
  const auto ours = post("/api/execute", body_, key("k"));
  const auto theirs = send("POST", "/api/execute", body_, key("k"), kOtherKey);
  EXPECT_EQ(theirs.status, 202);
  EXPECT_NE(theirs.text, ours.text);
}

TEST_F(IdempotencyApi, AFailedRequestMayBeTriedAgainWithItsKey) {
  executions_.admission = fail(ErrorCode::kUnavailable, "The queue is full");
  const auto refused = post("/api/execute", body_, key("k"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.get("Retry-After"), "1");
  executions_.admission = {};
  EXPECT_EQ(post("/api/execute", body_, key("k")).status, 202);
}

TEST_F(IdempotencyApi, AKeyIsForgottenAfterADay) {
  const auto first = post("/api/execute", body_, key("k"));
  clock_.advance(hours(25));
  const auto later = post("/api/execute", body_, key("k"));
  EXPECT_EQ(later.status, 202);
  EXPECT_NE(later.text, first.text);
  for (int i = 0; i < 9; ++i) post("/api/execute", body_, key(fmt::format("n{}", i)));
  clock_.advance(hours(25));
  for (int i = 0; i < 4; ++i) post("/api/execute", body_, key(fmt::format("m{}", i)));
  static const store::Sql kCount("SELECT count(*) FROM idempotency_keys");
  std::int64_t kept = 0;
  write([&](store::Transaction& tx) {
    return tx.query(kCount, {}, [&](const store::Row& row) -> Result<bool> {
      kept = row.integer(0);
      return true;
    });
  });
  EXPECT_EQ(kept, 4);
}

TEST_F(IdempotencyApi, AnswersWithoutABodyAreRepeatedToo) {
  const auto path = "/api/personas/" + make_persona("a");
  EXPECT_EQ(send("DELETE", path, {}, key("d")).status, 204);
  const auto again = send("DELETE", path, {}, key("d"));
  EXPECT_EQ(again.status, 204);
  EXPECT_EQ(again.headers.find("Content-Type"), nullptr);
}

TEST_F(IdempotencyApi, KeysThatAreNoneAreRefused) {
  EXPECT_EQ(post("/api/execute", body_, key(std::string(201, 'k'))).status, 400);
  EXPECT_EQ(post("/api/execute", body_, key("a\x01")).status, 400);
  EXPECT_EQ(executions(), 0U);
}

// An operation whose answer holds a secret: none of the table does yet.
Result<operations::Reply> give_secret(operations::Call& call, store::Transaction& tx) {
  static const store::Sql kNote("INSERT INTO meta (key, value) VALUES (?, ?)");
  TRY_VOID(tx.execute(kNote, {call.idempotency_key, as_bytes("x")}));
  return operations::Reply{
      .status = 201, .body = R"({"key":"very-secret"})", .secret = operations::Reply::Secret::kYes};
}

TEST_F(IdempotencyApi, ASecretIsGivenOnceAndNotKept) {
  const std::vector<operations::Operation> table{{.id = "makeKey",
                                                  .method = "POST",
                                                  .path = "/api/keys",
                                                  .summary = "Make a key",
                                                  .tag = "Keys",
                                                  .handler = operations::Write{&give_secret}}};
  api_ = std::make_unique<Api>(*services_, authenticator_, logger_, Options{}, table);
  EXPECT_EQ(post("/api/keys", {}, key("k")).at("key"), "very-secret");
  const auto again = post("/api/keys", {}, key("k"));
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.at("code"), "already_issued");
  static const store::Sql kBodies("SELECT count(*) FROM idempotency_keys WHERE body <> ?");
  std::int64_t with_body = -1;
  write([&](store::Transaction& tx) {
    return tx.query(kBodies, {ByteView()}, [&](const store::Row& row) -> Result<bool> {
      with_body = row.integer(0);
      return true;
    });
  });
  EXPECT_EQ(with_body, 0);
}

}  // namespace
}  // namespace personas::http_api
