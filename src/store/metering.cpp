#include "personas/store/metering.hpp"

#include <array>

#include <fmt/format.h>

namespace personas::store {
namespace {

constexpr std::int64_t kHourMicros = std::int64_t{3'600} * 1'000'000;

Timestamp hour_of(Timestamp at) {
  return Timestamp{at.micros - at.micros % kHourMicros};
}

// The columns of whole numbers; `cost_usd`, the only other one, comes after them.
struct Counter {
  std::string_view column;
  std::int64_t UsageCounters::* member;
};
constexpr std::array kCounters = {
    Counter{"executions", &UsageCounters::executions},
    Counter{"failed", &UsageCounters::failed},
    Counter{"attempts", &UsageCounters::attempts},
    Counter{"run_ms", &UsageCounters::run_ms},
    Counter{"input_tokens", &UsageCounters::input_tokens},
    Counter{"output_tokens", &UsageCounters::output_tokens},
    Counter{"cache_creation_input_tokens", &UsageCounters::cache_creation_input_tokens},
    Counter{"cache_read_input_tokens", &UsageCounters::cache_read_input_tokens},
    Counter{"credential_accesses", &UsageCounters::credential_accesses},
    Counter{"events", &UsageCounters::events}};
constexpr std::string_view kCost = "cost_usd";
constexpr std::size_t kKeyColumns = 6;

std::string each_counter(std::string_view pattern, std::string_view between) {
  std::string text;
  for (const auto& counter : kCounters) {
    text += fmt::format(fmt::runtime(pattern), fmt::arg("c", counter.column));
    text += between;
  }
  return text + fmt::format(fmt::runtime(pattern), fmt::arg("c", kCost));
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
  for (const auto& counter : kCounters) {
    if (!row.is_null(column)) counters.*counter.member = row.integer(column);
    ++column;
  }
  if (!row.is_null(column)) counters.cost_usd = row.real(column);
  return counters;
}

bool is_time(UsageGrouping by) {
  return by == UsageGrouping::kHour || by == UsageGrouping::kDay;
}

}  // namespace

Result<void> meter(Transaction& tx, const TenantId& tenant, const Metered& metered) {
  return tx.meter({.tenant = tenant,
                   .hour = hour_of(metered.at),
                   .persona_id = metered.persona_id,
                   .backend = metered.backend,
                   .model = metered.model,
                   .worker_id = metered.worker_id},
                  metered.counters);
}

void MeteringSums::add(const MeteringKey& key, const UsageCounters& counters) {
  UsageCounters& sum = sums_[key];
  for (const auto& counter : kCounters) sum.*counter.member += counters.*counter.member;
  sum.cost_usd += counters.cost_usd;
}

Result<void> MeteringSums::write(Transaction& tx) const {
  static const Sql kAdd(
      "INSERT INTO metering (tenant_id, hour, persona_id, backend, model, worker_id, " +
      each_counter("{c}", ", ") + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) " +
      "ON CONFLICT (tenant_id, hour, persona_id, backend, model, worker_id) DO UPDATE SET " +
      each_counter("{c} = metering.{c} + excluded.{c}", ", "));
  for (const auto& [key, sum] : sums_) {
    std::array<Value, kKeyColumns + kCounters.size() + 1> cells = {
        key.tenant, key.hour, key.persona_id, key.backend, key.model, key.worker_id};
    auto* cell = cells.begin() + kKeyColumns;
    for (const auto& counter : kCounters) *cell++ = sum.*counter.member;
    *cell = sum.cost_usd;
    TRY_VOID(tx.execute(kAdd, cells));
  }
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
