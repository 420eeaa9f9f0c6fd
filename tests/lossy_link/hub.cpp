#include "hub.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"

namespace personas::lossy_link {

namespace gateway = worker_gateway;

Hub::Hub(Scheduler& scheduler, Random& random, Ledger& ledger, wire::Timing timing, bool sign)
    : scheduler_(scheduler), random_(random), ledger_(ledger), timing_(timing), sign_(sign) {
  every_so_often(epoch_);
}

void Hub::every_so_often(std::uint64_t epoch) {
  scheduler_.after(milliseconds(400), [this, epoch] {
    if (epoch != epoch_ || !up_) return;
    expire();
    dispatch();
    every_so_often(epoch);
  });
}

// ---- connections
// ---------------------------------------------------------------------------------

void Hub::open(std::shared_ptr<Connection> connection) {
  gateway::SessionOptions options;
  options.timing = timing_;
  options.signing = sign_ ? gateway::Signing::kRequired : gateway::Signing::kOnRequest;
  options.ping_phase = random_.next();
  auto peer = std::make_shared<Peer>(
      Peer{.connection = connection,
           .session = gateway::GatewaySession(
               options,
               [](std::string_view token) -> std::optional<gateway::WorkerGrant> {
                 if (token != "worker-token") return std::nullopt;
                 return gateway::WorkerGrant{"t1", std::nullopt};
               }),
           .worker = {},
           .instance = {}});
  peers_.push_back(peer);
  const auto epoch = epoch_;
  const auto alive = [this, epoch] { return up_ && epoch == epoch_; };
  connection->listen(Side::kHub,
                     {.on_text =
                          [this, peer, alive](const std::string& text) {
                            if (alive())
                              input(peer, [&] { peer->session.on_text(text, scheduler_.now()); });
                          },
                      .on_ping = [] {},
                      .on_pong =
                          [this, peer, alive] {
                            if (alive())
                              input(peer, [&] { peer->session.on_pong(scheduler_.now()); });
                          },
                      .on_closed =
                          [this, peer, alive] {
                            if (!alive()) return;
                            input(peer, [&] { peer->session.on_closed(scheduler_.now()); });
                            gone(peer);
                          }});
  input(peer, [&] { peer->session.opened("worker-token", scheduler_.now()); });
}

template <class F>
void Hub::input(const PeerRef& peer, F call) {
  expire();
  call();
  drain(peer);
  dispatch();
}

void Hub::drain(const PeerRef& peer) {
  for (auto& output : peer->session.take()) handle(peer, output);
  arm(peer);
}

void Hub::arm(const PeerRef& peer) {
  const Instant due = peer->session.next_deadline();
  if (due >= peer->timer || due == Instant::never()) return;
  peer->timer = due;
  scheduler_.at(due, [this, peer, due, epoch = epoch_] {
    if (epoch != epoch_ || !up_ || peer->timer != due) return;
    peer->timer = Instant::never();
    input(peer, [&] { peer->session.tick(scheduler_.now()); });
  });
}

void Hub::handle(const PeerRef& peer, gateway::Output& output) {
  if (auto* send = std::get_if<gateway::Send>(&output)) {
    peer->connection->send(Side::kHub, std::move(send->text));
  } else if (std::holds_alternative<gateway::Ping>(output)) {
    peer->connection->ping();
  } else if (const auto* close = std::get_if<gateway::Close>(&output)) {
    ledger_.count("closed: " + close->reason.substr(0, 40));
    peer->connection->close(Side::kHub);
    gone(peer);
  } else if (const auto* hello = std::get_if<gateway::HelloReceived>(&output)) {
    on_hello(peer, *hello);
  } else if (const auto* active = std::get_if<gateway::ActiveRuns>(&output)) {
    on_active(peer, *active);
  } else if (const auto* ready = std::get_if<gateway::ReadyReceived>(&output)) {
    peer->max_slots = ready->max_slots;
    peer->available = ready->available_slots;
  } else if (auto* frame = std::get_if<gateway::RunFrame>(&output)) {
    std::string text;
    if (const auto* out = std::get_if<wire::Stdout>(&frame->frame)) text = out->chunk;
    if (const auto* event = std::get_if<wire::AgentEvent>(&frame->frame)) {
      text = event->payload ? event->payload->text : "";
    }
    if (const auto* turn = std::get_if<wire::AgentTurn>(&frame->frame)) text = turn->turn.text;
    if (const auto* session = std::get_if<wire::SessionBytes>(&frame->frame)) {
      text = as_text(from_base64(session->data).value_or(Bytes()));
    }
    on_frame(peer, {frame->run, frame->seq, std::move(text), std::nullopt, {}});
  } else if (auto* complete = std::get_if<gateway::CompleteReceived>(&output)) {
    on_frame(peer, {complete->run,
                    complete->seq,
                    {},
                    complete->complete.status,
                    complete->complete.failure_reason.value_or("")});
  } else if (const auto* busy = std::get_if<gateway::BusyReceived>(&output)) {
    auto& execution = executions_.at(busy->run.execution.str());
    execution.skip_worker[peer->worker] =
        scheduler_.now() + between(random_, seconds(1), seconds(4));
    give_away(execution, "busy");
  } else if (std::holds_alternative<gateway::HeartbeatReceived>(output)) {
    if (current(peer->worker) != peer) return;
    for (auto& [id, execution] : executions_) {
      if (execution.state == Execution::State::kLeased && execution.worker == peer->worker &&
          !execution.instance.empty()) {
        execution.lease_end = scheduler_.now() + timing_.lease;
      }
    }
  }
}

Hub::PeerRef Hub::current(const std::string& worker) const {
  for (const auto& peer : peers_) {
    if (peer->accepted && peer->worker == worker && !peer->session.closed()) return peer;
  }
  return nullptr;
}

void Hub::on_hello(const PeerRef& peer, const gateway::HelloReceived& hello) {
  peer->worker = hello.hello.worker_id;
  peer->instance = hello.hello.instance_id.value_or("");
  const bool seed = hello.kind == gateway::WorkerKind::kSeed;
  scheduler_.after(between(random_, milliseconds(0), milliseconds(30)),
                   [this, peer, seed, epoch = epoch_] {
                     if (epoch != epoch_ || !up_ || peer->session.closed()) return;
                     input(peer, [&] { admit(peer, seed); });
                   });
}

void Hub::admit(const PeerRef& peer, bool seed) {
  const auto old = current(peer->worker);
  if (old && (seed || old->instance != peer->instance)) {
    return peer->session.refuse(wire::CloseCode::kConflict, "the workerId is in use");
  }
  if (old) {
    old->session.refuse(wire::CloseCode::kGoingAway, "replaced by a new connection");
    drain(old);
  }
  gateway::AckParams params;
  params.session_token = fmt::format("session-{}", ++tokens_);
  params.nonce = fmt::format("nonce-{}", tokens_);
  for (auto& [id, execution] : executions_) {
    if (execution.worker != peer->worker) continue;
    if (execution.state == Execution::State::kLeased) {
      if (seed || execution.instance != peer->instance) {
        give_away(execution, "a new instance");
        continue;
      }
      params.runs.push_back(
          {execution.key(), execution.committed_seq, execution.accepted_seq, gateway::Final::kNo});
    } else if (execution.completed && chance(random_, 50) && !seed) {
      params.runs.push_back({execution.key(), execution.committed_seq, execution.committed_seq,
                             gateway::Final::kYes});
    }
  }
  peer->accepted = true;
  peer->listed = seed;
  peer->session.accept(params, scheduler_.now());
  ledger_.count("connections accepted");
}

void Hub::on_active(const PeerRef& peer, const gateway::ActiveRuns& runs) {
  peer->listed = true;
  for (const auto& run : runs.missing) {
    auto& execution = executions_.at(run.execution.str());
    if (execution.state == Execution::State::kLeased && execution.key() == run) {
      give_away(execution, "not on the worker's list");
    }
  }
  for (const auto& [id, execution] : executions_) {
    if (execution.state == Execution::State::kLeased && execution.worker == peer->worker &&
        execution.cancel_wanted) {
      peer->session.cancel(execution.key(), "again");
    }
  }
}

void Hub::gone(const PeerRef& peer) {
  if (std::erase(peers_, peer) == 0) return;
  const auto& counters = peer->session.counters();
  if (counters.duplicates > 0) ledger_.count("connections with duplicates");
  if (counters.not_leased > 0) ledger_.count("connections with frames of runs not leased");
  if (!peer->accepted || !peer->instance.empty()) return;
  for (auto& [id, execution] : executions_) {  // a seed worker's runs end with its socket
    if (execution.state == Execution::State::kLeased && execution.worker == peer->worker) {
      give_away(execution, "the seed's socket closed");
    }
  }
}

// ---- frames and the disk
// -------------------------------------------------------------------------

void Hub::on_frame(const PeerRef& peer, Pending pending) {
  auto& execution = executions_.at(pending.run.execution.str());
  if (execution.state != Execution::State::kLeased || execution.key() != pending.run ||
      execution.worker != peer->worker) {
    ledger_.violate(describe() + ": accepted a frame of " + lossy_link::describe(pending.run));
    return;
  }
  if (pending.seq != execution.accepted_seq + 1) {
    ledger_.violate(fmt::format("{} accepted seq {} after {}", lossy_link::describe(pending.run),
                                pending.seq, execution.accepted_seq));
  }
  execution.accepted_seq = pending.seq;
  ledger_.count("frames accepted");
  pending_.push_back(std::move(pending));
  commit_soon();
}

void Hub::commit_soon() {
  if (commit_scheduled_) return;
  commit_scheduled_ = true;
  const Duration most = chance(random_, 5) ? Duration(seconds(3)) : Duration(milliseconds(120));
  scheduler_.after(between(random_, milliseconds(1), most), [this, epoch = epoch_] {
    if (epoch != epoch_ || !up_) return;
    expire();
    commit();
    dispatch();
  });
}

void Hub::commit() {
  commit_scheduled_ = false;
  std::map<wire::RunKey, gateway::Final> touched;
  for (const auto& pending : std::exchange(pending_, {})) {
    auto& execution = executions_.at(pending.run.execution.str());
    // The transaction arbitrates: the run may have been given away in between.
    if (execution.state != Execution::State::kLeased || execution.key() != pending.run) continue;
    apply(execution, pending);
    touched[pending.run] = pending.status ? gateway::Final::kYes : gateway::Final::kNo;
  }
  for (const auto& [run, final_frame] : touched) {
    const auto& execution = executions_.at(run.execution.str());
    const auto peer = current(execution.worker);
    if (!peer) continue;
    if (final_frame == gateway::Final::kYes) ledger_.confirmed(run);
    peer->session.committed(run, execution.committed_seq, final_frame);
    drain(peer);
  }
}

void Hub::apply(Execution& execution, const Pending& pending) {
  execution.committed_seq = pending.seq;
  if (!pending.status) {
    ledger_.committed(pending.run, pending.seq, pending.text);
    return;
  }
  ledger_.completed(pending.run, pending.seq);
  ledger_.count("completions " + *pending.status + " " + pending.reason);
  execution.completed = true;
  if (*pending.status == "failed" && !execution.cancel_wanted) {
    execution.state = Execution::State::kQueued;  // retried; the worker stays named for received
  } else {
    execution.state = Execution::State::kDone;
  }
}

// ---- leases and the queue
// ------------------------------------------------------------------------

void Hub::enqueue(const std::string& id) {
  executions_[id].id = id;
}

void Hub::cancel(const std::string& id) {
  const auto found = executions_.find(id);
  if (!up_ || found == executions_.end()) return;
  auto& execution = found->second;
  if (execution.state == Execution::State::kDone) return;
  execution.cancel_wanted = true;
  if (execution.state == Execution::State::kQueued) {
    execution.state = Execution::State::kDone;
  } else if (const auto peer = current(execution.worker)) {
    input(peer, [&] { peer->session.cancel(execution.key(), "somebody cancelled it"); });
  }
}

void Hub::expire() {
  for (auto& [id, execution] : executions_) {
    if (execution.state == Execution::State::kLeased && scheduler_.now() >= execution.lease_end) {
      give_away(execution, "its lease is over");
    }
  }
}

void Hub::give_away(Execution& execution, const std::string& why) {
  if (!execution.instance.empty()) ledger_.given_away(execution.key(), why);
  ledger_.count("given away: " + why);
  if (const auto peer = current(execution.worker)) {
    peer->session.release(execution.key());
    for (auto& output : peer->session.take()) handle(peer, output);
  }
  execution.state = execution.cancel_wanted ? Execution::State::kDone : Execution::State::kQueued;
}

std::int64_t Hub::leased_to(const std::string& worker) const {
  return std::ranges::count_if(executions_, [&](const auto& entry) {
    return entry.second.state == Execution::State::kLeased && entry.second.worker == worker;
  });
}

void Hub::dispatch() {
  const auto peers = peers_;
  for (auto& [id, execution] : executions_) {
    if (execution.state != Execution::State::kQueued || peers.empty()) continue;
    const auto offset = random_.below(peers.size());
    for (std::size_t i = 0; i < peers.size(); ++i) {
      const auto& peer = peers[(i + offset) % peers.size()];
      if (!peer->accepted || !peer->listed || peer->session.closed() || peer->available < 1 ||
          leased_to(peer->worker) >= peer->max_slots) {
        continue;
      }
      if (scheduler_.now() < execution.skip_worker[peer->worker]) continue;
      const bool seed = peer->instance.empty();
      if (seed && avoid_same_seed_ && execution.tried_seeds.contains(peer->worker)) continue;
      if (seed) execution.tried_seeds.insert(peer->worker);
      ++execution.attempt;
      execution.state = Execution::State::kLeased;
      execution.worker = peer->worker;
      execution.instance = peer->instance;
      execution.committed_seq = execution.accepted_seq = 0;
      execution.completed = false;
      // A seed worker's lease is its socket.
      execution.lease_end = seed ? Instant::never() : scheduler_.now() + timing_.lease;
      wire::Assign assign;
      assign.execution_id = id;
      assign.prompt = "do it";
      assign.attempt = execution.attempt;
      assign.lease_ms = to_millis(timing_.lease);
      std::vector<wire::SessionPart> session;
      if (!seed) session = session_of(execution.key());
      if (!session.empty()) assign.session_parts = static_cast<std::int64_t>(session.size());
      if (peer->session.assign(assign, session) != gateway::AssignOutcome::kSent) {
        ledger_.violate("a free worker refused an assignment");
      }
      --peer->available;
      drain(peer);
      break;
    }
  }
}

// ---- crashes
// -------------------------------------------------------------------------------------

void Hub::crash() {
  if (!up_) return;
  up_ = false;
  ++epoch_;
  for (const auto& peer : peers_) {
    chance(random_, 50) ? peer->connection->cut() : peer->connection->black_hole();
  }
  peers_.clear();
  pending_.clear();
  commit_scheduled_ = false;
}

void Hub::restart() {
  if (up_) return;
  up_ = true;
  for (auto& [id, execution] : executions_) {
    execution.accepted_seq = execution.committed_seq;
    execution.skip_worker.clear();
    if (execution.state != Execution::State::kLeased) continue;
    execution.lease_end = scheduler_.now() + timing_.lease;  // one fresh term
    if (execution.instance.empty()) give_away(execution, "the seed's socket is gone");
  }
  every_so_often(epoch_);
}

bool Hub::all_done() const {
  return std::ranges::all_of(
      executions_, [](const auto& entry) { return entry.second.state == Execution::State::kDone; });
}

std::string Hub::describe() const {
  std::string text = up_ ? "hub up:" : "hub down:";
  for (const auto& [id, execution] : executions_) {
    text += fmt::format(" {}#{} state {} at {} seq {}/{}", id, execution.attempt,
                        static_cast<int>(execution.state), execution.worker,
                        execution.committed_seq, execution.accepted_seq);
  }
  for (const auto& peer : peers_) {
    text += fmt::format(" [{} accepted {} listed {} available {}]", peer->worker, peer->accepted,
                        peer->listed, peer->available);
  }
  return text;
}

}  // namespace personas::lossy_link
