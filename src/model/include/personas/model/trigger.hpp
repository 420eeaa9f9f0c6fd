// What makes events by itself: triggers, and each time one of them fired.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas {

PERSONAS_ID(FiringId, "fir");

enum class TriggerType : std::uint8_t { kSchedule, kWebhook, kChain, kManual, kPolling };

struct Trigger {
  TriggerId id = {};
  PersonaId persona_id = {};
  std::optional<PersonaId> target_persona_id = {};
  std::optional<std::string> name = {};
  TriggerType trigger_type = TriggerType::kSchedule;
  codec::JsonText config = {};
  bool enabled = true;
  std::optional<std::string> paused_reason = {};
  std::optional<Timestamp> next_trigger_at = {};  // next_slot and its jitter
  std::optional<Timestamp> next_slot = {};
  std::optional<Timestamp> last_triggered_at = {};
  std::int64_t trigger_count = 0;
  std::int64_t missed_count = 0;
  std::int64_t consecutive_failures = 0;
  Timestamp created_at = {};
  Timestamp updated_at = {};  // of what a user sets, not of what firing changes
};

// Whom its events are for.
inline const PersonaId& target_of(const Trigger& trigger) {
  return trigger.target_persona_id ? *trigger.target_persona_id : trigger.persona_id;
}

enum class FiringKind : std::uint8_t { kSchedule, kManual, kBackfill, kChain, kWebhook, kPolling };
// kPublished: its event is out, and what came of it is not known yet.
enum class FiringStatus : std::uint8_t { kPublished, kCompleted, kFailed, kSkipped };

struct TriggerFiring {
  FiringId id = {};
  TriggerId trigger_id = {};
  Timestamp slot = {};
  FiringKind kind = FiringKind::kSchedule;
  std::optional<EventId> event_id = {};
  FiringStatus status = FiringStatus::kPublished;
  std::optional<std::string> error = {};
  Timestamp created_at = {};
};

}  // namespace personas

namespace personas::record {

// What a slot, or a request by hand, has become: an event, or `skipped`.
struct TriggerFired {
  TriggerId trigger_id;
  PersonaId persona_id;
  Timestamp slot;
  std::string kind;
  std::string status;
  std::optional<EventId> event_id;
};

}  // namespace personas::record

namespace personas::codec {

template <>
struct Described<TriggerType> {
  static constexpr std::string_view name = "TriggerType";
  static constexpr std::array values{
      value("schedule", TriggerType::kSchedule), value("webhook", TriggerType::kWebhook),
      value("chain", TriggerType::kChain), value("manual", TriggerType::kManual),
      value("polling", TriggerType::kPolling)};
};

template <>
struct Described<Trigger> {
  using T = Trigger;
  static constexpr std::string_view name = "Trigger";
  static constexpr auto fields = std::tuple{
      field("id", &T::id).read_only(),
      field("personaId", &T::persona_id).required(),
      field("targetPersonaId", &T::target_persona_id)
          .doc("Whom its events are for, if not for its own persona"),
      field("name", &T::name).length(0, 200),
      field("triggerType", &T::trigger_type).required(),
      field("config", &T::config).length(0, 65'536).doc("JSON, as a string; see TriggerConfig"),
      field("enabled", &T::enabled),
      field("pausedReason", &T::paused_reason).read_only(),
      field("nextTriggerAt", &T::next_trigger_at).read_only().doc("nextSlot and its jitter"),
      field("nextSlot", &T::next_slot).read_only(),
      field("lastTriggeredAt", &T::last_triggered_at).read_only(),
      field("triggerCount", &T::trigger_count).read_only().doc("Events that it published"),
      field("missedCount", &T::missed_count).read_only().doc("Slots that nothing was made of"),
      field("consecutiveFailures", &T::consecutive_failures).read_only(),
      field("createdAt", &T::created_at).read_only(),
      field("updatedAt", &T::updated_at).read_only()};
};

template <>
struct Described<FiringKind> {
  static constexpr std::string_view name = "FiringKind";
  static constexpr std::array values{
      value("schedule", FiringKind::kSchedule), value("manual", FiringKind::kManual),
      value("backfill", FiringKind::kBackfill), value("chain", FiringKind::kChain),
      value("webhook", FiringKind::kWebhook),   value("polling", FiringKind::kPolling)};
};

template <>
struct Described<FiringStatus> {
  static constexpr std::string_view name = "FiringStatus";
  static constexpr std::array values{
      value("published", FiringStatus::kPublished), value("completed", FiringStatus::kCompleted),
      value("failed", FiringStatus::kFailed), value("skipped", FiringStatus::kSkipped)};
};

template <>
struct Described<TriggerFiring> {
  using F = TriggerFiring;
  static constexpr std::string_view name = "TriggerFiring";
  static constexpr auto fields =
      std::tuple{field("id", &F::id),
                 field("triggerId", &F::trigger_id),
                 field("slot", &F::slot).doc("The moment it stands for; a slot fires once"),
                 field("kind", &F::kind),
                 field("eventId", &F::event_id),
                 field("status", &F::status)
                     .doc("What became of its runs, as the trigger saw it when it fired next"),
                 field("error", &F::error),
                 field("createdAt", &F::created_at)};
};

}  // namespace personas::codec
