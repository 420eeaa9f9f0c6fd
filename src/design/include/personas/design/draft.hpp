// A persona as an agent proposes it, before anybody has agreed to it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas::design {

// The key under which an agent answers.
inline constexpr std::string_view kDraftKey = "persona_draft";

// Fields of a persona that a draft may set. The rest is the platform's or the user's alone.
inline constexpr std::array<std::string_view, 21> kDesignable{"name",           "description",
                                                              "systemPrompt",   "structuredPrompt",
                                                              "icon",           "color",
                                                              "maxConcurrent",  "timeoutMs",
                                                              "idleTimeoutMs",  "backend",
                                                              "model",          "maxBudgetUsd",
                                                              "maxTurns",       "retry",
                                                              "onQuota",        "fallback",
                                                              "requires",       "permissionPolicy",
                                                              "networkPolicy",  "reviewPolicy",
                                                              "reviewTimeoutMs"};

// A tool of the tenant by its name (`library`), or a new one.
struct DraftTool {
  std::optional<std::string> library;
  std::optional<std::string> name;
  std::string category;
  std::string description;
  std::string implementation_guide;
  std::optional<codec::JsonText> input_schema;
  std::optional<std::string> requires_credential_type;
};

enum class TriggerType : std::uint8_t { kSchedule, kWebhook, kChain, kManual, kPolling };

struct DraftTrigger {
  TriggerType type = TriggerType::kManual;
  std::optional<codec::RawJson> config;
  std::string why;
};

// Credentials that somebody has to provide.
struct DraftConnector {
  std::string service_type;
  std::vector<std::string> fields;
  std::string why;
};

struct Feasibility {
  std::int64_t score = 0;  // 0: cannot work, 100: surely works
  std::vector<std::string> notes;
  std::vector<std::string> risks;
  std::vector<std::string> questions;  // for the user, before or after it is applied
};

struct Draft {
  codec::RawJson persona;  // an object: the fields it sets
  std::vector<DraftTool> tools;
  std::vector<DraftTrigger> triggers;
  std::vector<DraftConnector> connectors;
  Feasibility feasibility;
};

struct Problem {
  std::string path;  // JSON pointer into the draft; empty: the draft as a whole
  std::string message;
  bool operator==(const Problem&) const = default;
};

enum class DraftStatus : std::uint8_t {
  kRunning,  // its execution has not ended
  kReady,    // can be applied
  kInvalid,  // `problems` says why it cannot; it can be revised
  kFailed,   // the execution failed; there is no draft
  kApplied,
};

// A row. The API shows it together with what applying it would change.
struct PersonaDraft {
  DraftId id;
  ExecutionId execution_id;
  std::optional<PersonaId> persona_id;  // the one it changes; after it is applied: the one it made
  std::optional<DraftId> revises;
  std::string description;
  std::optional<codec::RawJson> draft;
  std::vector<Problem> problems;
  DraftStatus status = DraftStatus::kRunning;
  Timestamp created_at;
  Timestamp updated_at;
};

}  // namespace personas::design

#include "personas/design/draft_described.hpp"
