// The API over a real store in a folder of its own, without sockets: requests as values.
#pragma once

#include <filesystem>
#include <mutex>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"
#include "personas/http_api/api.hpp"
#include "personas/net/target.hpp"
#include "personas/operations/table.hpp"
#include "personas/reactions/event_runs.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/event_sink.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::http_api {

namespace bj = boost::json;

inline constexpr std::string_view kTeamKey = "dac_team";
inline constexpr std::string_view kOtherKey = "dac_other_tenant";
inline constexpr std::string_view kViewerKey = "dac_viewer";
inline constexpr std::string_view kPowerlessKey = "dac_powerless";  // has no scope

// Stands for the running dispatcher, and notes what it was told.
class RecordedExecutions final : public execution::Executions {
 public:
  Result<void> admit(const TenantId&) const override { return admission; }
  void enqueued(execution::QueuedExecution execution) override {
    queued.push_back(std::move(execution));
  }
  void cancel_requested(const TenantId&, const ExecutionId& id) override {
    cancelled.push_back(id.str());
  }
  void review_answered(const TenantId&, const Review& review) override {
    answered.push_back(review.id.str());
  }
  void persona_changed(const TenantId&, const PersonaId& id, std::int64_t limit) override {
    changed.emplace_back(id.str(), limit);
  }
  void provider_changed(const TenantId&, const std::string& backend) override {
    providers.push_back(backend);
  }
  Task<std::vector<std::string>> why_waiting(TenantId, std::vector<ExecutionId> ids) override {
    co_return std::vector<std::string>(ids.size(), "no worker is connected");
  }
  Task<std::vector<execution::WorkerStatus>> workers() override {
    co_return std::vector<execution::WorkerStatus>{};
  }
  Task<execution::QueueStatus> queue() override { co_return execution::QueueStatus{}; }

  Result<void> admission;
  std::vector<execution::QueuedExecution> queued;
  std::vector<std::string> cancelled;
  std::vector<std::string> answered;
  std::vector<std::pair<std::string, std::int64_t>> changed;
  std::vector<std::string> providers;
};

struct Answer {
  int status = 0;
  net::Headers headers;
  std::string text;
  bj::value json;

  const bj::object& object() const { return json.as_object(); }
  std::string at(std::string_view name) const {
    const auto* value = json.is_object() ? json.as_object().if_contains(name) : nullptr;
    if (value == nullptr) return "<absent>";
    return value->is_string() ? std::string(value->as_string()) : codec::serialize(*value);
  }
};

// What a stream wrote, until the test closes it.
class CollectedStream final : public net::ResponseStream {
 public:
  Task<Result<void>> write(std::string piece) override {
    if (closed_) co_return fail(ErrorCode::kCancelled, "the client is gone");
    text += piece;
    co_return Result<void>();
  }
  bool closed() const override { return closed_; }
  void close() { closed_ = true; }

  std::string text;
  bool ended = false;

 private:
  bool closed_ = false;
};

class ApiTest : public testing::Test {
 protected:
  explicit ApiTest(Options options = {});
  ~ApiTest() override;

  // Runs one request to its end.
  Answer send(std::string_view method, std::string_view target, std::string body = {},
              std::vector<net::Header> headers = {}, std::string_view key = kTeamKey);
  Answer get(std::string_view target) { return send("GET", target); }
  Answer post(std::string_view target, std::string body = {},
              std::vector<net::Header> headers = {}) {
    return send("POST", target, std::move(body), std::move(headers));
  }
  std::vector<Answer> send_all(const std::vector<net::Request>& requests);
  net::Request request(std::string_view method, std::string_view target, std::string body,
                       std::vector<net::Header> headers, std::string_view key);
  // The response as it is, with its stream.
  net::Response raw(net::Request request);

  std::string make_persona(std::string_view name);
  std::string execute(std::string_view persona);

  // Runs a write transaction beside the API, as the execution service would.
  template <class F>
  void write(F operation) {
    const auto done = store::write_now(*store_, std::move(operation));
    ASSERT_TRUE(done) << done.error().describe();
  }
  // Starts the stream of a response; it goes on with run_until().
  std::shared_ptr<CollectedStream> start(net::Response& response);
  // Runs the executor until `ready` holds; fails after some seconds.
  void run_until(const std::function<bool()>& ready);

  std::filesystem::path folder_;
  boost::asio::io_context context_;
  ManualClock clock_;
  SeededRandom random_{11};
  std::unique_ptr<store::Store> store_;
  store::JournalFeed feed_;
  RecordedExecutions executions_;
  reactions::EventRuns event_runs_{random_, executions_};
  std::vector<Timestamp> due_;  // as the bus has asked for
  bus::Bus bus_{clock_, event_runs_, [this](Timestamp at) { due_.push_back(at); }};
  int changes_ = 0;  // of triggers, as the scheduler is told
  vault::MasterKey master_ = *vault::MasterKey::parse(std::string(64, '5'));
  vault::Vault vault_{master_, random_};
  store::CursorCodec cursors_{as_bytes("cursor key")};
  operations::PageCursors pages_{Secret("page key")};
  telemetry::Metrics metrics_;
  std::mutex log_mutex_;
  std::vector<std::string> log_;
  telemetry::Logger logger_{clock_, telemetry::Level::kDebug, [this](std::string_view line) {
                              const std::lock_guard lock(log_mutex_);
                              log_.emplace_back(line);
                            }};
  identity::Authenticator authenticator_ =
      *identity::Authenticator::make(Secret(std::string(kTeamKey)), Secret("worker"));
  std::unique_ptr<operations::Services> services_;
  std::unique_ptr<Api> api_;
};

}  // namespace personas::http_api
