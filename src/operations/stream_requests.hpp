// What a client says over the WebSocket of streams.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/codec/described.hpp"

namespace personas::operations {

struct SubscribeRequest {
  std::string id;
  std::vector<std::string> types;
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionId> execution_id;
  std::optional<std::string> cursor;
};

struct UnsubscribeRequest {
  std::string id;
};

struct StreamRequest {
  std::optional<SubscribeRequest> subscribe;
  std::optional<UnsubscribeRequest> unsubscribe;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::SubscribeRequest> {
  using R = operations::SubscribeRequest;
  static constexpr std::string_view name = "SubscribeRequest";
  static constexpr auto fields =
      std::tuple{field("id", &R::id).required().length(1, 100), field("types", &R::types),
                 field("personaId", &R::persona_id), field("executionId", &R::execution_id),
                 field("cursor", &R::cursor).length(1, 200)};
};

template <>
struct Described<operations::UnsubscribeRequest> {
  static constexpr std::string_view name = "UnsubscribeRequest";
  static constexpr auto fields =
      std::tuple{field("id", &operations::UnsubscribeRequest::id).required().length(1, 100)};
};

template <>
struct Described<operations::StreamRequest> {
  using R = operations::StreamRequest;
  static constexpr std::string_view name = "StreamRequest";
  static constexpr auto fields =
      std::tuple{field("subscribe", &R::subscribe), field("unsubscribe", &R::unsubscribe)};
};

}  // namespace personas::codec
