// What people are told, and how it reads where they are told. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "personas/base/time.hpp"
#include "personas/delivery/endpoint.hpp"

namespace personas::delivery {

struct Notice {
  Topic topic = Topic::kMessages;
  std::string title;
  std::string text;
  std::optional<PersonaId> persona_id = {};
  std::optional<ExecutionId> execution_id = {};
  std::optional<ReviewId> review_id = {};
  std::optional<std::string> review_url = {};  // where it can be answered without a key
};

// Whether this sink is told of it.
bool is_told(const Endpoint& sink, const Notice& notice);

// What a delivery to a sink of this kind carries. `type` and `at` are those of the record.
std::string notification_body(Kind kind, const Notice& notice, std::string_view type, Timestamp at,
                              const DeliveryId& id);

}  // namespace personas::delivery
