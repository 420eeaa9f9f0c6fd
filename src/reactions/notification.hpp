// What people are told of a record, and how it reads where they are told.
#pragma once

#include <optional>
#include <string>

#include "personas/base/error.hpp"
#include "personas/delivery/endpoint.hpp"
#include "personas/store/store.hpp"

namespace personas::reactions {

struct Notice {
  delivery::Topic topic = delivery::Topic::kMessages;
  std::string title;
  std::string text;
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionId> execution_id;
  std::optional<ReviewId> review_id;
};

// None: the record is nothing that people are told, or what it tells of is gone.
Result<std::optional<Notice>> notice_of(store::Transaction& tx, const store::JournalRecord& record);

// Whether this sink is told of it.
bool is_told(const delivery::Endpoint& sink, const Notice& notice);

// The body for a sink of this kind.
std::string notification_body(delivery::Kind kind, const Notice& notice,
                              const store::JournalRecord& record);

}  // namespace personas::reactions
