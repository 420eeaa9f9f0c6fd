// The prompt an agent gets: who it is, what it may use, how it speaks back, its data, its task.
//
// Sections and their order are the contract; prompt.cpp holds them as one table. Trusted: the
// persona, its tools, the request's own prompt. From outside, and therefore cleaned, limited and
// fenced (untrusted.hpp): memories, the event, the input data. Secrets never come here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/agents/continuation.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/time.hpp"
#include "personas/model/persona.hpp"
#include "personas/model/signals.hpp"

namespace personas::agents {

// About 250,000 tokens: more than an agent reads well, far less than a frame of the worker
// protocol carries.
inline constexpr std::size_t kMaxPromptBytes = 1024 * 1024;
inline constexpr std::size_t kMaxPayloadBytes = 128 * 1024;    // of an event, then cut
inline constexpr std::size_t kMaxInputDataBytes = 128 * 1024;  // then cut
inline constexpr std::size_t kMaxMemories = 50;                // the caller gives the best first
inline constexpr std::size_t kMaxMemoryBytes = 4 * 1024;       // of each, then cut
static_assert(kMaxPayloadBytes + kMaxInputDataBytes + kMaxMemories * kMaxMemoryBytes <
              kMaxPromptBytes);

inline constexpr std::string_view kExecuteNowHeading = "## Execute Now\n";
inline constexpr std::string_view kTaskLabel = "Your task:\n";

struct PromptEvent {
  std::string type;
  std::string source;   // for example "webhook gitlab"
  std::string payload;  // JSON, or whatever came
};

struct PromptInput {
  std::optional<Persona> persona;  // without one, the prompt is used as it is
  std::vector<ToolDefinition> tools;
  std::vector<std::string> credential_names;  // of environment variables; never values
  std::vector<Memory> memories;
  std::optional<std::string> input_data;  // JSON; useCase and timeFilter are shown apart
  std::optional<PromptEvent> event;
  Timestamp time;
  std::string prompt;  // the caller's task; may be empty
  std::string backend = "claude";
  // An earlier attempt worked on it, and its conversation is not there to go on with.
  std::optional<Continuation> continuation = {};
};

// kPayloadTooLarge if the whole is over kMaxPromptBytes; kInvalidRequest if there is neither a
// persona nor a prompt.
Result<std::string> assemble_prompt(const PromptInput& input, Random& random);

}  // namespace personas::agents
