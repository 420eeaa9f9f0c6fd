#include "personas/delivery/service.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "personas/delivery/endpoint_store.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::delivery {
namespace {

namespace asio = boost::asio;
using store::Transaction;

const TenantId kTenant("ten_1");

// Time that passes when the test says so.
class TestTime final : public TimeSource {
 public:
  explicit TestTime(ManualClock& clock) : clock_(clock) {}
  std::uint64_t start(Duration wait, std::move_only_function<void()> due) override {
    timers_.emplace(++made_, Entry{clock_.now() + wait, std::move(due)});
    return made_;
  }
  void stop(std::uint64_t number) override { timers_.erase(number); }
  // To the next moment that something waits for; false if nothing does.
  bool advance() {
    const auto next =
        std::ranges::min_element(timers_, {}, [](const auto& entry) { return entry.second.at; });
    if (next == timers_.end()) return false;
    if (next->second.at > clock_.now()) clock_.advance(next->second.at - clock_.now());
    auto due = std::move(next->second.due);
    timers_.erase(next);
    due();
    return true;
  }
  std::size_t waiting() const { return timers_.size(); }

 private:
  struct Entry {
    Instant at;
    std::move_only_function<void()> due;
  };
  ManualClock& clock_;
  std::map<std::uint64_t, Entry> timers_;
  std::uint64_t made_ = 0;
};

struct Carried {
  std::string endpoint;
  std::string id;
  Timestamp at;
};

class ScriptedCarrier final : public Carrier {
 public:
  ScriptedCarrier(asio::io_context& io) : io_(io) {}
  Task<Outcome> carry(const Endpoint& endpoint, const Delivery& delivery, std::span<const Secret>,
                      Timestamp now) override {
    carried.push_back({endpoint.id.str(), delivery.id.str(), now});
    most = std::max(most, ++under_way);
    if (endpoint.url == "hangs") {
      Timer never(io_.get_executor());
      hanging.push_back(&never);
      boost::system::error_code ignored;
      co_await never.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    --under_way;
    const auto status = statuses.find(endpoint.id.str());
    co_return outcome_of(status == statuses.end() ? 200 : status->second, {}, now);
  }
  void cut() override {
    for (Timer* timer : hanging) timer->cancel();
    hanging.clear();
  }
  std::size_t count(const std::string& endpoint) const {
    return static_cast<std::size_t>(std::ranges::count(carried, endpoint, &Carried::endpoint));
  }

  std::vector<Carried> carried;
  std::map<std::string, int> statuses;
  std::vector<Timer*> hanging;
  int under_way = 0;
  int most = 0;

 private:
  asio::io_context& io_;
};

class RecordedEvents final : public store::EventSink {
 public:
  Result<store::Published> publish(Transaction&, const TenantId&, const store::NewEvent& event,
                                   store::AfterCommit&) override {
    last = event.event;
    return store::Published{.id = event.event.id};
  }
  std::optional<Event> last;
};

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() : time_(clock_) {
    use_time_source(io_, time_);
    std::string name = testing::TempDir() + "personas-delivery-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    store_ = *store_sqlite::open_sqlite({.path = folder_ / "personas.db"},
                                        [](const Error&) { std::abort(); });
    write([](Transaction& tx) { return store::migrate(tx, store::schema_migrations(), {1}); });
    carrier_ = std::make_unique<ScriptedCarrier>(io_);
  }
  ~ServiceTest() override {
    stop();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  template <class F>
  void write(F operation) {
    const auto done = store::write_now(*store_, std::move(operation));
    ASSERT_TRUE(done) << done.error().describe();
  }
  void add_endpoint(const std::string& id, std::string url = "ok") {
    Endpoint endpoint;
    endpoint.id = EndpointId(id);
    endpoint.url = std::move(url);
    endpoint.created_at = endpoint.updated_at = clock_.wall();
    write([&](Transaction& tx) { return insert_endpoint(tx, kTenant, endpoint); });
  }
  void add_delivery(const std::string& endpoint, std::int64_t position) {
    Delivery delivery;
    delivery.id = DeliveryId::make(clock_.wall(), random_);
    delivery.endpoint_id = EndpointId(endpoint);
    delivery.position = position;
    delivery.type = "t";
    delivery.payload.text = "{}";
    delivery.created_at = clock_.wall();
    delivery.next_attempt_at = clock_.wall();
    write([&](Transaction& tx) { return insert_delivery(tx, kTenant, delivery); });
    if (service_) service_->due(kTenant, delivery.endpoint_id);
  }
  Endpoint endpoint(const std::string& id) {
    return **store::read_now(
        *store_, [&](Transaction& tx) { return find_endpoint(tx, kTenant, EndpointId(id)); });
  }
  std::vector<Delivery> deliveries(const std::string& id) {
    return *store::read_now(*store_, [&](Transaction& tx) {
      return list_deliveries(tx, kTenant, EndpointId(id), {.limit = 500, .after = {}});
    });
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(io_, std::move(task), [&](const std::exception_ptr& thrown, T value) {
      EXPECT_EQ(thrown, nullptr);
      result = std::move(value);
    });
    run_until([&] { return result.has_value(); });
    return std::move(*result);
  }
  void run_until(const std::function<bool()>& ready) {
    const auto guard = asio::make_work_guard(io_);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!ready()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "nothing more happened";
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(20));
    }
  }
  void start() {
    service_ = std::make_unique<DeliveryService>(DeliveryService::Parts{
        .executor = io_.get_executor(),
        .store = *store_,
        .clock = clock_,
        .random = random_,
        .carrier = *carrier_,
        .secrets_of = [](Transaction&, const TenantId&, const Endpoint&,
                         Timestamp) { return Result<std::vector<Secret>>(std::vector<Secret>()); },
        .start_command = {},
        .events = events_,
        .origin = InstanceId("inst_1"),
        .on_trouble = [](const Error& error) { ADD_FAILURE() << error.message; }});
    ASSERT_TRUE(run(service_->start()));
  }
  void stop() {
    if (!service_) return;
    bool stopped = false;
    asio::co_spawn(io_, service_->stop(), [&](const std::exception_ptr&) { stopped = true; });
    run_until([&] { return stopped; });
    service_.reset();
  }
  bool all_are(const std::string& id, DeliveryStatus status) {
    return std::ranges::all_of(deliveries(id),
                               [&](const auto& one) { return one.status == status; });
  }

  std::filesystem::path folder_;
  asio::io_context io_;
  ManualClock clock_;
  SeededRandom random_{5};
  TestTime time_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ScriptedCarrier> carrier_;
  RecordedEvents events_;
  std::unique_ptr<DeliveryService> service_;
};

TEST_F(ServiceTest, SendsWhatIsDueAndThenWaitsForNothing) {
  add_endpoint("whe_1");
  for (int i = 1; i <= 10; ++i) add_delivery("whe_1", i);
  start();
  run_until([&] { return all_are("whe_1", DeliveryStatus::kDelivered); });
  EXPECT_EQ(carrier_->carried.size(), 10U);
  EXPECT_LE(carrier_->most, kMaxConcurrency);
  add_delivery("whe_1", 10);  // told already
  add_delivery("whe_1", 11);
  run_until([&] { return all_are("whe_1", DeliveryStatus::kDelivered); });
  EXPECT_EQ(carrier_->carried.size(), 11U);
  run_until([&] { return time_.waiting() == 0; });  // no timer: an idle service does not wake
}

TEST_F(ServiceTest, TriesAgainOnTheScheduleUntilItGivesUp) {
  add_endpoint("whe_1");
  carrier_->statuses["whe_1"] = 500;
  add_delivery("whe_1", 1);
  start();
  for (std::size_t attempt = 1; attempt <= kWaits.size(); ++attempt) {
    run_until(
        [&] { return deliveries("whe_1")[0].attempts == static_cast<std::int64_t>(attempt); });
    if (attempt == kWaits.size()) break;
    run_until([&] { return time_.waiting() > 0; });
    ASSERT_TRUE(time_.advance());
  }
  EXPECT_EQ(deliveries("whe_1")[0].status, DeliveryStatus::kDead);
  ASSERT_EQ(carrier_->carried.size(), kWaits.size());
  for (std::size_t i = 1; i < kWaits.size(); ++i) {
    const Duration waited = carrier_->carried[i].at - carrier_->carried[i - 1].at;
    EXPECT_GE(waited, kWaits.at(i) * 9 / 10);
    EXPECT_LE(waited, kWaits.at(i) * 11 / 10 + milliseconds(1));
    EXPECT_EQ(carrier_->carried[i].id, carrier_->carried[0].id);
  }
  EXPECT_TRUE(endpoint("whe_1").enabled);
  EXPECT_EQ(time_.waiting(), 0U);
}

TEST_F(ServiceTest, DisablesWhatIsGoneHoldsTheRestAndSaysSo) {
  add_endpoint("whe_1");
  carrier_->statuses["whe_1"] = 410;
  for (int i = 1; i <= 9; ++i) add_delivery("whe_1", i);
  start();
  run_until([&] { return !endpoint("whe_1").enabled; });
  EXPECT_EQ(endpoint("whe_1").disabled_reason, "it answered 410 Gone");
  EXPECT_EQ(carrier_->carried.size(), static_cast<std::size_t>(kMaxConcurrency));
  EXPECT_EQ(std::ranges::count(deliveries("whe_1"), DeliveryStatus::kHeld, &Delivery::status), 5);
  ASSERT_TRUE(events_.last);
  EXPECT_EQ(events_.last->event_type, kEndpointDisabled);
  EXPECT_NE(events_.last->payload->text.find("410 Gone"), std::string::npos);

  carrier_->statuses.clear();
  auto enabled = endpoint("whe_1");
  enabled.enabled = true;
  write([&](Transaction& tx) -> Result<void> {
    TRY_VOID(update_endpoint(tx, kTenant, enabled));
    return release(tx, kTenant, enabled.id, clock_.wall());
  });
  service_->due(kTenant, enabled.id);
  run_until([&] {
    return std::ranges::count(deliveries("whe_1"), DeliveryStatus::kDelivered, &Delivery::status) ==
           5;
  });
}

TEST_F(ServiceTest, OneThatHangsHoldsUpNoOther) {
  add_endpoint("whe_slow", "hangs");
  add_endpoint("whe_fast");
  for (int i = 1; i <= 20; ++i) add_delivery("whe_slow", i);
  for (int i = 1; i <= 20; ++i) add_delivery("whe_fast", i);
  start();
  run_until([&] { return all_are("whe_fast", DeliveryStatus::kDelivered); });
  EXPECT_EQ(carrier_->count("whe_slow"), static_cast<std::size_t>(kMaxConcurrency));
}

TEST_F(ServiceTest, SendsAgainWhatWasUnderWayWhenItStopped) {
  add_endpoint("whe_1", "hangs");
  add_delivery("whe_1", 1);
  start();
  run_until([&] { return carrier_->carried.size() == 1; });
  stop();
  EXPECT_EQ(deliveries("whe_1")[0].attempts, 0);
  auto answering = endpoint("whe_1");
  answering.url = "ok";
  write([&](Transaction& tx) { return update_endpoint(tx, kTenant, answering); });
  start();
  run_until([&] { return all_are("whe_1", DeliveryStatus::kDelivered); });
  ASSERT_EQ(carrier_->carried.size(), 2U);
  EXPECT_EQ(carrier_->carried[0].id, carrier_->carried[1].id);
}

TEST_F(ServiceTest, ADeletedEndpointIsForgottenWithItsDeliveries) {
  add_endpoint("whe_1", "hangs");
  add_delivery("whe_1", 1);
  start();
  run_until([&] { return carrier_->carried.size() == 1; });
  write([&](Transaction& tx) { return delete_endpoint(tx, kTenant, EndpointId("whe_1")); });
  carrier_->cut();
  add_endpoint("whe_2");
  add_delivery("whe_2", 2);
  run_until([&] { return all_are("whe_2", DeliveryStatus::kDelivered); });
  EXPECT_TRUE(deliveries("whe_1").empty());
}

}  // namespace
}  // namespace personas::delivery
