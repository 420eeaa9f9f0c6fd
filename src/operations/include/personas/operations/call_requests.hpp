// A persona as an endpoint: what a call is answered with, and what a caller is told about it.
#pragma once

#include <optional>
#include <string>
#include <tuple>

#include "personas/base/id.hpp"
#include "personas/codec/described.hpp"
#include "personas/model/execution.hpp"

namespace personas::operations {

inline constexpr std::size_t kMaxCallBytes = 512 * 1024;  // half of what a whole prompt may have
inline constexpr std::size_t kMaxAnswerBytes = 64 * 1024;

// The same whether it is over or not; what is not known yet is null.
struct CallReply {
  ExecutionId execution_id;
  ExecutionStatus status = ExecutionStatus::kQueued;
  std::string status_url;
  std::optional<codec::RawJson> result;
  std::optional<std::string> answer;
  std::optional<Outcome> outcome;
  std::optional<FailureReason> failure_reason;
  std::optional<std::string> error_message;
  std::optional<std::string> what_to_do;
  std::optional<std::string> waiting_for;
  std::optional<std::int64_t> duration_ms;
  std::optional<double> cost_usd;
};

struct CallForm {
  PersonaId persona_id;
  std::string name;
  std::string description;
  bool enabled = true;
  std::string url;
  std::optional<codec::RawJson> input_schema;
  codec::RawJson example;
  std::string curl;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::CallReply> {
  using T = operations::CallReply;
  static constexpr std::string_view name = "CallReply";
  static constexpr auto fields = std::tuple{
      field("executionId", &T::execution_id),
      field("status", &T::status),
      field("statusUrl", &T::status_url)
          .doc("Answers as the call does; with ?wait=30s it waits again"),
      field("result", &T::result).doc("What the agent gave in {\"result\": …}; null if nothing"),
      field("answer", &T::answer).doc("What the agent said last, at most the last 64 KiB"),
      field("outcome", &T::outcome),
      field("failureReason", &T::failure_reason),
      field("errorMessage", &T::error_message),
      field("whatToDo", &T::what_to_do),
      field("waitingFor", &T::waiting_for).doc("Why it is not running, while it is not over"),
      field("durationMs", &T::duration_ms),
      field("costUsd", &T::cost_usd)};
};

template <>
struct Described<operations::CallForm> {
  using T = operations::CallForm;
  static constexpr std::string_view name = "CallForm";
  static constexpr auto fields = std::tuple{
      field("personaId", &T::persona_id),
      field("name", &T::name),
      field("description", &T::description),
      field("enabled", &T::enabled).doc("A disabled persona refuses calls"),
      field("url", &T::url).doc("Where a call is posted"),
      field("inputSchema", &T::input_schema).doc("Of the body of a call; null takes any object"),
      field("example", &T::example).doc("A body of that form"),
      field("curl", &T::curl).doc("A call, for a shell that has PERSONAS_URL and TEAM_API_KEY")};
};

}  // namespace personas::codec
