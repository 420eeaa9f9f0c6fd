// The next message of a conversation that goes on: after its worker was lost, after a human
// decided, after the provider's limit has reset. A backend that kept the conversation gets it
// alone; one that did not gets the whole prompt with the same facts as its last section.
//
// Trusted: the human's message, as the caller's own. A review's title came from the agent and is
// fenced. Nothing here is a secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/model/signals.hpp"

namespace personas::agents {

class DataFence;

inline constexpr std::size_t kMaxToldReviews = 100;       // more are counted, not told
inline constexpr std::size_t kMaxToldTitle = 500;         // of each, then cut
inline constexpr std::size_t kMaxToldMessage = 8 * 1024;  // of each, then cut

// Opens the section of a whole prompt; no other heading of ours is spelled so.
inline constexpr std::string_view kContinuationHeading = "## Continuation\n";

struct DecidedReview {
  std::string title;
  // kPending: it was asked before, and nobody answered yet.
  ReviewStatus status = ReviewStatus::kPending;
  std::optional<std::string> decided_by = {};
  std::optional<std::string> message = {};
};

struct Continuation {
  enum class Kind : std::uint8_t {
    kInterrupted,     // the worker went away in the middle of a turn
    kReviewsDecided,  // it ended its turn with questions, and they are decided
    kQuotaReset,      // the provider refused, and its limit has reset
  };
  Kind kind = Kind::kInterrupted;
  // With every kind: an interrupted attempt may not have seen what was decided before it.
  std::vector<DecidedReview> reviews = {};
};

// For a backend that has the conversation.
std::string continuation_prompt(const Continuation& continuation, Random& random);

// For one that has not: with its heading, to stand last in the whole prompt.
std::string continuation_section(const Continuation& continuation, const DataFence& fence);

}  // namespace personas::agents
