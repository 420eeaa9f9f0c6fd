#include "follow.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/model/journal_records.hpp"

#include "event_data.hpp"
#include "format.hpp"

namespace personas::cli {

struct Follower::Shown {
  explicit Shown(Context& context)
      : line(context.terminal), view(line, context.clock, context.clock_time) {}
  StatusLine line;
  LiveView view;
};

namespace {

bool may_come_back(ErrorCode code) {
  return info(code).retryable || code == ErrorCode::kIo;
}

Answers who_answers(const Context& context, Format format) {
  if (context.attention == nullptr || format == Format::kJson) return Answers::kNobody;
  return context.attention->answers();
}

// The end of it comes over the stream, like any other.
template <class Shown>
Task<void> request_cancel(Context& context, std::string id, std::shared_ptr<Shown> shown) {
  Api api(context);
  const auto response = co_await api.call("POST", fmt::format("/api/executions/{}/cancel", id));
  if (!response) report(shown->line, response.error());
}

template <class Shown>
Task<void> learn_why(Context& context, std::string id, std::shared_ptr<Shown> shown) {
  Api api(context);
  const auto execution = co_await api.get<Execution>("/api/executions/" + id);
  if (!execution || shown->view.state().status != ExecutionStatus::kQueued) co_return;
  const std::string reason = agents::clean_line(execution->waiting_for.value_or(""), 500);
  if (reason.empty() || reason == shown->view.state().waiting_for) co_return;
  shown->view.waits_for(reason);
  if (shown->line.cursor() == Cursor::kFixed) shown->view.note("waiting for: " + reason);
}

}  // namespace

Follower::Follower(Context& context, std::string execution_id, FollowOptions options)
    : context_(context),
      api_(context),
      id_(std::move(execution_id)),
      options_(options),
      shown_(std::make_shared<Shown>(context)),
      interrupt_(who_answers(context, options.format)),
      asked_why_(context.clock.now()) {
  if (context_.attention == nullptr) return;
  context_.attention->watch(
      [this](Happening happening, char key) { take_happening(happening, key); });
}

Follower::~Follower() {
  if (context_.attention != nullptr) context_.attention->watch({});
  shown_->line.show({});
}

void Follower::draw() {
  if (!is_text() || options_.rendering == Rendering::kRaw || left_) return;
  if (interrupt_.is_asking()) {
    shown_->line.show({{std::string(Interrupt::kQuestion), Paint::kYellow}});
  } else {
    shown_->line.show(shown_->view.status(frame_));
  }
}

void Follower::take_happening(Happening happening, char key) {
  if (left_) return;
  if (happening == Happening::kPause) {
    shown_->line.show({});
    return;
  }
  if (happening == Happening::kTick) {
    ++frame_;
    ask_why();
  }
  switch (interrupt_.take(happening, key)) {
    case Interrupt::Do::kDetach:
      leave();
      return;
    case Interrupt::Do::kCancel:
      shown_->view.note("cancelling");
      context_.attention->beside(request_cancel(context_, id_, shown_));
      break;
    case Interrupt::Do::kNothing:
    case Interrupt::Do::kAsk:
    case Interrupt::Do::kGoOn:
      break;
  }
  draw();
}

void Follower::ask_why() {
  const auto& state = shown_->view.state();
  if (!is_text() || state.status != ExecutionStatus::kQueued || state.parked) return;
  if (context_.clock.now() - asked_why_ < kAskWhy) return;
  asked_why_ = context_.clock.now();
  context_.attention->beside(learn_why(context_, id_, shown_));
}

void Follower::leave() {
  left_ = true;
  shown_->line.show({});
  context_.terminal.err(
      fmt::format("it goes on without us; come back with: personas logs {0} --follow\n"
                  "or end it with: personas cancel {0}\n",
                  id_));
  context_.attention->leave(kExitDetached);
}

void Follower::show_raw(const boost::json::object& data) {
  const auto chunk = text_of(data, "chunk");
  // Into a pipe or a file exactly as it was; a terminal would act on it.
  const bool to_terminal = context_.terminal.attached() == Attached::kTerminal;
  const std::string text = to_terminal ? agents::clean_text(chunk) : chunk;
  if (text_of(data, "stream") == "stderr") {
    context_.terminal.err(text);
  } else {
    context_.terminal.out(text);
  }
}

void Follower::take_event(const SseEvent& event) {
  got_events_ = true;
  if (!event.id.empty()) last_event_id_ = event.id;
  const auto data = codec::parse_json(event.data, {.max_bytes = kMaxSseEventBytes});
  if (!is_text()) {
    std::string line = "{\"event\":";
    codec::append_json_string(event.type, line);
    line += ",\"id\":";
    codec::append_json_string(event.id, line);
    line += ",\"data\":" + (data ? codec::serialize(*data) : std::string("null")) + "}\n";
    context_.terminal.out(line);
  }
  if (!data || !data->is_object()) return;
  const auto& members = data->get_object();
  if (event.type == record::kExecutionStatus) {
    ExecutionStatus status{};
    if (codec::value_of(line_of(members, "status"), status) && is_final(status)) final_seen_ = true;
  }
  if (!is_text()) return;
  if (options_.rendering == Rendering::kReadable) {
    shown_->view.take(event.type, members);
  } else if (event.type == record::kExecutionOutput) {
    show_raw(members);
  }
}

bool Follower::take_piece(std::string_view piece) {
  if (left_) return false;
  std::vector<SseEvent> events;
  const auto fed = parser_.feed(piece, events);
  for (const auto& event : events) take_event(event);
  if (!fed) {
    trouble_ = fed.error();
    return false;
  }
  if (!events.empty()) draw();
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
  if (left_) co_return Ended::kLeft;
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

Task<Result<Followed>> Follower::run() {
  const std::string path = "/api/executions/" + id_;
  Duration wait = kFirstPause;
  draw();
  for (int fruitless = 0; fruitless < kMaxFruitlessTries; ++fruitless) {
    CO_TRY(const auto ended, co_await read_once());
    if (ended == Ended::kLeft) co_return Followed();
    if (got_events_) {
      was_connected_ = true;
      fruitless = 0;
      wait = kFirstPause;
    }
    auto execution = co_await api_.get<Execution>(path);
    if (left_) co_return Followed();
    if (execution && (ended == Ended::kFinal || is_final(execution->status))) {
      shown_->view.finish();
      co_return Followed(std::move(*execution));
    }
    if (!execution && !may_come_back(execution.error().code)) co_return fail(execution.error());
    if (fruitless == 0 && is_text()) shown_->view.note("the connection broke; resuming");
    co_await context_.pause(wait);
    if (left_) co_return Followed();
    wait = std::min(wait * 2, kLongestPause);
  }
  shown_->view.finish();
  co_return fail(ErrorCode::kUnavailable,
                 fmt::format("The connection to {} is lost; the execution goes on without it. "
                             "Follow it again with: personas logs {} --follow",
                             context_.url, id_));
}

}  // namespace personas::cli
