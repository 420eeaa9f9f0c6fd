// Descriptions of signals.hpp: names, rules and documentation of their fields.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "personas/codec/described.hpp"
#include "personas/model/signals.hpp"

namespace personas::codec {

template <>
struct Described<EventStatus> {
  static constexpr std::string_view name = "EventStatus";
  static constexpr std::array values{value("pending", EventStatus::kPending),
                                     value("processing", EventStatus::kProcessing),
                                     value("delivered", EventStatus::kDelivered),
                                     value("partial", EventStatus::kPartial),
                                     value("skipped", EventStatus::kSkipped),
                                     value("failed", EventStatus::kFailed),
                                     value("dead", EventStatus::kDead)};
};

template <>
struct Described<Event> {
  static constexpr std::string_view name = "Event";
  static constexpr auto fields =
      std::tuple{field("id", &Event::id).read_only(),
                 field("projectId", &Event::project_id).length(0, 200),
                 field("eventType", &Event::event_type).required().length(1, 200),
                 field("sourceType", &Event::source_type).length(0, 200),
                 field("sourceId", &Event::source_id).length(0, 500),
                 field("targetPersonaId", &Event::target_persona_id),
                 field("payload", &Event::payload).doc("JSON, as a string"),
                 field("status", &Event::status).read_only(),
                 field("errorMessage", &Event::error_message).read_only(),
                 field("processedAt", &Event::processed_at).read_only(),
                 field("retryCount", &Event::retry_count).read_only(),
                 field("nextRetryAt", &Event::next_retry_at).read_only(),
                 field("origin", &Event::origin).read_only().doc("The instance it was born on"),
                 field("createdAt", &Event::created_at).read_only()};
};

template <>
struct Described<ContentType> {
  static constexpr std::string_view name = "ContentType";
  static constexpr std::array values{
      value("info", ContentType::kInfo), value("warning", ContentType::kWarning),
      value("error", ContentType::kError), value("success", ContentType::kSuccess)};
};

template <>
struct Described<MessagePriority> {
  static constexpr std::string_view name = "MessagePriority";
  static constexpr std::array values{
      value("low", MessagePriority::kLow), value("normal", MessagePriority::kNormal),
      value("high", MessagePriority::kHigh), value("urgent", MessagePriority::kUrgent)};
};

template <>
struct Described<Message> {
  static constexpr std::string_view name = "Message";
  static constexpr auto fields = std::tuple{field("id", &Message::id),
                                            field("personaId", &Message::persona_id),
                                            field("executionId", &Message::execution_id),
                                            field("title", &Message::title),
                                            field("content", &Message::content),
                                            field("contentType", &Message::content_type),
                                            field("priority", &Message::priority),
                                            field("read", &Message::read),
                                            field("createdAt", &Message::created_at)};
};

template <>
struct Described<MemoryCategory> {
  static constexpr std::string_view name = "MemoryCategory";
  static constexpr std::array values{
      value("learning", MemoryCategory::kLearning),
      value("preference", MemoryCategory::kPreference), value("fact", MemoryCategory::kFact),
      value("procedure", MemoryCategory::kProcedure), value("general", MemoryCategory::kGeneral)};
};

template <>
struct Described<Memory> {
  static constexpr std::string_view name = "Memory";
  static constexpr auto fields =
      std::tuple{field("id", &Memory::id).read_only(),
                 field("personaId", &Memory::persona_id),
                 field("executionId", &Memory::execution_id).read_only(),
                 field("title", &Memory::title).required().length(1, 500),
                 field("content", &Memory::content).required().length(1, 50'000),
                 field("category", &Memory::category),
                 field("importance", &Memory::importance).range(1, 10),
                 field("tags", &Memory::tags).length(0, 50),
                 field("createdAt", &Memory::created_at).read_only()};
};

template <>
struct Described<Severity> {
  static constexpr std::string_view name = "Severity";
  static constexpr std::array values{
      value("low", Severity::kLow), value("medium", Severity::kMedium),
      value("high", Severity::kHigh), value("critical", Severity::kCritical)};
};

template <>
struct Described<ReviewStatus> {
  static constexpr std::string_view name = "ReviewStatus";
  static constexpr std::array values{
      value("pending", ReviewStatus::kPending), value("approved", ReviewStatus::kApproved),
      value("rejected", ReviewStatus::kRejected), value("expired", ReviewStatus::kExpired)};
};

template <>
struct Described<Review> {
  static constexpr std::string_view name = "Review";
  static constexpr auto fields = std::tuple{field("id", &Review::id),
                                            field("personaId", &Review::persona_id),
                                            field("executionId", &Review::execution_id),
                                            field("title", &Review::title),
                                            field("description", &Review::description),
                                            field("severity", &Review::severity),
                                            field("contextData", &Review::context_data),
                                            field("suggestedActions", &Review::suggested_actions),
                                            field("status", &Review::status),
                                            field("responseMessage", &Review::response_message),
                                            field("respondedAt", &Review::responded_at),
                                            field("respondedBy", &Review::responded_by)
                                                .doc("The name of the key that answered"),
                                            field("expiresAt", &Review::expires_at),
                                            field("createdAt", &Review::created_at)};
};

}  // namespace personas::codec
