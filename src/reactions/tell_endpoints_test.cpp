#include "personas/reactions/tell_endpoints.hpp"

#include <filesystem>
#include <set>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "personas/delivery/endpoint_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store/repositories.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::reactions {
namespace {

using delivery::Delivery;
using delivery::Endpoint;
using store::Transaction;

const TenantId kTenant("ten_1");

class CountingOutbox final : public delivery::Outbox {
 public:
  void due(const TenantId&, const EndpointId&) override { ++rung; }
  int rung = 0;
};

class TellEndpointsTest : public testing::Test {
 protected:
  TellEndpointsTest() {
    std::string pattern = testing::TempDir() + "personas-tell-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = *store_sqlite::open_sqlite({.path = folder_ / "test.db"}, [](const Error& error) {
      ADD_FAILURE() << error.describe();
    });
    write([](Transaction& tx) { return store::migrate(tx, store::schema_migrations(), {1}); });
    reopen();
  }
  ~TellEndpointsTest() override {
    reactor_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  template <class F>
  void write(F operation) {
    const auto done = store::write_now(*store_, std::move(operation));
    ASSERT_TRUE(done) << done.error().describe();
  }
  // As a process does that starts anew.
  void reopen() {
    reactor_ = std::make_unique<reactor::JournalReactor>(
        context_.get_executor(), *store_, feed_, handler_,
        [](const reactor::Trouble& trouble) { ADD_FAILURE() << trouble.error.describe(); });
    ASSERT_TRUE(finish(reactor_->open()));
  }
  template <class T>
  T finish(Task<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(context_, std::move(task),
                          [&result](const std::exception_ptr& failure, T value) {
                            EXPECT_EQ(failure, nullptr);
                            result = std::move(value);
                          });
    context_.restart();
    const auto guard = boost::asio::make_work_guard(context_);
    while (!result) context_.run_one();
    return std::move(*result);
  }
  void react() {
    for (;;) {
      const auto progress = finish(reactor_->step());
      ASSERT_TRUE(progress) << progress.error().describe();
      if (*progress == reactor::JournalReactor::Progress::kIdle) return;
    }
  }
  void append(std::string_view type, std::string data, const TenantId& tenant = kTenant) {
    write([&](Transaction& tx) -> Result<void> {
      TRY_VOID(tx.append({.tenant = tenant, .at = clock_.wall(), .type = type, .data = data}));
      return {};
    });
  }
  void add_endpoint(std::string id, std::vector<std::string> events, bool enabled = true) {
    Endpoint endpoint;
    endpoint.id = EndpointId(std::move(id));
    endpoint.url = "https://example.com/";
    endpoint.events = std::move(events);
    endpoint.enabled = enabled;
    write([&](Transaction& tx) { return delivery::insert_endpoint(tx, kTenant, endpoint); });
  }
  std::vector<Delivery> told(std::string id) {
    return *store::read_now(*store_, [&](Transaction& tx) {
      return delivery::list_deliveries(tx, kTenant, EndpointId(std::move(id)),
                                       {.limit = 500, .after = {}});
    });
  }

  std::filesystem::path folder_;
  boost::asio::io_context context_;
  ManualClock clock_;
  SeededRandom random_{9};
  store::JournalFeed feed_;
  std::unique_ptr<store::Store> store_;
  CountingOutbox outbox_;
  vault::ReviewLinks links_{*vault::MasterKey::parse(std::string(64, '7')), "https://p.example"};
  TellEndpoints handler_{clock_, random_, outbox_, links_};
  std::unique_ptr<reactor::JournalReactor> reactor_;
};

TEST_F(TellEndpointsTest, GivesEachEndpointWhatItWants) {
  add_endpoint("whe_personas", {"persona.*"});
  add_endpoint("whe_all", {"*"});
  add_endpoint("whe_orders", {"order.*"});
  add_endpoint("whe_off", {"*"}, false);
  append(record::kPersonaCreated, R"({"id":"per_1","name":"a"})");
  append(record::kToolCreated, R"({"id":"tool_1","name":"t"})");
  append(record::kEventPublished, R"({"eventId":"evt_1","eventType":"order.paid",)"
                                  R"("sourceType":"manual","origin":"inst_1"})");
  append(record::kPersonaCreated, R"({"id":"per_2","name":"b"})", TenantId("ten_other"));
  react();
  EXPECT_EQ(told("whe_personas").size(), 1U);
  EXPECT_EQ(told("whe_all").size(), 3U);
  EXPECT_EQ(told("whe_orders").size(), 1U);
  EXPECT_TRUE(told("whe_off").empty());
  EXPECT_EQ(outbox_.rung, 5);
  const auto row = told("whe_personas").at(0);
  EXPECT_EQ(row.type, "persona.created");
  EXPECT_NE(row.payload.text.find(R"("data":{"id":"per_1","name":"a"})"), std::string::npos);
  EXPECT_EQ(row.next_attempt_at, clock_.wall());
}

class Notifications : public TellEndpointsTest {
 protected:
  void add_sink(std::string id, delivery::Kind kind, std::vector<delivery::Topic> topics,
                std::optional<PersonaId> persona = {}) {
    Endpoint endpoint;
    endpoint.id = EndpointId(std::move(id));
    endpoint.kind = kind;
    endpoint.notify = std::move(topics);
    endpoint.persona_id = std::move(persona);
    write([&](Transaction& tx) { return delivery::insert_endpoint(tx, kTenant, endpoint); });
  }
  void add_message() {
    Message message;
    message.id = MessageId("msg_1");
    message.persona_id = PersonaId("per_1");
    message.title = "A <title>";
    message.content = "Look & see";
    write([&](Transaction& tx) -> Result<void> {
      TRY_VOID(store::insert_message(tx, kTenant, message, {}));
      return {};
    });
    append(record::kMessageCreated, R"({"id":"msg_1","personaId":"per_1"})");
  }
};

TEST_F(Notifications, TellEachSinkItsTopicsOfItsPersona) {
  add_sink("whe_mine", delivery::Kind::kWebhook, {delivery::Topic::kMessages}, PersonaId("per_1"));
  add_sink("whe_slack", delivery::Kind::kSlack,
           {delivery::Topic::kMessages, delivery::Topic::kFailures});
  add_sink("whe_other", delivery::Kind::kWebhook, {delivery::Topic::kMessages}, PersonaId("per_2"));
  add_sink("whe_reviews", delivery::Kind::kWebhook, {delivery::Topic::kReviews});
  add_message();
  append(record::kExecutionStatus,
         R"({"executionId":"exe_1","personaId":"per_2","status":"failed","attempt":3})");
  append(record::kExecutionStatus,
         R"({"executionId":"exe_2","personaId":"per_2","status":"completed","attempt":1})");
  append(record::kPersonaCreated, R"({"id":"per_1","name":"a"})");
  react();
  ASSERT_EQ(told("whe_mine").size(), 1U);
  EXPECT_NE(told("whe_mine")[0].payload.text.find(
                R"("topic":"messages","title":"per_1: A <title>","text":"Look & see")"),
            std::string::npos);
  ASSERT_EQ(told("whe_slack").size(), 2U);
  EXPECT_TRUE(told("whe_other").empty());
  EXPECT_TRUE(told("whe_reviews").empty());
}

TEST_F(Notifications, AreWrittenAsSlackReadsThem) {
  add_sink("whe_slack", delivery::Kind::kSlack, {delivery::Topic::kMessages});
  add_message();
  react();
  EXPECT_EQ(told("whe_slack").at(0).payload.text,
            R"({"text":"per_1: A &lt;title&gt;","blocks":[{"type":"header","text":)"
            R"({"type":"plain_text","text":"per_1: A <title>"}},{"type":"section","text":)"
            R"({"type":"mrkdwn","text":"Look &amp; see"}}]})");
}

// A crash between the record and its deliveries: whoever starts next makes them, and only once.
TEST_F(TellEndpointsTest, SkipsNothingAndRepeatsNothingOverRestarts) {
  add_endpoint("whe_1", {"*"});
  constexpr int kRecords = 200;
  for (int i = 0; i < kRecords; ++i) {
    append(record::kPersonaCreated, R"({"id":"per_)" + std::to_string(i) + R"(","name":"a"})");
    if (i % 7 == 0) reopen();
    if (i % 5 == 0) react();
  }
  reopen();
  react();
  reopen();
  react();
  const auto rows = told("whe_1");
  ASSERT_EQ(rows.size(), static_cast<std::size_t>(kRecords));
  std::set<std::int64_t> positions;
  for (const auto& row : rows) positions.insert(*row.position);
  EXPECT_EQ(positions.size(), rows.size());
}

}  // namespace
}  // namespace personas::reactions
