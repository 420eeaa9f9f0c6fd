#include "personas/worker_gateway/hub.hpp"

#include <array>
#include <utility>

#include <boost/asio/post.hpp>

#include "personas/base/bytes.hpp"

namespace personas::worker_gateway {
namespace {

// Pings, silence and handshakes are looked at when the next of them is due, so that a silent worker
// is given up when its time is over. With thousands of workers that is always, so not sooner than
// this after the last look; one pass over ten thousand connections costs less than a millisecond.
constexpr Duration kSoonestSweep = milliseconds(100);
// Connections that came after the look have deadlines of their own.
constexpr Duration kLatestSweep = milliseconds(500);
// One session in base64 fits; well below what a socket may queue (ServerLimits).
constexpr std::size_t kMaxQueuedWithSession = 48 * 1024 * 1024;
static_assert(kMaxQueuedWithSession > std::size_t{wire::kMaxSessionBytes} / 3 * 4);

std::optional<std::string_view> bearer_of(const net::Request& request) {
  const std::string_view value = request.headers.get("Authorization");
  constexpr std::string_view kScheme = "Bearer ";
  if (!value.starts_with(kScheme)) return std::nullopt;
  return value.substr(kScheme.size());
}

}  // namespace

// One socket and its session. Lives until on_close; callbacks hop to the core strand.
class Hub::Connection final : public net::WebSocketListener,
                              public std::enable_shared_from_this<Connection> {
 public:
  Connection(Hub& hub, SessionOptions options, TokenVerifier verify)
      : session(options, std::move(verify)), hub_(hub) {}

  void on_message(std::string_view text) override {
    if (hub_.core_.get_executor().running_in_this_thread()) {
      received(text);
    } else {
      hop([text = std::string(text)](Connection& self) { self.received(text); });
    }
  }
  void on_pong() override {
    hop([](Connection& self) { self.session.on_pong(self.hub_.clock_.now()); });
  }
  void on_close(net::CloseCode, std::string_view reason) override {
    hop([reason = std::string(reason)](Connection& self) {
      self.session.on_closed(self.hub_.clock_.now());
      self.close_reason = reason;
      self.hub_.closed(self);
    });
  }
  void received(std::string_view text) {
    ++hub_.stats_.frames;
    hub_.service_.expire();
    session.on_text(text, hub_.clock_.now());
    hub_.drain(*this);
  }
  // Several sessions at once could fill the socket's queue, which would end the connection.
  bool has_room_for(std::span<const wire::SessionPart> parts) const {
    std::size_t bytes = socket->queued_bytes();
    for (const auto& part : parts) bytes += part.data.size();
    return parts.empty() || bytes <= kMaxQueuedWithSession;
  }
  // Runs on the strand, now if this is it. Keeps the connection alive until then.
  template <class F>
  void hop(F function) {
    if (hub_.core_.get_executor().running_in_this_thread()) {
      const auto self = shared_from_this();
      function(*self);
    } else {
      boost::asio::post(hub_.core_, [self = shared_from_this(), function = std::move(function)] {
        function(*self);
      });
    }
  }

  GatewaySession session;
  std::uint64_t number = 0;  // of all connections, once it is attached
  std::shared_ptr<net::WebSocket> socket;
  WorkerId worker;  // set once its hello was accepted
  std::string instance;
  std::string session_token;
  std::string close_reason;
  bool draining = false;

 private:
  Hub& hub_;
};

Hub::Hub(HubOptions options, boost::asio::io_context& core, execution::ExecutionService& service,
         Clock& clock, Random& random)
    : options_(std::move(options)),
      core_(core),
      service_(service),
      clock_(clock),
      random_(random),
      sweep_timer_(core.get_executor()) {
  sweep();
}

Hub::~Hub() = default;

Result<net::UpgradeDecision> Hub::upgrade(const net::Request& request) {
  SessionOptions options = options_.session;
  options.ping_phase = random_.next();
  auto connection = std::make_shared<Connection>(*this, options, options_.verify);
  std::optional<std::string> bearer;
  if (const auto token = bearer_of(request)) bearer = std::string(*token);
  net::UpgradeDecision decision;
  decision.listener = connection;
  decision.attach = [connection, bearer, this](std::shared_ptr<net::WebSocket> socket) {
    connection->socket = std::move(socket);
    connection->hop([bearer, this](Connection& self) {
      self.number = ++stats_.connections;
      connections_.emplace(self.number, self.shared_from_this());
      self.session.opened(bearer ? std::optional<std::string_view>(*bearer) : std::nullopt,
                          clock_.now());
      drain(self);
    });
  };
  return decision;
}

void Hub::close_all(std::string_view reason) {
  sweep_timer_.cancel();
  for (const auto& [number, connection] : connections_) {
    connection->socket->close(net::CloseCode::kGoingAway, std::string(reason));
  }
}

void Hub::sweep() {
  const Instant now = clock_.now();
  Instant next = now + kLatestSweep;
  std::vector<std::shared_ptr<Connection>> due;
  for (const auto& [number, connection] : connections_) {
    const Instant deadline = connection->session.next_deadline();
    if (deadline <= now) {
      due.push_back(connection);
    } else {
      next = std::min(next, deadline);
    }
  }
  for (const auto& connection : due) {
    connection->session.tick(now);
    drain(*connection);
    next = std::min(next, connection->session.next_deadline());
  }
  sweep_timer_.expires_after(std::max<Duration>(next - now, kSoonestSweep));
  sweep_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) sweep();
  });
}

// ---- session outputs ---------------------------------------------------------------------------

void Hub::drain(Connection& connection) {
  // Handling an output may put more into the same session: the outer call takes those too.
  if (connection.draining) return;
  const auto keep = connection.shared_from_this();
  connection.draining = true;
  for (auto outputs = connection.session.take(); !outputs.empty();
       outputs = connection.session.take()) {
    for (auto& output : outputs) handle(connection, output);
  }
  connection.draining = false;
}

void Hub::handle(Connection& connection, Output& output) {
  if (auto* send = std::get_if<Send>(&output)) {
    connection.socket->send(std::move(send->text));
  } else if (std::holds_alternative<Ping>(output)) {
    connection.socket->ping();
  } else if (auto* close = std::get_if<Close>(&output)) {
    ++stats_.refused;
    note("worker.refused", connection, close->reason);
    connection.socket->close(static_cast<net::CloseCode>(close->code), std::move(close->reason));
  } else if (auto* hello_event = std::get_if<HelloReceived>(&output)) {
    hello(connection, *hello_event);
  } else if (auto* active = std::get_if<ActiveRuns>(&output)) {
    service_.runs_missing(connection.worker, active->missing);
  } else if (auto* ready = std::get_if<ReadyReceived>(&output)) {
    service_.worker_ready(connection.worker, ready->available_slots);
  } else if (auto* frame = std::get_if<RunFrame>(&output)) {
    service_.frame(frame->run, frame->seq, std::move(frame->frame));
  } else if (auto* complete = std::get_if<CompleteReceived>(&output)) {
    service_.complete(complete->run, complete->seq, complete->complete);
  } else if (auto* busy = std::get_if<BusyReceived>(&output)) {
    service_.busy(busy->run);
  } else if (std::holds_alternative<HeartbeatReceived>(output)) {
    service_.worker_alive(connection.worker);
  }
}

bool Hub::may_take_over(const Connection& old, const HelloReceived& event) const {
  if (event.kind == WorkerKind::kFull && event.hello.instance_id &&
      *event.hello.instance_id == old.instance) {
    return true;
  }
  return event.hello.session_token && Secret(old.session_token).equals(*event.hello.session_token);
}

void Hub::hello(Connection& connection, HelloReceived& event) {
  const auto id = WorkerId::parse(event.hello.worker_id);
  if (!id) {
    connection.session.refuse(wire::CloseCode::kPolicyViolation, "workerId: " + id.error().message);
    return;
  }
  if (Connection* old = current(*id); old != nullptr) {
    if (!may_take_over(*old, event)) {
      connection.session.refuse(wire::CloseCode::kConflict,
                                "this workerId is connected already; choose another WORKER_ID");
      return;
    }
    // It no longer speaks for the worker, so its close will not count as the worker's leaving.
    by_worker_.erase(*id);
    old->worker = WorkerId();
    old->socket->close(static_cast<net::CloseCode>(wire::CloseCode::kConflict),
                       "replaced by a newer connection of the same worker");
  }
  connection.worker = *id;
  connection.instance = event.hello.instance_id.value_or("");
  connection.session_token = random_token();
  by_worker_[*id] = &connection;

  execution::WorkerInfo info;
  info.id = *id;
  info.instance = connection.instance;
  info.kind =
      event.kind == WorkerKind::kSeed ? execution::WorkerKind::kSeed : execution::WorkerKind::kFull;
  info.version = event.hello.version.value_or("");
  info.sandbox = event.hello.sandbox.value_or("");
  info.slots = event.kind == WorkerKind::kSeed ? 1 : event.hello.slots.value_or(1);
  info.capabilities = std::move(event.hello.capabilities);
  info.labels = std::move(event.hello.labels);
  info.connected_at = clock_.wall();
  info.agent_versions = std::move(event.hello.agent_versions);

  AckParams params;
  params.session_token = connection.session_token;
  params.nonce = random_token();
  for (const auto& run : service_.worker_joined(std::move(info))) {
    params.runs.push_back({.run = run.run,
                           .committed_seq = run.committed_seq,
                           .accepted_seq = run.accepted_seq,
                           .completion = Final::kNo});
  }
  connection.session.accept(params, clock_.now());
  note("worker.joined", connection, event.kind == WorkerKind::kSeed ? "seed" : "full");
}

void Hub::closed(Connection& connection) {
  const auto keep = connection.shared_from_this();
  connections_.erase(connection.number);
  const auto& counters = connection.session.counters();
  stats_.put_aside.unknown_types += counters.unknown_types;
  stats_.put_aside.duplicates += counters.duplicates;
  stats_.put_aside.not_leased += counters.not_leased;
  stats_.put_aside.out_of_place += counters.out_of_place;
  if (connection.worker.empty()) return;
  note("worker.left", connection, connection.close_reason);
  by_worker_.erase(connection.worker);
  service_.worker_left(std::exchange(connection.worker, WorkerId()));
}

// ---- commands of the execution service ---------------------------------------------------------

Hub::Connection* Hub::current(const WorkerId& worker) {
  const auto found = by_worker_.find(worker);
  return found == by_worker_.end() ? nullptr : found->second;
}

void Hub::assign(const WorkerId& worker, const wire::Assign& frame,
                 std::span<const wire::SessionPart> session) {
  Connection* connection = current(worker);
  if (connection != nullptr && connection->has_room_for(session)) {
    const auto outcome = connection->session.assign(frame, session);
    drain(*connection);
    if (outcome == AssignOutcome::kSent) return;
  }
  // It was never told: back to the queue, instead of waiting for the lease to end.
  boost::asio::post(core_,
                    [this, key = wire::RunKey{ExecutionId(frame.execution_id),
                                              frame.attempt.value_or(0)}] { service_.busy(key); });
}

void Hub::cancel(const WorkerId& worker, const wire::RunKey& run, std::string_view reason) {
  if (Connection* connection = current(worker)) {
    connection->session.cancel(run, reason);
    drain(*connection);
  }
}

void Hub::committed(const WorkerId& worker, const wire::RunKey& run, std::int64_t seq,
                    execution::Finality finality) {
  if (Connection* connection = current(worker)) {
    connection->session.committed(
        run, seq, finality == execution::Finality::kFinal ? Final::kYes : Final::kNo);
    drain(*connection);
  }
}

void Hub::release(const WorkerId& worker, const wire::RunKey& run) {
  if (Connection* connection = current(worker)) {
    connection->session.release(run);
    drain(*connection);
  }
}

void Hub::answer_review(const WorkerId& worker, const wire::ReviewResponse& frame) {
  if (Connection* connection = current(worker)) {
    connection->session.review_response(frame);
    drain(*connection);
  }
}

void Hub::drop(const WorkerId& worker, std::string_view reason) {
  if (Connection* connection = current(worker)) {
    connection->socket->close(net::CloseCode::kPolicyViolation, std::string(reason));
  }
}

// ---- small things ------------------------------------------------------------------------------

void Hub::note(std::string_view event, const Connection& connection, std::string_view detail) {
  if (options_.notice) options_.notice(event, connection.worker.str(), detail);
}

std::string Hub::random_token() {
  std::array<std::uint8_t, 24> bytes{};
  random_.fill(bytes);
  return to_base64url(bytes);
}

}  // namespace personas::worker_gateway
