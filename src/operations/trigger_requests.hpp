// Query parameters, bodies and answers of the operations on triggers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/model/trigger.hpp"
#include "personas/operations/requests.hpp"

namespace personas::operations {

inline constexpr std::int64_t kMaxPreview = 100;

struct TriggersQuery {
  std::optional<PersonaId> persona_id;
  std::optional<TriggerType> trigger_type;
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

struct PreviewQuery {
  std::int64_t count = 10;
};
struct PreviewBody {
  TriggerType trigger_type = TriggerType::kSchedule;
  codec::JsonText config;
};
struct PreviewSlot {
  Timestamp slot;
  Timestamp due_at;
};

struct FireBody {
  std::optional<codec::RawJson> payload;
};
struct PauseBody {
  std::string reason;
};

struct BackfillBody {
  Timestamp from;
  Timestamp to;
};
struct Backfilled {
  std::int64_t published = 0;
  std::int64_t already_fired = 0;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::TriggersQuery> {
  using Q = operations::TriggersQuery;
  static constexpr std::string_view name = "TriggersQuery";
  static constexpr auto fields = std::tuple{
      field("personaId", &Q::persona_id).doc("Those of this persona"),
      field("triggerType", &Q::trigger_type),
      field("limit", &Q::limit).range(1, operations::kMaxPage).doc("Entries of a page"),
      field("cursor", &Q::cursor).length(1, 500).doc("X-Next-Cursor of the page before")};
};

template <>
struct Described<operations::PreviewQuery> {
  static constexpr std::string_view name = "PreviewQuery";
  static constexpr auto fields = std::tuple{field("count", &operations::PreviewQuery::count)
                                                .range(1, operations::kMaxPreview)
                                                .doc("Slots from now on")};
};

template <>
struct Described<operations::PreviewBody> {
  using B = operations::PreviewBody;
  static constexpr std::string_view name = "PreviewBody";
  static constexpr auto fields =
      std::tuple{field("triggerType", &B::trigger_type),
                 field("config", &B::config).required().length(0, 65'536)};
};

template <>
struct Described<operations::PreviewSlot> {
  using S = operations::PreviewSlot;
  static constexpr std::string_view name = "PreviewSlot";
  static constexpr auto fields = std::tuple{
      field("slot", &S::slot),
      field("dueAt", &S::due_at)
          .doc("The slot and its jitter, which for a trigger not made yet is another one")};
};

template <>
struct Described<operations::FireBody> {
  static constexpr std::string_view name = "FireBody";
  static constexpr auto fields = std::tuple{
      field("payload", &operations::FireBody::payload).doc("In place of that of the config")};
};

template <>
struct Described<operations::PauseBody> {
  static constexpr std::string_view name = "PauseBody";
  static constexpr auto fields =
      std::tuple{field("reason", &operations::PauseBody::reason).length(0, 500)};
};

template <>
struct Described<operations::BackfillBody> {
  using B = operations::BackfillBody;
  static constexpr std::string_view name = "BackfillBody";
  static constexpr auto fields =
      std::tuple{field("from", &B::from).required().doc("The first slot may be here"),
                 field("to", &B::to).required().doc("The last one may be here; not in the future")};
};

template <>
struct Described<operations::Backfilled> {
  using B = operations::Backfilled;
  static constexpr std::string_view name = "Backfilled";
  static constexpr auto fields =
      std::tuple{field("published", &B::published),
                 field("alreadyFired", &B::already_fired)
                     .doc("Slots that had fired before: they stay as they are")};
};

}  // namespace personas::codec
