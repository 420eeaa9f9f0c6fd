#include "null_workers.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "personas/net_beast/client.hpp"
#include "personas/wire/protocol.hpp"

namespace personas::bench {
namespace {

// Handshakes under way at a time: enough to keep both ends busy, below any listen queue.
constexpr std::int64_t kDialsAtOnce = 100;
// Heartbeats of a fleet leave in slices, as those of separate machines would.
constexpr std::int64_t kBeatSliceMs = 20;

}  // namespace

// ---- one worker
// -----------------------------------------------------------------------------------

void NullWorker::attach(std::shared_ptr<net::WebSocket> socket) {
  socket_ = std::move(socket);
  wire::Hello hello;
  hello.worker_id = id_;
  hello.capabilities = {"claude", std::string(wire::kProtocolsCapability)};
  hello.version = "bench";
  hello.instance_id = id_ + "-1";
  hello.slots = slots_;
  hello.sandbox = "none";
  socket_->send(wire::to_text(wire::WorkerFrame(std::move(hello))));
}

void NullWorker::on_message(std::string_view text) {
  auto parsed = wire::parse_orchestrator_frame(text);
  if (!parsed) return all_.lost(id_ + " got a frame it cannot read: " + parsed.error().describe());
  if (const auto* assign = std::get_if<wire::Assign>(&*parsed)) {
    ++all_.assigned_;
    if (all_.on_assign) return all_.on_assign(*this, *assign);
    write(*assign, 1, "x\n");
    complete(*assign, 2);
  } else if (const auto* received = std::get_if<wire::Received>(&*parsed)) {
    if (all_.on_received) all_.on_received(*received);
    if (!received->final_.value_or(false)) return;
    ++all_.finished_;
    if (all_.on_finished) all_.on_finished(*received);
  } else if (const auto* ack = std::get_if<wire::Ack>(&*parsed)) {
    socket_->send(wire::to_text(wire::WorkerFrame(
        wire::ActiveExecutions{.execution_ids = {}, .runs = std::vector<wire::ActiveRun>{}})));
    socket_->send(wire::to_text(
        wire::WorkerFrame(wire::Ready{.available_slots = slots_, .max_slots = slots_})));
    ready_ = true;
    all_.on_ready(ack->heartbeat_ms.value_or(4'000));
  }
}

void NullWorker::on_close(net::CloseCode code, std::string_view reason) {
  ready_ = false;
  socket_.reset();
  all_.lost(fmt::format("{} was disconnected with {}: {}", id_, static_cast<int>(code), reason));
}

void NullWorker::write(const wire::Assign& run, std::int64_t seq, std::string text) {
  wire::Stdout frame;
  frame.execution_id = run.execution_id;
  frame.chunk = std::move(text);
  frame.attempt = run.attempt;
  frame.seq = seq;
  if (socket_) socket_->send(wire::to_text(wire::WorkerFrame(std::move(frame))));
}

void NullWorker::complete(const wire::Assign& run, std::int64_t seq, wire::Complete frame) {
  frame.execution_id = run.execution_id;
  frame.status = "completed";
  frame.attempt = run.attempt;
  frame.seq = seq;
  frame.exit_code = 0;
  if (socket_) socket_->send(wire::to_text(wire::WorkerFrame(std::move(frame))));
}

void NullWorker::send_heartbeat(const std::string& text) {
  if (socket_ && ready_) socket_->send(text);
}

// ---- all of them
// ----------------------------------------------------------------------------------

NullWorkers::NullWorkers(boost::asio::io_context& io, const ServerProcess& server)
    : io_(io),
      server_(server),
      client_(net_beast::make_client(io, {})),
      heartbeats_(io),
      heartbeat_text_(wire::to_text(wire::WorkerFrame(wire::Heartbeat{}))) {
  arm_heartbeats();
}

NullWorkers::~NullWorkers() {
  closing_ = true;
  *alive_ = false;
  heartbeats_.cancel();
  client_.reset();
}

void NullWorkers::connect(std::int64_t count, std::int64_t slots) {
  for (std::int64_t i = 0; i < count; ++i) {
    workers_.push_back(
        std::make_shared<NullWorker>(*this, fmt::format("null-{}", workers_.size() + 1), slots));
  }
  dial_more();
}

void NullWorkers::dial_more() {
  while (dialing_ < kDialsAtOnce && next_dial_ < workers_.size() && trouble_.empty()) {
    ++dialing_;
    boost::asio::co_spawn(io_, dial(workers_[next_dial_++]),
                          [this, alive = alive_](const std::exception_ptr&) {
                            if (!*alive) return;
                            --dialing_;
                            dial_more();
                          });
  }
}

Task<void> NullWorkers::dial(std::shared_ptr<NullWorker> worker) {
  const std::shared_ptr<bool> alive = alive_;
  net::Headers headers;
  headers.set("Authorization", "Bearer " + server_.worker_token());
  auto socket = co_await client_->connect_websocket(
      fmt::format("ws://127.0.0.1:{}/", server_.ws_port()), std::move(headers), worker);
  if (!*alive) co_return;
  if (socket) {
    worker->attach(*std::move(socket));
  } else {
    lost("a worker cannot connect: " + socket.error().describe());
  }
}

void NullWorkers::on_ready(std::int64_t heartbeat_ms) {
  ++ready_;
  heartbeat_ms_ = std::max<std::int64_t>(heartbeat_ms, 2 * kBeatSliceMs);
}

void NullWorkers::lost(std::string trouble) {
  if (!closing_ && trouble_.empty()) trouble_ = std::move(trouble);
}

void NullWorkers::arm_heartbeats() {
  heartbeats_.expires_after(milliseconds(kBeatSliceMs));
  heartbeats_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (error || !*alive) return;
    beat();
    arm_heartbeats();
  });
}

void NullWorkers::beat() {
  const auto slices = static_cast<std::size_t>(heartbeat_ms_ / kBeatSliceMs);
  const std::size_t share = (workers_.size() + slices - 1) / slices;
  for (std::size_t i = 0; i < share; ++i) {
    if (next_beat_ >= std::max(workers_.size(), slices * share)) next_beat_ = 0;
    if (next_beat_ < workers_.size()) workers_[next_beat_]->send_heartbeat(heartbeat_text_);
    ++next_beat_;
  }
}

}  // namespace personas::bench
