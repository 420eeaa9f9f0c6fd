// What was used: counters by hour, persona, backend, model and worker, and reports over them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/model/execution.hpp"

namespace personas {

// Counters that are added together. Sums of rows, and one row's own.
struct UsageCounters {
  std::int64_t executions = 0;  // that ended
  std::int64_t failed = 0;      // of those
  std::int64_t attempts = 0;
  std::int64_t run_ms = 0;  // of workers' slots
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t cache_creation_input_tokens = 0;
  std::int64_t cache_read_input_tokens = 0;
  double cost_usd = 0;
  std::int64_t credential_accesses = 0;
  std::int64_t events = 0;  // published

  void add(const Usage& usage) {
    input_tokens += usage.input_tokens;
    output_tokens += usage.output_tokens;
    cache_creation_input_tokens += usage.cache_creation_input_tokens;
    cache_read_input_tokens += usage.cache_read_input_tokens;
  }
};

enum class UsageGrouping : std::uint8_t { kHour, kDay, kPersona, kBackend, kModel, kWorker };

struct UsageRow {
  // Of hour and day: when it begins, UTC. Else the id or name; empty for what has none.
  std::string group;
  UsageCounters counters;
};

struct UsageReport {
  Timestamp since;
  Timestamp until;
  UsageCounters total;
  std::vector<UsageRow> rows;
};

namespace codec {

template <>
struct Described<UsageCounters> {
  using U = UsageCounters;
  static constexpr std::string_view name = "UsageCounters";
  static constexpr auto fields = std::tuple{
      field("executions", &U::executions).doc("Executions that ended"),
      field("failed", &U::failed).doc("Of those, how many failed"),
      field("attempts", &U::attempts),
      field("runMs", &U::run_ms).doc("Time of workers' slots"),
      field("inputTokens", &U::input_tokens),
      field("outputTokens", &U::output_tokens),
      field("cacheCreationInputTokens", &U::cache_creation_input_tokens),
      field("cacheReadInputTokens", &U::cache_read_input_tokens),
      field("costUsd", &U::cost_usd).doc("As the backends report it"),
      field("credentialAccesses", &U::credential_accesses)
          .doc("Credentials that were decrypted for an attempt"),
      field("events", &U::events).doc("Events that were published")};
};

template <>
struct Described<UsageGrouping> {
  using U = UsageGrouping;
  static constexpr std::string_view name = "UsageGrouping";
  static constexpr std::array values{value("hour", U::kHour),       value("day", U::kDay),
                                     value("persona", U::kPersona), value("backend", U::kBackend),
                                     value("model", U::kModel),     value("worker", U::kWorker)};
};

template <>
struct Described<UsageRow> {
  static constexpr std::string_view name = "UsageRow";
  static constexpr auto fields =
      std::tuple{field("group", &UsageRow::group)
                     .doc("The hour or day it begins with, or the id or name it is about"),
                 field("counters", &UsageRow::counters)};
};

template <>
struct Described<UsageReport> {
  static constexpr std::string_view name = "UsageReport";
  static constexpr auto fields = std::tuple{
      field("since", &UsageReport::since), field("until", &UsageReport::until),
      field("total", &UsageReport::total), field("rows", &UsageReport::rows)};
};

}  // namespace codec
}  // namespace personas
