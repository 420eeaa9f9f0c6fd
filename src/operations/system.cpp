// The deployment itself: health, status, metrics, the provider's token, the API's description.
#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/execution/gate_store.hpp"
#include "personas/operations/openapi.hpp"
#include "personas/operations/reports_described.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/operations/table.hpp"

#include "docs_page.hpp"
#include "reply.hpp"
#include "signal_counts.hpp"
#include "subjects.hpp"
#include "tokens.hpp"

namespace personas::operations {
namespace {

namespace bj = boost::json;

using identity::Scope;

Result<int> ask_store(store::Transaction& tx) {
  static const store::Sql kAsk("SELECT 1");
  TRY_VOID(tx.query(kAsk, {}, [](const store::Row&) -> Result<bool> { return false; }));
  return 1;
}

// Empty if the store reads and writes.
std::string trouble_of(const Result<int>& asked, const store::StoreStats& stats) {
  using Disk = store::StoreStats::Disk;
  if (!asked) return asked.error().message;
  if (stats.disk == Disk::kFull) return "the disk is full: reads are answered, writes refused";
  if (stats.disk == Disk::kFailed) return "the disk has failed; the process is ending";
  return {};
}

Task<Result<Reply>> health(Call& call) {
  Services& services = call.services;
  const auto asked = co_await services.store.read(&ask_store);
  const std::string trouble = trouble_of(asked, services.store.stats());
  const std::string status = trouble.empty() ? "ok" : asked ? "degraded" : "failed";
  HealthReport report{.status = status, .version = services.facts.version, .dependencies = {}};
  report.dependencies["store"] = {status,
                                  trouble.empty() ? std::string(services.store.engine()) : trouble};
  const auto workers = co_await services.executions.workers();
  report.dependencies["workers"] = {"ok", fmt::format("{} connected", workers.size())};
  co_return json_reply(trouble.empty() ? 200 : 503, report);
}

WorkerReport report_of(execution::WorkerStatus worker) {
  return {std::move(worker.worker_id),
          std::move(worker.state),
          std::move(worker.kind),
          std::move(worker.version),
          worker.slots,
          worker.used_slots,
          std::move(worker.capabilities),
          std::move(worker.labels),
          std::move(worker.sandbox),
          std::move(worker.executions),
          worker.connected_at,
          std::move(worker.agent_versions)};
}

StoreReport report_of(const store::Store& store, const store::StoreStats& stats) {
  return {std::string(store.engine()),
          static_cast<std::int64_t>(stats.commits),
          static_cast<std::int64_t>(stats.operations),
          static_cast<std::int64_t>(stats.queued),
          stats.last_commit_micros,
          stats.file_bytes,
          stats.wal_bytes};
}

struct Stored {
  std::int64_t parked = 0;
  std::vector<execution::Gate> gates;
  std::map<std::string, TokenState> tokens;
  Signals signals;
};

Result<Stored> look(const Call& call, store::Transaction& tx) {
  Stored stored;
  TRY(stored.parked, execution::count_parked(tx, call.tenant()));
  TRY(stored.gates, execution::closed_gates(tx, call.tenant(), call.now));
  TRY(stored.tokens, token_states(call, tx));
  TRY(stored.signals, look_at_signals(call, tx));
  return stored;
}

Task<Result<Reply>> status(Call& call) {
  Services& services = call.services;
  CO_TRY(const auto stored,
         co_await services.store.read([&call](store::Transaction& tx) { return look(call, tx); }));
  StatusReport report;
  report.status = "ok";
  report.version = services.facts.version;
  report.uptime_ms = to_millis(services.clock.now() - services.facts.started);
  report.instance = services.facts.instance.str();
  report.node = services.facts.node.str();
  auto workers = co_await services.executions.workers();
  for (auto& worker : workers) report.workers.push_back(report_of(std::move(worker)));
  const auto queue = co_await services.executions.queue();
  report.queue = {queue.queued, queue.running, queue.finished_since_start, stored.parked};
  for (const auto& gate : stored.gates) {
    report.provider.push_back({gate.account, gate.until, gate.reason});
  }
  report.bus = stored.signals.bus;
  report.scheduler = stored.signals.scheduler;
  report.webhooks = stored.signals.webhooks;
  report.vault = {"open"};
  report.token = stored.tokens.at("claude");
  report.tokens = stored.tokens;
  report.store = report_of(services.store, services.store.stats());
  co_return json_reply(200, report);
}

// What is a level and not a count is asked for when the metrics are read.
Task<void> refresh_gauges(Services& services) {
  telemetry::Metrics& metrics = services.metrics;
  const auto set = [&metrics](std::string_view name, std::string_view help, std::int64_t value) {
    metrics.gauge(name, help).set(value);
  };
  const auto queue = co_await services.executions.queue();
  set("personas_executions_queued", "Executions that wait", queue.queued);
  set("personas_executions_running", "Executions that run", queue.running);
  const auto workers = co_await services.executions.workers();
  std::int64_t slots = 0;
  for (const auto& worker : workers) slots += worker.slots;
  set("personas_workers_connected", "Workers that are connected",
      static_cast<std::int64_t>(workers.size()));
  set("personas_worker_slots", "Slots of all connected workers", slots);
  const auto stats = services.store.stats();
  const auto store = report_of(services.store, stats);
  set("personas_store_commits", "Commits since the start", store.commits);
  set("personas_store_operations", "Write operations since the start", store.operations);
  set("personas_store_queued_writes", "Write operations that wait", store.queued);
  set("personas_store_file_bytes", "Size of the database file", store.file_bytes);
  set("personas_store_wal_bytes", "Size of the write-ahead log", store.wal_bytes);
  set("personas_store_damaged_reads", "Reads refused because a page was damaged",
      static_cast<std::int64_t>(stats.damaged_reads));
  set("personas_uptime_seconds", "Time since the start",
      to_millis(services.clock.now() - services.facts.started) / 1'000);
}

Task<Result<Reply>> metrics(Call& call) {
  co_await refresh_gauges(call.services);
  co_return Reply{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                  .body = call.services.metrics.text()};
}

struct Document {
  std::string text;
  std::string etag;

  explicit Document(std::string given)
      : text(std::move(given)),
        etag(fmt::format("\"{}\"", to_hex(crypto::sha256(as_bytes(text))).substr(0, 32))) {}
};

// The table and the version do not change while the program runs.
bj::object describe(const Call& call) {
  return openapi_document(all_operations(), call.services.facts.version);
}

Task<Result<Reply>> openapi(Call& call) {
  static const Document document(codec::serialize(describe(call)));
  Reply reply{.body = document.text};
  reply.headers.emplace_back("ETag", document.etag);
  co_return reply;
}

Task<Result<Reply>> docs(Call& call) {
  static const DocsPage page = docs_page(describe(call));
  static const Document document(page.html);
  Reply reply{.content_type = "text/html; charset=utf-8", .body = document.text};
  reply.headers.emplace_back("ETag", document.etag);
  reply.headers.emplace_back("Content-Security-Policy", page.policy);
  co_return reply;
}

}  // namespace

void add_system(Table& table) {
  table.push_back({.id = "health",
                   .method = "GET",
                   .path = "/health",
                   .summary = "Whether the server and what it depends on work",
                   .tag = "System",
                   .access = Access::kOpen,
                   .output = one<HealthReport>(),
                   .other_successes = {{503, one<HealthReport>()}},
                   .handler = &health});
  table.push_back({.id = "status",
                   .method = "GET",
                   .path = "/api/status",
                   .summary = "Workers, queue and the state of every part",
                   .tag = "System",
                   .output = one<StatusReport>(),
                   .handler = &status});
  table.push_back({.id = "metrics",
                   .method = "GET",
                   .path = "/metrics",
                   .summary = "Metrics for Prometheus; without a key from this machine",
                   .tag = "System",
                   .access = Access::kLoopbackOrKey,
                   .output = {nullptr, OutputType::Shape::kText},
                   .handler = &metrics});
  table.push_back({.id = "openapi",
                   .method = "GET",
                   .path = "/openapi.json",
                   .summary = "This description",
                   .tag = "System",
                   .output = {nullptr, OutputType::Shape::kJson},
                   .other_successes = {{304, {}}},  // for If-None-Match
                   .handler = &openapi});
  table.push_back({.id = "docs",
                   .method = "GET",
                   .path = "/docs",
                   .summary = "This description as a page; without a key from this machine",
                   .tag = "System",
                   .access = Access::kLoopbackOrKey,
                   .output = {nullptr, OutputType::Shape::kHtml},
                   .other_successes = {{304, {}}},
                   .handler = &docs});
}

}  // namespace personas::operations
