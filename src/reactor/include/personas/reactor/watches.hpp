// Executions whose end somebody waits for: one row each, found by the execution, taken away by the
// reaction to its end. So the end of an execution that nobody waits for costs one indexed look, and
// what follows from an end follows once.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <tuple>

#include "personas/base/id.hpp"
#include "personas/codec/described.hpp"
#include "personas/store/store.hpp"

namespace personas::reactor {

// What an execution is run for.
enum class Purpose : std::uint8_t {
  kDraft,         // subject: the draft it writes
  kTest,          // subject: the result it is run for
  kJudge,         // subject: the result it judges
  kPoll,          // subject: the trigger it looks for
  kNotification,  // subject: the delivery that it carries
};

struct Watch {
  ExecutionId execution_id;
  Purpose purpose = Purpose::kDraft;
  std::string subject_id;
};

// In the transaction that enqueues the execution.
Result<void> watch(store::Transaction& tx, const TenantId& tenant, const Watch& watch);
Result<std::optional<Watch>> find_watch(store::Transaction& tx, const TenantId& tenant,
                                        const ExecutionId& execution);
// False: it was taken before.
Result<bool> take_watch(store::Transaction& tx, const TenantId& tenant,
                        const ExecutionId& execution);

}  // namespace personas::reactor

namespace personas::codec {

template <>
struct Described<reactor::Purpose> {
  static constexpr std::string_view name = "Purpose";
  static constexpr std::array values{
      value("draft", reactor::Purpose::kDraft), value("test", reactor::Purpose::kTest),
      value("judge", reactor::Purpose::kJudge), value("poll", reactor::Purpose::kPoll),
      value("notification", reactor::Purpose::kNotification)};
};

template <>
struct Described<reactor::Watch> {
  using W = reactor::Watch;
  static constexpr std::string_view name = "Watch";
  static constexpr auto fields =
      std::tuple{field("executionId", &W::execution_id), field("purpose", &W::purpose),
                 field("subjectId", &W::subject_id)};
};

}  // namespace personas::codec
