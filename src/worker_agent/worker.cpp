#include "personas/worker_agent/worker.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace personas::worker_agent {
namespace {

WorkerOptions session_options(WorkerOptions session, const std::vector<std::string>& backends) {
  auto& capabilities = session.capabilities;
  auto add = [&](std::string_view name) {
    if (!name.empty() && std::ranges::find(capabilities, name) == capabilities.end()) {
      capabilities.emplace_back(name);
    }
  };
  add(wire::kProtocolsCapability);
  add(wire::kSessionFeature);
  for (const auto& name : backends) {
    if (const auto* backend = agents::find_backend(name)) add(backend->capability);
  }
  return session;
}

}  // namespace

// One connection. Detached from the worker when the session gives it up: what still comes from it
// must not reach the session.
class Worker::Link final : public net::WebSocketListener {
 public:
  explicit Link(Worker& owner) : worker(&owner) {}
  void on_message(std::string_view text) override {
    if (worker != nullptr) worker->received(text);
  }
  void on_close(net::CloseCode code, std::string_view reason) override {
    closed = true;
    if (worker != nullptr && socket) worker->lost(code, reason);
  }

  Worker* worker;
  std::shared_ptr<net::WebSocket> socket;
  bool closed = false;
};

Worker::Worker(boost::asio::any_io_executor executor, net::Client& client,
               sandbox::Sandbox& sandbox, const Clock& clock, Random& random,
               WorkerRuntimeOptions options)
    : executor_(executor),
      client_(client),
      sandbox_(sandbox),
      clock_(clock),
      options_(std::move(options)),
      token_(options_.session.token.clone()),
      session_(session_options(std::move(options_.session), options_.backends), random),
      timer_(executor),
      ended_(executor) {}

Worker::~Worker() {
  drop_link();
}

void Worker::start() {
  session_.start(clock_.now());
  drive();
}

Task<void> Worker::stop(Duration grace) {
  session_.stop(grace, clock_.now());
  drive();
  while (!stopped_ || dialling_ || !runs_.empty()) {
    co_await ended_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  timer_.cancel();
}

// ---- session ------------------------------------------------------------------------------------

void Worker::drive() {
  // Carrying out may call back in here (a run that fails to start); the loop takes that along.
  if (driving_) return;
  driving_ = true;
  for (auto outputs = session_.take(); !outputs.empty(); outputs = session_.take()) {
    for (auto& output : outputs) carry_out(std::move(output));
  }
  driving_ = false;
  arm_timer();
  if (stopped_ && runs_.empty()) ended_.cancel();
}

void Worker::carry_out(Output output) {
  if (std::holds_alternative<Dial>(output)) {
    dial();
  } else if (auto* text = std::get_if<SendText>(&output)) {
    if (link_ && link_->socket) link_->socket->send(std::move(text->text));
  } else if (auto* close = std::get_if<CloseConnection>(&output)) {
    note("disconnected", close->reason);
    if (link_ && link_->socket) {
      link_->socket->close(static_cast<net::CloseCode>(close->code), std::move(close->reason));
    }
    drop_link();
  } else if (auto* order = std::get_if<StartRun>(&output)) {
    start_run(*order);
  } else if (auto* renew = std::get_if<RenewLease>(&output)) {
    if (auto* run = find(renew->run)) run->renew_lease(renew->kill_at);
  } else if (auto* kill = std::get_if<KillRun>(&output)) {
    note("run_killed", kill->text);
    if (auto* run = find(kill->run)) run->kill();
  } else if (auto* pause = std::get_if<PauseReading>(&output)) {
    if (auto* run = find(pause->run)) run->pause_reading();
  } else if (auto* resume = std::get_if<ResumeReading>(&output)) {
    this->resume(resume->run);
  } else if (auto* answer = std::get_if<ReviewAnswered>(&output)) {
    // The agent's stdin is closed: the answer continues the execution as a turn of its own.
    note("review_answered", answer->review_id);
  } else if (std::holds_alternative<Stopped>(output)) {
    stopped_ = true;
    drop_link();
  }
}

void Worker::arm_timer() {
  const Instant due = session_.next_deadline();
  if (stopped_ || due == Instant::never()) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::max(due - clock_.now(), Duration(0)));
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    session_.tick(clock_.now());
    drive();
  });
}

void Worker::note(std::string_view event, std::string_view detail) {
  if (options_.notice) options_.notice(event, detail);
}

// ---- connection ---------------------------------------------------------------------------------

void Worker::dial() {
  drop_link();
  link_ = std::make_shared<Link>(*this);
  dialling_ = true;
  boost::asio::co_spawn(executor_, connect(link_), [this](const std::exception_ptr& broken) {
    dialling_ = false;
    // No exception is part of the client's contract; the session dials again in its own time.
    if (broken) {
      drop_link();
      session_.connect_failed(clock_.now());
    }
    drive();
    ended_.cancel();
  });
}

Task<void> Worker::connect(std::shared_ptr<Link> link) {
  net::Headers headers;
  if (!token_.empty()) headers.set("Authorization", "Bearer " + std::string(token_.reveal()));
  auto connected = co_await client_.connect_websocket(options_.url, std::move(headers), link);
  dialled(link, std::move(connected));
}

void Worker::dialled(const std::shared_ptr<Link>& link,
                     Result<std::shared_ptr<net::WebSocket>> connected) {
  if (link_ != link) {  // given up meanwhile
    if (connected) (*connected)->close(net::CloseCode::kGoingAway, "not needed any more");
    return;
  }
  if (!connected || link->closed) {
    note("connect_failed", connected ? "the connection closed at once" : connected.error().message);
    drop_link();
    session_.connect_failed(clock_.now());
    return;
  }
  link->socket = std::move(*connected);
  note("connected", options_.url);
  session_.connected(clock_.now());
}

void Worker::received(std::string_view text) {
  session_.on_text(text, clock_.now());
  drive();
}

void Worker::lost(net::CloseCode code, std::string_view reason) {
  note("connection_lost",
       std::to_string(static_cast<int>(code)) + (reason.empty() ? "" : " ") + std::string(reason));
  drop_link();
  session_.disconnected(clock_.now());
  drive();
}

void Worker::drop_link() {
  if (auto link = std::exchange(link_, nullptr)) link->worker = nullptr;
}

// ---- runs ---------------------------------------------------------------------------------------

AgentRun* Worker::find(const wire::RunKey& key) {
  const auto found = runs_.find(key);
  return found != runs_.end() ? found->second.get() : nullptr;
}

void Worker::resume(const wire::RunKey& key) {
  const auto found = runs_.find(key);
  if (found == runs_.end()) return;
  found->second->resume_reading();
  // Not here: what it held back may fill the session again, which we are carrying out.
  boost::asio::post(executor_, [run = std::weak_ptr(found->second)] {
    if (const auto still = run.lock()) still->go_on();
  });
}

void Worker::start_run(StartRun& order) {
  const std::string label = order.run.execution.str() + "/" + std::to_string(order.run.attempt);
  auto run = std::make_shared<AgentRun>(order.run, *this, clock_, held_total_);
  auto failed = run->start(sandbox_, options_.run, std::move(order.assign),
                           std::move(order.session), order.kill_at);
  if (failed) {
    note("run_failed_to_start", label + ": " + failed->error_message.value_or(""));
    session_.run_finished(order.run, std::move(*failed), clock_.now());
    return;
  }
  note("run_started", label);
  runs_.emplace(order.run, std::move(run));
}

void Worker::run_stdout(const wire::RunKey& run, std::string_view text) {
  session_.run_stdout(run, text, clock_.now());
  drive();
}

void Worker::run_stderr(const wire::RunKey& run, std::string_view text) {
  session_.run_stderr(run, text, clock_.now());
  drive();
}

void Worker::run_event(const wire::RunKey& run, std::string_view type, std::string payload) {
  session_.run_event(run, type, codec::RawJson{std::move(payload)}, clock_.now());
  drive();
}

void Worker::run_progress(const wire::RunKey& run, wire::Progress progress) {
  session_.run_progress(run, std::move(progress), clock_.now());
  drive();
}

void Worker::run_turn(const wire::RunKey& run, std::string turn) {
  session_.run_turn(run, codec::RawJson{std::move(turn)}, clock_.now());
  drive();
}

void Worker::run_session(const wire::RunKey& run, const sandbox::SessionPiece& piece,
                         std::string_view session_id) {
  session_.run_session(run, piece, session_id, clock_.now());
  drive();
}

void Worker::run_ended(const wire::RunKey& run, wire::Complete complete) {
  note("run_ended", run.execution.str() + "/" + std::to_string(run.attempt) + " " +
                        complete.status + " " + complete.failure_reason.value_or(""));
  // We are inside a callback of the run: it goes in a later turn.
  if (auto node = runs_.extract(run); !node.empty()) {
    boost::asio::post(executor_, [dead = std::move(node.mapped())] {});
  }
  session_.run_finished(run, std::move(complete), clock_.now());
  drive();
}

}  // namespace personas::worker_agent
