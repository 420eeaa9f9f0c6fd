// Descriptions of persona.hpp: names, rules and documentation of the fields of personas and tools.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "personas/codec/described.hpp"
#include "personas/model/persona.hpp"

namespace personas::codec {

template <>
struct Described<OnQuota> {
  static constexpr std::string_view name = "OnQuota";
  static constexpr std::array values{value("park", OnQuota::kPark), value("fail", OnQuota::kFail),
                                     value("fallback", OnQuota::kFallback)};
};

template <>
struct Described<ReviewPolicy> {
  static constexpr std::string_view name = "ReviewPolicy";
  static constexpr std::array values{value("risky", ReviewPolicy::kRisky),
                                     value("hold", ReviewPolicy::kHold),
                                     value("never", ReviewPolicy::kNever)};
};

template <>
struct Described<Fallback> {
  static constexpr std::string_view name = "Fallback";
  static constexpr auto fields = std::tuple{field("backend", &Fallback::backend).length(1, 50),
                                            field("model", &Fallback::model).length(1, 200)};
};

template <>
struct Described<RetryPolicy> {
  static constexpr std::string_view name = "RetryPolicy";
  static constexpr auto fields =
      std::tuple{field("maxAttempts", &RetryPolicy::max_attempts)
                     .range(1, 20)
                     .doc("How often it is tried, the first time included"),
                 field("initialBackoffMs", &RetryPolicy::initial_backoff_ms)
                     .range(0, 3'600'000)
                     .doc("Wait before the second attempt; jitter of up to half is added"),
                 field("maxBackoffMs", &RetryPolicy::max_backoff_ms).range(0, 86'400'000),
                 field("multiplier", &RetryPolicy::multiplier).number_range(1.0, 10.0)};
};

template <>
struct Described<Requirements> {
  static constexpr std::string_view name = "Requirements";
  static constexpr auto fields = std::tuple{
      field("capabilities", &Requirements::capabilities)
          .length(0, 32)
          .doc("Capabilities the worker must announce"),
      field("labels", &Requirements::labels).length(0, 32).doc("Labels the worker must carry")};
};

template <>
struct Described<Persona> {
  static constexpr std::string_view name = "Persona";
  static constexpr auto fields = std::tuple{
      field("id", &Persona::id).doc("Identifier; generated, or the client's own"),
      field("projectId", &Persona::project_id).length(0, 200),
      field("name", &Persona::name).required().length(1, 200).doc("Unique in the tenant"),
      field("description", &Persona::description).length(0, 10'000),
      field("systemPrompt", &Persona::system_prompt)
          .length(0, 200'000)
          .doc("Used when there is no valid structured prompt"),
      field("structuredPrompt", &Persona::structured_prompt)
          .doc("JSON: identity, instructions, toolGuidance, examples, errorHandling, webSearch, "
               "customSections"),
      field("icon", &Persona::icon).length(0, 200),
      field("color", &Persona::color).length(0, 50),
      field("enabled", &Persona::enabled).doc("A disabled persona refuses new executions"),
      field("maxConcurrent", &Persona::max_concurrent)
          .range(1, 1'000)
          .doc("Executions of this persona that may run at once; more wait in the queue"),
      field("timeoutMs", &Persona::timeout_ms)
          .range(1'000, 86'400'000)
          .doc("Wall-clock limit of one attempt"),
      field("idleTimeoutMs", &Persona::idle_timeout_ms)
          .range(1'000, 86'400'000)
          .doc("Longest silence of the agent before the attempt is ended"),
      field("maxOutputBytes", &Persona::max_output_bytes).range(1'024, 1'073'741'824),
      field("backend", &Persona::backend)
          .length(1, 50)
          .doc("Which agent CLI runs it: claude, codex, gemini, command, demo"),
      field("model", &Persona::model).length(0, 200),
      field("maxBudgetUsd", &Persona::max_budget_usd)
          .number_range(0, 100'000)
          .doc("Of a whole execution: an attempt has what the earlier ones left"),
      field("maxTurns", &Persona::max_turns).range(1, 10'000).doc("Of one attempt"),
      field("retry", &Persona::retry),
      field("onQuota", &Persona::on_quota)
          .doc("When the provider's usage limit is reached: park waits until it resets, fail ends "
               "the "
               "run, fallback goes on with another backend or model"),
      field("requires", &Persona::requires_).doc("What a worker must offer to run it"),
      field("networkPolicy", &Persona::network_policy),
      field("permissionPolicy", &Persona::permission_policy)
          .doc("Which tools the agent may use; for the command backend, the program to run"),
      field("designContext", &Persona::design_context),
      field("groupId", &Persona::group_id).length(0, 64),
      field("webhookSecret", &Persona::webhook_secret).write_only().length(0, 200),
      field("reviewPolicy", &Persona::review_policy)
          .doc("Which questions hold the run: risky (high and critical), hold (all), never"),
      field("reviewTimeoutMs", &Persona::review_timeout_ms)
          .range(1'000, 31'536'000'000)
          .doc("After this an unanswered question has expired and the run goes on; 72 h if absent"),
      field("fallback", &Persona::fallback)
          .doc("What runs when onQuota is fallback; tried once, then the run waits"),
      field("inputSchema", &Persona::input_schema)
          .doc("JSON Schema that the body of a call must satisfy; null takes any object"),
      field("version", &Persona::version).read_only(),
      field("createdAt", &Persona::created_at).read_only(),
      field("updatedAt", &Persona::updated_at).read_only()};
};

template <>
struct Described<ToolDefinition> {
  static constexpr std::string_view name = "ToolDefinition";
  static constexpr auto fields = std::tuple{
      field("id", &ToolDefinition::id),
      field("name", &ToolDefinition::name).required().length(1, 200).doc("Unique in the tenant"),
      field("category", &ToolDefinition::category).length(0, 100),
      field("description", &ToolDefinition::description).length(0, 10'000),
      field("scriptPath", &ToolDefinition::script_path).length(0, 1'000),
      field("implementationGuide", &ToolDefinition::implementation_guide)
          .length(0, 100'000)
          .doc("How the agent uses it; goes into the prompt"),
      field("inputSchema", &ToolDefinition::input_schema).doc("JSON Schema of its input"),
      field("requiresCredentialType", &ToolDefinition::requires_credential_type).length(0, 100),
      field("createdAt", &ToolDefinition::created_at).read_only(),
      field("updatedAt", &ToolDefinition::updated_at).read_only()};
};

}  // namespace personas::codec
