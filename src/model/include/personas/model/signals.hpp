// What agents produce besides output: events, messages, memories, reviews.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas {

enum class EventStatus : std::uint8_t {
  kPending,
  kProcessing,
  kDelivered,
  kPartial,
  kSkipped,
  kFailed,
  kDead,
};

struct Event {
  EventId id;
  std::optional<std::string> project_id;
  std::string event_type;
  std::string source_type;
  std::optional<std::string> source_id;
  std::optional<PersonaId> target_persona_id;
  std::optional<codec::JsonText> payload;
  EventStatus status = EventStatus::kPending;
  std::optional<std::string> error_message;
  std::optional<Timestamp> processed_at;
  std::int64_t retry_count = 0;
  std::optional<Timestamp> next_retry_at;
  std::optional<EventId> replay_of;  // the event it repeats on request
  InstanceId origin;
  Timestamp created_at;
};

enum class ContentType : std::uint8_t { kInfo, kWarning, kError, kSuccess };
enum class MessagePriority : std::uint8_t { kLow, kNormal, kHigh, kUrgent };

struct Message {
  MessageId id;
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionId> execution_id;
  std::optional<std::string> title;
  std::string content;
  ContentType content_type = ContentType::kInfo;
  MessagePriority priority = MessagePriority::kNormal;
  bool read = false;
  Timestamp created_at;
};

enum class MemoryCategory : std::uint8_t { kLearning, kPreference, kFact, kProcedure, kGeneral };

struct Memory {
  MemoryId id;
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionId> execution_id;
  std::string title;
  std::string content;
  MemoryCategory category = MemoryCategory::kGeneral;
  std::int64_t importance = 5;
  std::vector<std::string> tags;
  Timestamp created_at;
};

enum class Severity : std::uint8_t { kLow, kMedium, kHigh, kCritical };
enum class ReviewStatus : std::uint8_t { kPending, kApproved, kRejected, kExpired };

struct Review {
  ReviewId id;
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionId> execution_id;
  std::string title;
  std::string description;
  Severity severity = Severity::kMedium;
  std::optional<codec::RawJson> context_data;
  std::vector<std::string> suggested_actions;
  ReviewStatus status = ReviewStatus::kPending;
  std::optional<std::string> response_message;
  std::optional<Timestamp> responded_at;
  std::optional<std::string> responded_by;
  std::optional<Timestamp> expires_at;
  Timestamp created_at;
};

}  // namespace personas

#include "personas/model/signals_described.hpp"
