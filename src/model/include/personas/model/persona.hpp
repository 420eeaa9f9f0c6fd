// What an agent is: its definition and its tools.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas {

enum class OnQuota : std::uint8_t { kPark, kFail, kFallback };

struct RetryPolicy {
  std::int64_t max_attempts = 3;
  std::int64_t initial_backoff_ms = 1'000;
  std::int64_t max_backoff_ms = 300'000;
  double multiplier = 2.0;
  bool operator==(const RetryPolicy&) const = default;
};

// Which questions of the agent hold the run until a human has answered.
enum class ReviewPolicy : std::uint8_t {
  kRisky,  // those of severity high and critical
  kHold,   // every one
  kNever,
};

// What runs instead when the provider's limit is reached and onQuota is `fallback`.
struct Fallback {
  std::optional<std::string> backend;
  std::optional<std::string> model;
  bool operator==(const Fallback&) const = default;
};

// What a worker must offer to run this persona.
struct Requirements {
  std::vector<std::string> capabilities;
  std::map<std::string, std::string> labels;
  bool operator==(const Requirements&) const = default;
};

struct Persona {
  PersonaId id;
  std::optional<std::string> project_id;
  std::string name;
  std::string description;
  std::string system_prompt;
  std::optional<codec::JsonText> structured_prompt;
  std::optional<std::string> icon;
  std::optional<std::string> color;
  bool enabled = true;
  std::int64_t max_concurrent = 1;
  std::int64_t timeout_ms = 300'000;
  std::optional<std::int64_t> idle_timeout_ms;
  std::optional<std::int64_t> max_output_bytes;
  std::string backend = "claude";
  std::optional<std::string> model;
  std::optional<double> max_budget_usd;
  std::optional<std::int64_t> max_turns;
  std::optional<RetryPolicy> retry;
  OnQuota on_quota = OnQuota::kPark;
  std::optional<Requirements> requires_;
  std::optional<codec::RawJson> network_policy;
  std::optional<codec::RawJson> permission_policy;
  std::optional<codec::JsonText> design_context;
  std::optional<std::string> group_id;
  std::optional<std::string> webhook_secret;
  ReviewPolicy review_policy = ReviewPolicy::kRisky;
  std::optional<std::int64_t> review_timeout_ms;  // none: kDefaultReviewTimeout
  std::optional<Fallback> fallback;
  std::optional<codec::RawJson> input_schema;  // of what a call brings; none: anything
  std::int64_t version = 1;  // rises with every change of what the agent is
  Timestamp created_at;
  Timestamp updated_at;
};

// A question that nobody has answered by then has expired, and the run goes on knowing that.
inline constexpr Duration kDefaultReviewTimeout = minutes(72 * 60);

struct ToolDefinition {
  ToolId id;
  std::string name;
  std::string category;
  std::string description;
  std::string script_path;
  std::string implementation_guide;
  std::optional<codec::JsonText> input_schema;
  std::optional<std::string> requires_credential_type;
  Timestamp created_at;
  Timestamp updated_at;
};

}  // namespace personas

#include "personas/model/persona_described.hpp"
