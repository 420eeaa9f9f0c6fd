// The seven agent protocols: one table. The prompt's documentation, what the parser recognises, the
// reading of payloads and the JSON schema are all derived from it.
//
// An agent uses a protocol by writing one JSON object on a line of its text:
//   {"user_message": {"content": "Report sent"}}
// A new protocol: a described struct in model/effects.hpp, its place in Effect, one row here.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <boost/json.hpp>

#include "personas/base/error.hpp"
#include "personas/codec/type_info.hpp"
#include "personas/model/effects.hpp"

namespace personas::agents {

struct Protocol {
  std::string_view key;
  std::string_view purpose;  // one sentence for the agent
  std::string_view example;  // a whole line
  // The field that a bare string stands for: {"user_message": "hi"}. Empty: objects only.
  std::string_view text_field;
  const codec::TypeInfo& (*type)();
  Effect (*make)();          // a default value, to be read into
  void* (*target)(Effect&);  // the struct inside
};

namespace detail {

template <std::size_t I>
constexpr Protocol protocol(std::string_view key, std::string_view purpose,
                            std::string_view example, std::string_view text_field = {}) {
  using T = std::variant_alternative_t<I, Effect>;
  return {key,
          purpose,
          example,
          text_field,
          &codec::type_info<T>,
          [] { return Effect(std::in_place_index<I>); },
          [](Effect& effect) -> void* { return std::get_if<I>(&effect); }};
}

}  // namespace detail

// In the order of Effect's alternatives: kProtocols[effect.index()] describes `effect`.
inline constexpr std::array kProtocols = {
    detail::protocol<0>(
        "user_message", "Tell your user something: a result, a warning, a question.",
        R"({"user_message": {"title": "Report", "content": "All 12 checks passed.", )"
        R"("content_type": "success", "priority": "normal"}})",
        "content"),
    detail::protocol<1>("persona_action", "Have another persona run, with input you give it.",
                        R"({"persona_action": {"target": "Code Reviewer", "action": "run", )"
                        R"("input": {"mergeRequest": 42}}})"),
    detail::protocol<2>("emit_event", "Publish an event that other personas may be subscribed to.",
                        R"({"emit_event": {"type": "report.ready", "data": {"checks": 12}}})"),
    detail::protocol<3>(
        "agent_memory", "Store something worth knowing in later runs.",
        R"({"agent_memory": {"title": "Report time", "content": "Reports are read at 9:00.", )"
        R"("category": "preference", "importance": 6, "tags": ["reports"]}})"),
    detail::protocol<4>(
        "manual_review", "Ask a human to decide before something risky or unclear is done.",
        R"({"manual_review": {"title": "Delete the old backups?", "description": "They are )"
        R"(90 days old.", "severity": "high", "suggested_actions": ["delete", "keep"]}})"),
    detail::protocol<5>("execution_flow", "Show the steps you took or plan to take.",
                        R"({"execution_flow": {"flows": [{"step": "1", "action": "Read the logs", )"
                        R"("status": "done"}]}})"),
    detail::protocol<6>(
        "outcome_assessment", "At the very end, say honestly whether the task was accomplished.",
        R"({"outcome_assessment": {"accomplished": true, "summary": "Report written and sent.", )"
        R"("blockers": []}})")};
static_assert(kProtocols.size() == std::variant_size_v<Effect>);

// Null if `key` is not a protocol's.
const Protocol* find_protocol(std::string_view key);
std::string_view key_of(const Effect& effect);
// The canonical payload: compact JSON of the described struct, absent fields left out.
std::string payload_of(const Effect& effect);

// Reads the payload under a protocol key. Tolerant where nothing is lost: unknown fields are
// ignored, null counts as absent, a bare string stands for the text field. A missing required field
// or a value of the wrong kind is an error: the caller counts it and keeps the line as plain
// output.
Result<Effect> effect_from(std::string_view key, const boost::json::value& payload);

// The part of the prompt that teaches the protocols.
std::string protocol_documentation();

// JSON Schema of one protocol line (any of the seven); the structs go to `components`.
boost::json::value protocol_schema(boost::json::object& components);

}  // namespace personas::agents
