#include "live_view.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/model/journal_records.hpp"

#include "api.hpp"
#include "event_data.hpp"

namespace personas::cli {
namespace {

// Turns without a word of output before them: it is not kept any more, or never was.
constexpr std::size_t kMaxHeldTurns = 3;

}  // namespace

void LiveView::note(std::string_view text) {
  terminal_.err(paint(terminal_, Paint::kDim, fmt::format("{}\n", text)));
}

void LiveView::take(std::string_view type, const boost::json::object& data) {
  const auto at = time_of(data, "at");
  if (!state_.begun) state_.begun = at;
  if (type == record::kExecutionStatus) {
    show_status(data);
  } else if (type == record::kExecutionOutput) {
    show_output(data, at);
  } else if (type == record::kExecutionTurn) {
    show_turn(data);
  } else if (type == record::kExecutionQueued) {
    note("queued");
  } else if (type == record::kExecutionProgress) {
    show_progress(data);
  } else if (type.starts_with("review.")) {
    show_review(type, data);
  } else {
    show_signal(type, data);
  }
}

void LiveView::begin_attempt(std::int64_t attempt) {
  if (attempt == state_.attempt) return;
  if (state_.attempt != 0) finish();
  state_.begin_attempt(attempt);
  source_ = Source::kUndecided;
}

void LiveView::show_status(const boost::json::object& data) {
  const auto attempt = integer_of(data, "attempt");
  const auto before = state_.status;
  const bool was_parked = state_.parked.has_value();
  ExecutionStatus status{};
  if (!codec::value_of(line_of(data, "status"), status)) return;
  if (attempt > 0) begin_attempt(attempt);
  state_.status = status;
  state_.parked.reset();
  state_.parked_until.reset();
  if (Parked parked{}; codec::value_of(line_of(data, "parked"), parked)) {
    output_.finish();
    state_.parked = parked;
    state_.parked_until = time_of(data, "parkedUntil");
    state_.tools.clear();
    show_parked();
  } else if (status == ExecutionStatus::kRunning) {
    state_.waiting_for.clear();
    const auto worker = line_of(data, "workerId");
    note(fmt::format("running{}{}", worker.empty() ? "" : " on " + worker,
                     attempt > 1 ? fmt::format(", attempt {}", attempt) : ""));
  } else if (status == ExecutionStatus::kQueued && was_parked) {
    note("it goes on");
  } else if (status == ExecutionStatus::kQueued && before == ExecutionStatus::kRunning) {
    state_.tools.clear();
    const auto reason = line_of(data, "failureReason");
    note(fmt::format("attempt {} ended{}; it is tried again", attempt,
                     reason.empty() ? "" : " (" + reason + ")"));
  }
}

void LiveView::show_parked() {
  std::string text;
  if (state_.parked == Parked::kQuota) {
    text = "waiting for the provider";
    if (state_.parked_until) {
      text += " " + until_text(*state_.parked_until, clock_.wall(), clock_time_);
    }
    text += "; it goes on by itself\n";
  } else {
    text = "waiting for your answer";
    if (state_.questions.size() > 1) text += fmt::format(" to {} reviews", state_.questions.size());
    for (const auto& question : state_.questions) {
      text += fmt::format(": {}\n  personas approve {}   or: personas reject {}", question.title,
                          question.id, question.id);
    }
    text += state_.questions.empty() ? "; see: personas reviews\n" : "\n";
  }
  terminal_.err(paint(terminal_, Paint::kYellow, text));
}

void LiveView::show_output(const boost::json::object& data, std::optional<Timestamp> at) {
  begin_attempt(integer_of(data, "attempt"));
  const auto stream =
      text_of(data, "stream") == "stderr" ? OutputStream::kStderr : OutputStream::kStdout;
  output_.feed(stream, state_.attempt, text_of(data, "chunk"), at);
  if (stream == OutputStream::kStdout) decide();
}

void LiveView::decide() {
  if (source_ != Source::kUndecided) return;
  if (output_.understood() == OutputView::Understood::kSomething) {
    source_ = Source::kOutput;
    held_.clear();
  } else if (held_.size() >= kMaxHeldTurns ||
             (!held_.empty() && output_.writes() != OutputView::Writes::kUnknown)) {
    source_ = Source::kTurns;
    output_.hide(OutputView::Hide::kAgent);
    for (const auto& turn : std::exchange(held_, {})) turns_.show(turn);
  }
}

void LiveView::show_turn(const boost::json::object& data) {
  // A record alone says only that the turn has changed.
  if (!data.contains("tools") || !data.contains("text")) return;
  const auto turn = codec::from_json<Turn>(data, kFromServer);
  if (!turn) return;
  begin_attempt(turn->attempt);
  state_.take(*turn);
  if (source_ == Source::kTurns) {
    turns_.show(*turn);
  } else if (source_ == Source::kUndecided) {
    held_.push_back(*turn);
    decide();
  }
}

void LiveView::show_progress(const boost::json::object& data) {
  const auto message = line_of(data, "message");
  const auto stage = line_of(data, "stage");
  if (stage == "flow") {
    // A step the agent told by protocol; of understood output it is shown from there.
    if (source_ == Source::kTurns)
      terminal_.err(paint(terminal_, Paint::kYellow, "step " + message + "\n"));
    state_.stage = message;
    return;
  }
  if (stage == "tool") {
    // The call itself is a line of its own wherever calls are seen.
    if (source_ != Source::kUndecided && output_.writes() != OutputView::Writes::kWords) return;
  }
  const auto* percent = data.if_contains("percentEstimate");
  const std::string share = percent != nullptr && percent->is_number()
                                ? fmt::format(" ({:.0f} %)", percent->to_number<double>())
                                : std::string();
  state_.stage = (message.empty() ? stage : message) + share;
  note(fmt::format("{}{}{}{}", stage, message.empty() ? "" : ": ", message, share));
}

void LiveView::show_review(std::string_view type, const boost::json::object& data) {
  const Question question{line_of(data, "reviewId"), line_of(data, "title")};
  std::erase_if(state_.questions, [&](const Question& known) { return known.id == question.id; });
  if (type == record::kReviewRequested) {
    state_.questions.push_back(question);
    terminal_.err(
        paint(terminal_, Paint::kYellow,
              fmt::format("review ({}): {}\n", line_of(data, "severity"), question.title)) +
        fmt::format("  answer with: personas approve {0}   or: personas reject {0}\n",
                    question.id));
  } else if (type == record::kReviewAnswered) {
    note(fmt::format("review {}: {}", line_of(data, "status"), question.title));
  } else if (type == record::kReviewExpired) {
    note(fmt::format("review expired without an answer: {}", question.title));
  }
}

void LiveView::show_signal(std::string_view type, const boost::json::object& data) {
  if (source_ != Source::kTurns) return;  // understood output says it in the agent's own words
  std::string text;
  if (type == record::kMessageCreated) {
    text = "message: read it with: personas messages";
  } else if (type == record::kMemoryCreated) {
    text = "remembers something: personas memory show " + line_of(data, "id");
  } else if (type == record::kEventPublished) {
    text = "event: " + line_of(data, "eventType");
  } else {
    return;
  }
  terminal_.err(paint(terminal_, Paint::kYellow, text + "\n"));
}

void LiveView::finish() {
  output_.finish();
  // Without any output of the attempt the turns are all there is.
  if (source_ == Source::kUndecided) {
    for (const auto& turn : std::exchange(held_, {})) turns_.show(turn);
  }
  held_.clear();
}

}  // namespace personas::cli
