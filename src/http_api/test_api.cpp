#include "test_api.hpp"

#include <boost/asio/executor_work_guard.hpp>

namespace personas::http_api {

ApiTest::ApiTest(Options options) {
  std::string name = testing::TempDir() + "personas-api-XXXXXX";
  folder_ = ::mkdtemp(name.data());
  auto opened =
      store_sqlite::open_sqlite({.path = folder_ / "personas.db"},
                                [](const Error& error) { ADD_FAILURE() << error.describe(); });
  EXPECT_TRUE(opened) << opened.error().describe();
  store_ = std::move(*opened);
  store_->on_journal([this](store::JournalPosition position) { feed_.advance(position); });
  const auto migrated = store::write_now(*store_, [](store::Transaction& tx) {
    return store::migrate(tx, store::schema_migrations(), {1});
  });
  EXPECT_TRUE(migrated) << migrated.error().describe();
  authenticator_.add_key(
      Secret(std::string(kOtherKey)),
      {TenantId("ten_other"), identity::Role::kOwner, identity::Scopes::all(), "other"});
  authenticator_.add_key(
      Secret(std::string(kViewerKey)),
      {default_tenant(), identity::Role::kViewer, {identity::Scope::kRead}, "viewer"});
  authenticator_.add_key(Secret(std::string(kPowerlessKey)),
                         {default_tenant(), identity::Role::kViewer, {}, "powerless"});
  services_.reset(new operations::Services{*store_,
                                           clock_,
                                           random_,
                                           executions_,
                                           bus_,
                                           vault_,
                                           cursors_,
                                           pages_,
                                           feed_,
                                           metrics_,
                                           {.version = "9.9.9",
                                            .instance = InstanceId("inst_1"),
                                            .node = NodeId("node_1"),
                                            .started = clock_.now()},
                                           [this] { ++changes_; }});
  api_ = std::make_unique<Api>(*services_, authenticator_, logger_, std::move(options),
                               operations::all_operations());
}

ApiTest::~ApiTest() {
  feed_.close();
  context_.restart();
  context_.run_for(std::chrono::seconds(5));
  api_.reset();
  store_.reset();
  std::filesystem::remove_all(folder_);
}

void ApiTest::run_until(const std::function<bool()>& ready) {
  const auto guard = boost::asio::make_work_guard(context_);
  context_.restart();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!ready()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "nothing more happened";
    context_.run_one_for(std::chrono::milliseconds(200));
  }
}

net::Request ApiTest::request(std::string_view method, std::string_view target, std::string body,
                              std::vector<net::Header> headers, std::string_view key) {
  clock_.advance(milliseconds(1));  // so that ids sort as they were made
  net::Request request;
  request.method = method;
  request.target = target;
  auto parsed = net::parse_target(target);
  EXPECT_TRUE(parsed) << target;
  if (parsed) {
    request.path = std::move(parsed->path);
    request.query = std::move(parsed->query);
  }
  request.body = std::move(body);
  if (!key.empty()) request.headers.set("Authorization", "Bearer " + std::string(key));
  for (auto& header : headers) request.headers.add(header.name, std::move(header.value));
  return request;
}

net::Response ApiTest::raw(net::Request request) {
  std::optional<net::Response> response;
  boost::asio::co_spawn(context_, api_->handle(std::move(request)),
                        [&response](const std::exception_ptr& thrown, net::Response r) {
                          EXPECT_EQ(thrown, nullptr);
                          response = std::move(r);
                        });
  run_until([&response] { return response.has_value(); });
  return response ? std::move(*response) : net::Response{};
}

namespace {

Answer to_answer(net::Response response) {
  Answer answer{response.status, std::move(response.headers), std::move(response.body), {}};
  if (answer.headers.get("Content-Type").find("json") != std::string_view::npos) {
    auto json = codec::parse_json(answer.text);
    EXPECT_TRUE(json) << answer.text;
    if (json) answer.json = std::move(*json);
  }
  const bool is_page = answer.headers.get("Content-Type").starts_with("text/html");
  if (answer.status >= 400 && !is_page) {
    EXPECT_EQ(answer.headers.get("Content-Type"), "application/problem+json");
    EXPECT_NE(answer.at("error"), "<absent>");
    EXPECT_EQ(answer.at("requestId"), answer.headers.get("X-Request-Id"));
  }
  return answer;
}

}  // namespace

Answer ApiTest::send(std::string_view method, std::string_view target, std::string body,
                     std::vector<net::Header> headers, std::string_view key) {
  return to_answer(raw(request(method, target, std::move(body), std::move(headers), key)));
}

std::vector<Answer> ApiTest::send_all(const std::vector<net::Request>& requests) {
  std::vector<Answer> answers(requests.size());
  std::size_t done = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    boost::asio::co_spawn(context_, api_->handle(requests[i]),
                          [&, i](const std::exception_ptr& thrown, net::Response response) {
                            EXPECT_EQ(thrown, nullptr);
                            answers[i] = to_answer(std::move(response));
                            ++done;
                          });
  }
  run_until([&] { return done == requests.size(); });
  return answers;
}

std::string ApiTest::make_persona(std::string_view name) {
  const auto made = post("/api/personas", fmt::format(R"({{"name":"{}"}})", name));
  EXPECT_EQ(made.status, 201) << made.text;
  return made.at("id");
}

std::string ApiTest::execute(std::string_view persona) {
  const auto done =
      post("/api/execute", fmt::format(R"({{"prompt":"Do it","personaId":"{}"}})", persona));
  EXPECT_EQ(done.status, 202) << done.text;
  return done.at("executionId");
}

std::shared_ptr<CollectedStream> ApiTest::start(net::Response& response) {
  auto out = std::make_shared<CollectedStream>();
  EXPECT_TRUE(response.stream);
  if (!response.stream) return out;
  boost::asio::co_spawn(context_, response.stream(*out), [out](const std::exception_ptr& thrown) {
    EXPECT_EQ(thrown, nullptr);
    out->ended = true;
  });
  return out;
}

}  // namespace personas::http_api
