#include "personas/agents/continuation.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"

namespace personas::agents {
namespace {

enum class Recall : std::uint8_t { kKept, kLost };

constexpr std::string_view kNewWorkspace =
    "The working directory is new and empty: files from before are gone, so make again what you "
    "still need.";
constexpr std::string_view kMayHaveHappened =
    "What you had begun outside (requests, messages, commits, changes) may already have happened, "
    "even where you saw no result: look before you do it again.";

// What happened, for an agent that remembers its conversation.
std::string what_happened(Continuation::Kind kind) {
  switch (kind) {
    case Continuation::Kind::kInterrupted:
      return fmt::format(
          "You were interrupted: the machine you ran on was lost in the middle of your work. {} {} "
          "Go on from where you were; do not start over.\n",
          kMayHaveHappened, kNewWorkspace);
    case Continuation::Kind::kReviewsDecided:
      return fmt::format(
          "You stopped to wait for a human, and go on now. {} Act on the decisions below, and "
          "carry the work through to the end; do not start over.\n",
          kNewWorkspace);
    case Continuation::Kind::kQuotaReset:
      return fmt::format(
          "You were stopped because the usage limit of your model provider was reached. It has "
          "reset. {} {} Go on from where you were; do not start over.\n",
          kMayHaveHappened, kNewWorkspace);
  }
  return {};
}

// The same for one that knows nothing of it.
std::string what_happened_before(Continuation::Kind kind) {
  constexpr std::string_view kBegun =
      "This is not the first attempt at the task above. An earlier one worked on it, and its "
      "conversation could not be kept, so you do not remember it.";
  std::string reason;
  switch (kind) {
    case Continuation::Kind::kInterrupted:
      reason = "It was interrupted: the machine it ran on was lost in the middle of the work.";
      break;
    case Continuation::Kind::kReviewsDecided:
      reason =
          "It stopped to wait for a human. Act on the decisions below; do not ask the same again.";
      break;
    case Continuation::Kind::kQuotaReset:
      reason = "It was stopped because the usage limit of the model provider was reached.";
      break;
  }
  return fmt::format(
      "{} {} What it had begun outside (requests, messages, commits, changes) may already have "
      "happened: look before you do it again. The working directory is new and empty.\n",
      kBegun, reason);
}

std::string_view meaning_of(ReviewStatus status) {
  switch (status) {
    case ReviewStatus::kPending:
      return "not decided yet; do not do it before it is approved";
    case ReviewStatus::kApproved:
      return "approved";
    case ReviewStatus::kRejected:
      return "rejected; do not do it";
    case ReviewStatus::kExpired:
      return "expired: nobody answered in time. This is not a denial and not an approval; do "
             "without it where you can, and say in your report what is left undone";
  }
  return {};
}

std::string decisions(const std::vector<DecidedReview>& reviews, const DataFence& fence,
                      Recall recall) {
  if (reviews.empty()) return {};
  const std::size_t told = std::min(reviews.size(), kMaxToldReviews);
  std::string titles;
  std::string verdicts;
  for (std::size_t i = 0; i < told; ++i) {
    const DecidedReview& review = reviews[i];
    titles += fmt::format("{}. {}\n", i + 1, clean_line(review.title, kMaxToldTitle));
    verdicts += fmt::format("{}. {}", i + 1, meaning_of(review.status));
    if (review.decided_by && !review.decided_by->empty()) {
      verdicts += fmt::format(" (by {})", clean_line(*review.decided_by, kMaxToldTitle));
    }
    const std::string message = clean_text(review.message.value_or(""));
    const auto shown = utf8_prefix(message, kMaxToldMessage);
    if (!shown.empty()) {
      verdicts +=
          fmt::format(". They say: {}{}", shown, shown.size() < message.size() ? "… (cut)" : "");
    }
    verdicts += '\n';
  }
  if (told < reviews.size()) {
    verdicts += fmt::format("{} more are not shown.\n", reviews.size() - told);
  }
  const std::string_view asked =
      recall == Recall::kKept ? "Titles of what you asked" : "Titles of what the agent asked";
  return fmt::format("\n{}\n{}\nWhat humans decided, by number:\n{}", fence.explanation(),
                     fence.enclose(asked, titles, told * 2 * (kMaxToldTitle + 16)), verdicts);
}

}  // namespace

std::string continuation_prompt(const Continuation& continuation, Random& random) {
  const DataFence fence(random);
  return what_happened(continuation.kind) + decisions(continuation.reviews, fence, Recall::kKept) +
         "\nWhen you are done, write an `outcome_assessment` line.\n";
}

std::string continuation_section(const Continuation& continuation, const DataFence& fence) {
  return fmt::format("{}\n{}{}", kContinuationHeading, what_happened_before(continuation.kind),
                     decisions(continuation.reviews, fence, Recall::kLost));
}

}  // namespace personas::agents
