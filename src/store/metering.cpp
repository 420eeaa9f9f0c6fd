#include "personas/store/metering.hpp"

#include <array>

#include <fmt/format.h>

namespace personas::store {
namespace {

constexpr std::int64_t kHourMicros = std::int64_t{3'600} * 1'000'000;

Timestamp hour_of(Timestamp at) {
  return Timestamp{at.micros - at.micros % kHourMicros};
}

constexpr std::array kCounters = {"executions",
                                  "failed",
                                  "attempts",
                                  "run_ms",
                                  "input_tokens",
                                  "output_tokens",
                                  "cache_creation_input_tokens",
                                  "cache_read_input_tokens",
                                  "cost_usd",
                                  "credential_accesses",
                                  "events"};

std::string each_counter(std::string_view pattern, std::string_view between) {
  std::string text;
  for (const char* counter : kCounters) {
    if (!text.empty()) text += between;
    text += fmt::format(fmt::runtime(pattern), fmt::arg("c", counter));
  }
  return text;
}

Sql report_sql(std::string_view group, std::string_view order) {
  return Sql(
      fmt::format("SELECT {} AS bucket, {} FROM metering WHERE tenant_id = ? AND hour >= ? "
                  "AND hour < ? AND (? = '' OR persona_id = ?) GROUP BY bucket ORDER BY {} "
                  "LIMIT ?",
                  group, each_counter("SUM({c})", ", "), order));
}

// In the order of UsageGrouping.
const Sql& sql_of(UsageGrouping by) {
  constexpr std::string_view kMost = "SUM(cost_usd) DESC, SUM(run_ms) DESC, bucket";
  static const std::array kReports = {
      report_sql("hour", "bucket"),    report_sql("hour - hour % 86400000000", "bucket"),
      report_sql("persona_id", kMost), report_sql("backend", kMost),
      report_sql("model", kMost),      report_sql("worker_id", kMost)};
  return kReports[static_cast<std::size_t>(by)];
}

UsageCounters counters_of(const Row& row, int first) {
  UsageCounters counters;
  int column = first;
  for (auto* counter : {&counters.executions, &counters.failed, &counters.attempts,
                        &counters.run_ms, &counters.input_tokens, &counters.output_tokens,
                        &counters.cache_creation_input_tokens, &counters.cache_read_input_tokens}) {
    if (!row.is_null(column)) *counter = row.integer(column);
    ++column;
  }
  if (!row.is_null(column)) counters.cost_usd = row.real(column);
  if (!row.is_null(column + 1)) counters.credential_accesses = row.integer(column + 1);
  if (!row.is_null(column + 2)) counters.events = row.integer(column + 2);
  return counters;
}

bool is_time(UsageGrouping by) {
  return by == UsageGrouping::kHour || by == UsageGrouping::kDay;
}

}  // namespace

Result<void> meter(Transaction& tx, const TenantId& tenant, const Metered& metered) {
  static const Sql kAdd(
      "INSERT INTO metering (tenant_id, hour, persona_id, backend, model, worker_id, " +
      each_counter("{c}", ", ") + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) " +
      "ON CONFLICT (tenant_id, hour, persona_id, backend, model, worker_id) DO UPDATE SET " +
      each_counter("{c} = metering.{c} + excluded.{c}", ", "));
  const UsageCounters& c = metered.counters;
  TRY_VOID(
      tx.execute(kAdd, {tenant, hour_of(metered.at), metered.persona_id, metered.backend,
                        metered.model, metered.worker_id, c.executions, c.failed, c.attempts,
                        c.run_ms, c.input_tokens, c.output_tokens, c.cache_creation_input_tokens,
                        c.cache_read_input_tokens, c.cost_usd, c.credential_accesses, c.events}));
  return {};
}

Result<UsageReport> usage(Transaction& tx, const TenantId& tenant, const UsageFilter& filter) {
  static const Sql kTotal(
      "SELECT " + each_counter("SUM({c})", ", ") +
      " FROM metering WHERE tenant_id = ? AND hour >= ? AND hour < ? AND (? = '' OR persona_id = "
      "?)");
  UsageReport report{
      .since = hour_of(filter.since), .until = filter.until, .total = {}, .rows = {}};
  const std::string persona = filter.persona_id ? filter.persona_id->str() : std::string();
  TRY_VOID(tx.query(kTotal, {tenant, report.since, report.until, persona, persona},
                    [&](const Row& row) -> Result<bool> {
                      report.total = counters_of(row, 0);
                      return false;
                    }));
  TRY_VOID(tx.query(sql_of(filter.by),
                    {tenant, report.since, report.until, persona, persona, kMaxUsageRows},
                    [&](const Row& row) -> Result<bool> {
                      std::string group = is_time(filter.by) ? to_rfc3339(Timestamp{row.integer(0)})
                                                             : std::string(row.text(0));
                      report.rows.push_back({std::move(group), counters_of(row, 1)});
                      return true;
                    }));
  return report;
}

}  // namespace personas::store
