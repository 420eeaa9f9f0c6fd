#include "follow.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/model/journal_records.hpp"

#include "format.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShownLine = 500;

std::string text_of(const boost::json::object& data, std::string_view name) {
  const auto* member = data.if_contains(name);
  if (member == nullptr || !member->is_string()) return {};
  return std::string(member->get_string());
}

std::string line_of(const boost::json::object& data, std::string_view name) {
  return agents::clean_line(text_of(data, name), kMaxShownLine);
}

std::int64_t integer_of(const boost::json::object& data, std::string_view name) {
  const auto* member = data.if_contains(name);
  return member != nullptr && member->is_int64() ? member->get_int64() : 0;
}

bool may_come_back(ErrorCode code) {
  return info(code).retryable || code == ErrorCode::kIo;
}

}  // namespace

void Follower::note(std::string_view text) {
  if (format_ == Format::kText) {
    context_.terminal.err(paint(context_.terminal, Paint::kDim, fmt::format("{}\n", text)));
  }
}

void Follower::show_status(const boost::json::object& data) {
  const auto status = line_of(data, "status");
  const auto attempt = integer_of(data, "attempt");
  if (status == "running") {
    const auto worker = line_of(data, "workerId");
    note(fmt::format("running{}{}", worker.empty() ? "" : " on " + worker,
                     attempt > 1 ? fmt::format(", attempt {}", attempt) : ""));
  } else if (status == "queued" && last_status_ == "running") {
    const auto reason = line_of(data, "failureReason");
    note(fmt::format("attempt {} ended{}; it is tried again", attempt,
                     reason.empty() ? "" : " (" + reason + ")"));
  }
  last_status_ = status;
  ExecutionStatus known{};
  if (codec::value_of(status, known) && is_final(known)) final_seen_ = true;
}

void Follower::show_output(const boost::json::object& data) {
  const auto stream =
      text_of(data, "stream") == "stderr" ? OutputStream::kStderr : OutputStream::kStdout;
  view_.feed(stream, integer_of(data, "attempt"), text_of(data, "chunk"));
}

void Follower::show_event(const SseEvent& event) {
  const auto parsed = codec::parse_json(event.data, {.max_bytes = kMaxSseEventBytes});
  if (!parsed || !parsed->is_object()) return;
  const auto& data = parsed->get_object();
  if (event.type == record::kExecutionStatus) {
    show_status(data);
    return;
  }
  if (format_ == Format::kJson) return;
  if (event.type == record::kExecutionOutput) {
    show_output(data);
  } else if (event.type == record::kExecutionQueued) {
    note("queued");
  } else if (event.type == record::kExecutionProgress) {
    const auto message = line_of(data, "message");
    // Steps the agent told by protocol stand in its own words already.
    if (line_of(data, "stage") == "flow") return;
    note(fmt::format("{}{}{}", line_of(data, "stage"), message.empty() ? "" : ": ", message));
  } else if (event.type == record::kReviewRequested) {
    const auto id = line_of(data, "reviewId");
    context_.terminal.err(
        paint(context_.terminal, Paint::kYellow,
              fmt::format("review ({}): {}\n", line_of(data, "severity"), line_of(data, "title"))) +
        fmt::format("  answer with: personas approve {0}   or: personas reject {0}\n", id));
  }
}

void Follower::take_event(const SseEvent& event) {
  got_events_ = true;
  if (!event.id.empty()) last_event_id_ = event.id;
  if (format_ == Format::kJson) {
    std::string line = "{\"event\":";
    codec::append_json_string(event.type, line);
    line += ",\"id\":";
    codec::append_json_string(event.id, line);
    const auto data = codec::parse_json(event.data, {.max_bytes = kMaxSseEventBytes});
    line += ",\"data\":" + (data ? codec::serialize(*data) : std::string("null")) + "}\n";
    context_.terminal.out(line);
  }
  show_event(event);
}

bool Follower::take_piece(std::string_view piece) {
  std::vector<SseEvent> events;
  const auto fed = parser_.feed(piece, events);
  for (const auto& event : events) take_event(event);
  if (!fed) {
    trouble_ = fed.error();
    return false;
  }
  return !final_seen_;
}

Task<Result<Follower::Ended>> Follower::read_once() {
  parser_ = SseParser(last_event_id_);
  trouble_.reset();
  got_events_ = false;
  auto request = api_.request("GET", fmt::format("/api/executions/{}/stream", id_));
  request.headers.set("Accept", "text/event-stream");
  if (!last_event_id_.empty()) request.headers.set("Last-Event-ID", last_event_id_);
  auto response = co_await context_.client.stream(
      std::move(request), [this](std::string_view piece) { return take_piece(piece); });
  if (trouble_) co_return fail(*trouble_);
  if (final_seen_) co_return Ended::kFinal;
  if (!response) {
    if (!was_connected_ && !got_events_) co_return fail(api_.explain(response.error()));
    co_return may_come_back(response.error().code)
        ? Result<Ended>(Ended::kBroken)
        : Result<Ended>(fail(api_.explain(response.error())));
  }
  if (response->status < 200 || response->status > 299) {
    const auto error = api_.explain(*response);
    if (!was_connected_ || !may_come_back(error.code)) co_return fail(error);
    co_return Ended::kBroken;
  }
  was_connected_ = true;
  co_return Ended::kBroken;
}

Task<Result<Execution>> Follower::run() {
  const std::string path = "/api/executions/" + id_;
  Duration wait = kFirstPause;
  for (int fruitless = 0; fruitless < kMaxFruitlessTries; ++fruitless) {
    CO_TRY(const auto ended, co_await read_once());
    if (got_events_) {
      was_connected_ = true;
      fruitless = 0;
      wait = kFirstPause;
    }
    auto execution = co_await api_.get<Execution>(path);
    if (execution && (ended == Ended::kFinal || is_final(execution->status))) {
      view_.finish();
      co_return execution;
    }
    if (!execution && !may_come_back(execution.error().code)) co_return execution;
    if (fruitless == 0) note("the connection broke; resuming");
    co_await context_.pause(wait);
    wait = std::min(wait * 2, kLongestPause);
  }
  view_.finish();
  co_return fail(ErrorCode::kUnavailable,
                 fmt::format("The connection to {} is lost; the execution goes on without it. "
                             "Follow it again with: personas logs {} --follow",
                             context_.url, id_));
}

}  // namespace personas::cli
