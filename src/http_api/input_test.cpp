// Requests that are wrong, and the rules every request follows.
#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;

class InputApi : public ApiTest {};

TEST_F(InputApi, BodiesThatAreNoJsonAreRefused) {
  const std::string deep = R"({"name":"a","networkPolicy":)" + std::string(100'000, '[');
  const std::vector<std::string> bodies{"",
                                        "{",
                                        "[]",
                                        "null",
                                        "\"text\"",
                                        R"({"name":"a"} x)",
                                        R"({"name":"a","name":"b"})",
                                        "\xEF\xBB\xBF{\"name\":\"a\"}",
                                        "{\"name\":\"\xFF\"}",
                                        R"({"name":"\ud800"})",
                                        R"({"name":"a","maxBudgetUsd":NaN})",
                                        R"({"name":"a","maxBudgetUsd":1e400})",
                                        deep};
  for (const auto& body : bodies) {
    const auto answer = post("/api/personas", body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 60) << " → " << answer.text;
  }
  EXPECT_EQ(get("/api/personas").text, "[]");
}

TEST_F(InputApi, ABodyBeyondTheLimitIsRefused) {
  const auto answer = post("/api/personas", "{\"name\":\"" + std::string(5'000'000, 'a') + "\"}");
  EXPECT_EQ(answer.status, 413);
}

TEST_F(InputApi, NamesEveryWrongFieldAtOnceWithItsPath) {
  const auto answer = post("/api/personas?x=1",
                           R"({"maxConcurrent":"two","nonsense":1,"retry":{"maxAttempts":0},
                               "requires":{"capabilities":[1]}})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.at("code"), "invalid_request");
  const auto fields = answer.at("fields");
  for (const std::string_view path :
       {R"("/name")", R"("/maxConcurrent")", R"("/nonsense")", R"("/retry/maxAttempts")",
        R"("retry.maxAttempts")", R"("/requires/capabilities/0")", R"("query.x")"}) {
    EXPECT_THAT(fields, HasSubstr(path));
  }
}

TEST_F(InputApi, QueryParametersAreChecked) {
  for (const std::string_view query :
       {"limit=0", "limit=501", "limit=x", "limit=-1", "limit=1e2", "limit=", "cursor=nonsense",
        "cursor=", "status=nonsense", "since=yesterday", "limit=5&limit=6", "unknown=1",
        "personaId=a%20b"}) {
    const auto answer = get("/api/executions?" + std::string(query));
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_THAT(answer.at("fields"),
                HasSubstr("\"query." + std::string(query.substr(0, query.find('=')))));
  }
  EXPECT_EQ(get("/api/executions?limit=500&since=2026-01-01T00:00:00Z&status=completed").status,
            200);
}

TEST_F(InputApi, ACursorOfAnotherListOrTenantIsRefused) {
  make_persona("a");
  make_persona("b");
  const std::string cursor(get("/api/personas?limit=1").headers.get("X-Next-Cursor"));
  ASSERT_FALSE(cursor.empty());
  EXPECT_EQ(get("/api/personas?cursor=" + cursor).status, 200);
  EXPECT_EQ(get("/api/executions?cursor=" + cursor).status, 400);
  EXPECT_EQ(send("GET", "/api/personas?cursor=" + cursor, {}, {}, kOtherKey).status, 400);
}

TEST_F(InputApi, StrangeIdsNameNothing) {
  for (const std::string_view id :
       {"%20", "..%20", "exe_x'%20OR%201=1--", "%C3%A9", "a%3Cb", ".a"}) {
    EXPECT_EQ(get("/api/personas/" + std::string(id)).status, 404) << id;
  }
  EXPECT_EQ(get("/api/personas/" + std::string(500, 'a')).status, 404);
}

TEST_F(InputApi, UnknownPathsAndMethodsAreToldApart) {
  EXPECT_EQ(get("/api/nothing").status, 404);
  EXPECT_EQ(get("/api/personas/a/b/c/d").status, 404);
  const auto refused = send("DELETE", "/api/execute");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers.get("Allow"), "POST");
  EXPECT_EQ(send("BREW", "/health").status, 405);
  EXPECT_EQ(send("HEAD", "/health").status, 200);
}

TEST_F(InputApi, OnlyHealthAndLocalMetricsNeedNoKey) {
  EXPECT_EQ(send("GET", "/health", {}, {}, "").status, 200);
  for (const auto& operation : operations::all_operations()) {
    if (operation.access == operations::Access::kOpen) continue;
    std::string path(operation.path);
    for (auto open = path.find('{'); open != std::string::npos; open = path.find('{')) {
      path.replace(open, path.find('}') - open + 1, "id_1");
    }
    for (const std::string_view key : {"", "wrong", "dac_tean", "worker"}) {
      const auto answer = send(operation.method, path, "{}", {}, key);
      EXPECT_EQ(answer.status, 401) << operation.id;
      EXPECT_EQ(answer.headers.get("WWW-Authenticate"), "Bearer realm=\"personas\"");
    }
  }
  auto local = request("GET", "/metrics", {}, {}, "");
  local.from_loopback = true;
  EXPECT_EQ(raw(local).status, 200);
  local.headers.set("X-Forwarded-For", "203.0.113.9");
  EXPECT_EQ(raw(local).status, 401);
  EXPECT_EQ(get("/metrics").status, 200);
}

TEST_F(InputApi, TwoAuthorizationHeadersAreNone) {
  EXPECT_EQ(send("GET", "/api/personas", {}, {{"Authorization", "Bearer dac_team"}}).status, 401);
  EXPECT_EQ(send("GET", "/api/personas", {}, {{"Authorization", "bearer  dac_team "}}, "").status,
            200);
  EXPECT_EQ(send("GET", "/api/personas", {}, {{"Authorization", "Basic dac_team"}}, "").status,
            401);
}

TEST_F(InputApi, AKeyMayOnlyWhatItsScopesSay) {
  EXPECT_EQ(send("GET", "/api/personas", {}, {}, kViewerKey).status, 200);
  for (const auto& operation : operations::all_operations()) {
    if (operation.access == operations::Access::kOpen) continue;
    std::string path(operation.path);
    for (auto open = path.find('{'); open != std::string::npos; open = path.find('{')) {
      path.replace(open, path.find('}') - open + 1, "id_1");
    }
    const auto refused = send(operation.method, path, "{}", {}, kPowerlessKey);
    EXPECT_EQ(refused.status, 403) << operation.id;
    EXPECT_EQ(refused.at("code"), "forbidden") << operation.id;
    if (!operation.is_write()) continue;
    EXPECT_EQ(send(operation.method, path, "{}", {}, kViewerKey).status, 403) << operation.id;
  }
}

TEST_F(InputApi, ABodyIsJsonWhateverItsContentType) {
  for (const std::string_view type : {"application/x-www-form-urlencoded", "text/plain", ""}) {
    const auto answer = post("/api/personas", fmt::format(R"({{"name":"n{}"}})", type),
                             {{"Content-Type", std::string(type)}});
    EXPECT_EQ(answer.status, 201) << answer.text;
  }
}

TEST_F(InputApi, EveryAnswerCarriesTheNamesOfTheRequest) {
  const auto named =
      send("GET", "/health", {},
           {{"X-Request-Id", "client-7"},
            {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}});
  EXPECT_EQ(named.headers.get("X-Request-Id"), "client-7");
  EXPECT_THAT(std::string(named.headers.get("traceparent")),
              testing::MatchesRegex("00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01"));
  EXPECT_EQ(named.headers.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(named.headers.get("Cache-Control"), "no-store");
  const auto unnamed = send("GET", "/health", {}, {{"X-Request-Id", "a b\r\nX-Evil: 1"}});
  EXPECT_THAT(std::string(unnamed.headers.get("X-Request-Id")), testing::StartsWith("req_"));
}

TEST_F(InputApi, SecretsOfRequestsAreNotLogged) {
  get("/api/personas");
  post("/api/token", R"({"token":"sk-ant-oat01-secret"})");
  for (const auto& line : log_) {
    EXPECT_EQ(line.find(kTeamKey), std::string::npos) << line;
    EXPECT_EQ(line.find("sk-ant"), std::string::npos) << line;
  }
}

TEST_F(InputApi, ShowsTheServersOwnErrorsInTheSameForm) {
  const auto response = api_->error_responder()({ErrorCode::kHeadersTooLarge, "Too long", {}});
  EXPECT_EQ(response.status, 431);
  EXPECT_THAT(response.body, HasSubstr(R"("error":"Too long")"));
  EXPECT_EQ(response.headers.get("Content-Type"), "application/problem+json");
}

TEST_F(InputApi, CountsRequestsByOperationAndStatus) {
  get("/api/personas");
  get("/api/personas");
  get("/api/personas/none");
  get("/nowhere");
  const auto text = get("/metrics").text;
  EXPECT_THAT(
      text,
      HasSubstr("personas_http_requests_total{operation=\"listPersonas\",status=\"200\"} 2\n"));
  EXPECT_THAT(
      text, HasSubstr("personas_http_requests_total{operation=\"getPersona\",status=\"404\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("personas_workers_connected 0\n"));
  EXPECT_THAT(text,
              HasSubstr("personas_http_requests_total{operation=\"none\",status=\"404\"} 1\n"));
}

TEST_F(InputApi, TheDescriptionIsServedWithAnEtag) {
  const auto first = get("/openapi.json");
  EXPECT_EQ(first.at("openapi"), "3.1.0");
  const auto etag = std::string(first.headers.get("ETag"));
  ASSERT_FALSE(etag.empty());
  const auto again = send("GET", "/openapi.json", {}, {{"If-None-Match", etag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.text, "");
}

class CorsApi : public ApiTest {
 protected:
  CorsApi() : ApiTest({.cors_origins = {"https://console.test"}}) {}
};

TEST_F(CorsApi, LetsOnlyTheNamedPagesIn) {
  const std::vector<net::Header> asks{{"Origin", "https://console.test"},
                                      {"Access-Control-Request-Method", "POST"}};
  const auto allowed = send("OPTIONS", "/api/personas", {}, asks, "");
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(allowed.headers.get("Access-Control-Allow-Origin"), "https://console.test");
  EXPECT_THAT(std::string(allowed.headers.get("Access-Control-Allow-Headers")),
              HasSubstr("Authorization"));
  auto others = asks;
  others[0].value = "https://evil.test";
  const auto refused = send("OPTIONS", "/api/personas", {}, others, "");
  EXPECT_EQ(refused.headers.find("Access-Control-Allow-Origin"), nullptr);
  EXPECT_EQ(refused.headers.find("Access-Control-Allow-Methods"), nullptr);
  const auto read = send("GET", "/api/personas", {}, {{"Origin", "https://console.test"}});
  EXPECT_EQ(read.headers.get("Access-Control-Allow-Origin"), "https://console.test");
  EXPECT_EQ(read.headers.get("Vary"), "Origin");
}

class LimitedApi : public ApiTest {
 protected:
  LimitedApi() : ApiTest({.rate_limit = 3}) {}
};

TEST_F(LimitedApi, RefusesWhatIsBeyondTheRateUntilTimePasses) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get("/api/personas").status, 200);
  const auto refused = get("/api/personas");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.get("Retry-After"), "20");
  EXPECT_EQ(refused.headers.get("RateLimit-Policy"), "\"key\";q=3;w=60");
  EXPECT_EQ(send("GET", "/api/personas", {}, {}, kOtherKey).status, 200);
  clock_.advance(seconds(20));
  EXPECT_EQ(get("/api/personas").status, 200);
}

}  // namespace
}  // namespace personas::http_api
