#include "full_worker.hpp"

#include <utility>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"

namespace personas::lossy_link {

namespace agent = worker_agent;

namespace {
constexpr std::size_t kMostWritten = 3200;  // by one write of an agent, as a frame
}  // namespace

FullWorker::FullWorker(Scheduler& scheduler, Random& random, Ledger& ledger, Options options,
                       DialUp dial)
    : scheduler_(scheduler),
      random_(random),
      ledger_(ledger),
      options_(std::move(options)),
      dial_up_(std::move(dial)) {}

void FullWorker::later(Duration delay, std::function<void()> event) {
  scheduler_.after(delay, [this, process = process_, event = std::move(event)] {
    if (process == process_) event();
  });
}

// ---- the process
// ---------------------------------------------------------------------------------

void FullWorker::boot() {
  if (up()) return;
  ++process_;
  agent::WorkerOptions options;
  options.worker_id = options_.id;
  options.instance_id = fmt::format("{}-{}", options_.id, process_);
  options.version = "1.0";
  options.token = Secret("worker-token");
  options.signing = options_.sign ? agent::Signing::kAlways : agent::Signing::kIfAsked;
  options.slots = options_.slots;
  options.spool = options_.spool;
  session_.emplace(std::move(options), random_);
  input([this] { session_->start(scheduler_.now()); });
}

void FullWorker::crash() {
  if (!up()) return;
  ++process_;
  for (const auto& [run, entry] : agents_) ledger_.ended(run);
  agents_.clear();
  while_frozen_.clear();
  frozen_until_ = Instant{};
  timer_ = Instant::never();
  session_.reset();
  if (connection_) {
    chance(random_, 70) ? connection_->cut() : connection_->black_hole();
  }
  connection_.reset();
}

void FullWorker::freeze(Duration how_long) {
  if (!up()) return;
  frozen_until_ = std::max(frozen_until_, scheduler_.now() + how_long);
  later(how_long, [this] {
    if (scheduler_.now() < frozen_until_) return;
    for (auto& call : std::exchange(while_frozen_, {})) input(std::move(call));
    input([this] { session_->tick(scheduler_.now()); });
  });
}

void FullWorker::stop(Duration grace) {
  if (up()) input([this, grace] { session_->stop(grace, scheduler_.now()); });
}

// What happens to the process waits while it stands still.
void FullWorker::input(std::function<void()> call) {
  if (!up()) return;
  if (scheduler_.now() < frozen_until_) {
    while_frozen_.push_back(std::move(call));
    return;
  }
  call();
  drain();
}

void FullWorker::drain() {
  const auto process = process_;
  for (auto& output : session_->take()) {
    handle(output);
    if (process != process_) return;  // it has stopped
  }
  // A run is paused by the frame that passes the mark; then only its completion may come.
  const std::size_t most = options_.spool.pause_total + kMostExecutions * (kMostWritten + 400);
  if (session_->spooled_bytes() > most) ledger_.violate(options_.id + " spools too much");
  arm();
}

void FullWorker::arm() {
  const Instant due = session_->next_deadline();
  if (due == Instant::never() || due >= timer_) return;
  timer_ = due;
  later(due - scheduler_.now(), [this, due] {
    if (timer_ != due) return;
    timer_ = Instant::never();
    input([this] { session_->tick(scheduler_.now()); });
  });
}

void FullWorker::handle(agent::Output& output) {
  if (auto* send = std::get_if<agent::SendText>(&output)) {
    if (connection_) connection_->send(Side::kWorker, std::move(send->text));
  } else if (std::holds_alternative<agent::Dial>(output)) {
    dial();
  } else if (std::holds_alternative<agent::CloseConnection>(output)) {
    detach();
  } else if (const auto* start = std::get_if<agent::StartRun>(&output)) {
    start_agent(*start);
  } else if (const auto* renew = std::get_if<agent::RenewLease>(&output)) {
    const auto entry = agents_.find(renew->run);
    if (entry == agents_.end() || !entry->second.alive) return;
    if (scheduler_.now() >= entry->second.kill_at) {
      return ledger_.violate(lossy_link::describe(renew->run) + " is renewed after its end");
    }
    entry->second.kill_at = renew->kill_at;
    supervise(renew->run);
  } else if (const auto* kill = std::get_if<agent::KillRun>(&output)) {
    ledger_.count(fmt::format("kills for reason {}", static_cast<int>(kill->reason)));
    later(between(random_, milliseconds(0), milliseconds(800)),
          [this, run = kill->run] { die(run, "failed"); });
  } else if (const auto* pause = std::get_if<agent::PauseReading>(&output)) {
    const auto entry = agents_.find(pause->run);
    ledger_.count("pauses of reading");
    if (entry != agents_.end()) entry->second.paused = true;
  } else if (const auto* resume = std::get_if<agent::ResumeReading>(&output)) {
    const auto entry = agents_.find(resume->run);
    if (entry != agents_.end()) entry->second.paused = false;
  } else if (std::holds_alternative<agent::Stopped>(output)) {
    for (const auto& [run, entry] : agents_) {
      if (entry.alive) ledger_.violate(lossy_link::describe(run) + " outlives its worker's stop");
    }
    crash();
    scheduler_.after(seconds(5), [this] { boot(); });
  }
}

// ---- the connection
// ------------------------------------------------------------------------------

void FullWorker::dial() {
  dial_up_([this, process = process_](std::shared_ptr<Connection> connection) {
    if (process != process_) {
      if (connection) connection->close(Side::kWorker);
      return;
    }
    input([this, connection = std::move(connection)] {
      if (!connection || !connection->open(Side::kWorker)) {
        return session_->connect_failed(scheduler_.now());
      }
      attach(connection);
      session_->connected(scheduler_.now());
    });
  });
}

void FullWorker::attach(std::shared_ptr<Connection> connection) {
  connection_ = connection;
  const auto mine = [this, process = process_, link = connection.get()] {
    return process == process_ && connection_.get() == link;
  };
  connection->listen(Side::kWorker, {.on_text =
                                         [this, mine](const std::string& text) {
                                           if (!mine()) return;
                                           input([this, mine, text] {
                                             if (mine()) session_->on_text(text, scheduler_.now());
                                           });
                                         },
                                     .on_ping =
                                         [this, mine] {
                                           if (!mine()) return;
                                           input([this, mine] {
                                             if (mine()) connection_->pong();
                                           });
                                         },
                                     .on_pong = [] {},
                                     .on_closed =
                                         [this, mine] {
                                           if (!mine()) return;
                                           input([this, mine] {
                                             if (!mine()) return;
                                             connection_.reset();
                                             session_->disconnected(scheduler_.now());
                                           });
                                         }});
}

void FullWorker::detach() {
  if (connection_) connection_->close(Side::kWorker);
  connection_.reset();
}

// ---- agents and their supervisors
// ----------------------------------------------------------------

void FullWorker::start_agent(const agent::StartRun& start) {
  ledger_.started(start.run);
  ledger_.count("starts on full workers");
  const std::vector<wire::SessionPart> expected = session_of(start.run);
  bool whole = start.session.size() == expected.size();
  for (std::size_t i = 0; whole && i < expected.size(); ++i) {
    whole = to_base64(as_bytes(start.session[i].data)) == expected[i].data;
  }
  if (!whole) ledger_.violate(lossy_link::describe(start.run) + " starts without its session");
  if (!expected.empty()) ledger_.count("starts with a session");
  Agent entry;
  entry.left = static_cast<int>(random_.below(30));
  entry.kill_at = start.kill_at;
  agents_[start.run] = entry;
  if (scheduler_.now() >= start.kill_at) ledger_.violate("a run starts after its lease");
  supervise(start.run);
  agent_step(start.run);
}

void FullWorker::supervise(const wire::RunKey& run) {
  const Instant due = agents_.at(run).kill_at;
  later(due - scheduler_.now(), [this, run, due] {
    const auto entry = agents_.find(run);
    if (entry == agents_.end() || !entry->second.alive || entry->second.kill_at != due) return;
    ledger_.count("kills by supervisors");
    later(between(random_, milliseconds(0), milliseconds(1500)),
          [this, run] { die(run, "failed"); });
  });
}

void FullWorker::agent_step(const wire::RunKey& run) {
  const Duration most = chance(random_, 10) ? Duration(seconds(6)) : Duration(milliseconds(900));
  later(between(random_, milliseconds(20), most), [this, run] {
    const auto found = agents_.find(run);
    if (found == agents_.end() || !found->second.alive) return;
    Agent& entry = found->second;
    // While the worker stands still or does not read, the agent hangs in write().
    if (entry.paused || scheduler_.now() < frozen_until_) return agent_step(run);
    if (entry.left == 0) {
      return die(run, chance(random_, options_.faulty_agents) ? "failed" : "completed");
    }
    --entry.left;
    agent_writes(run, entry);
    agent_step(run);
  });
}

void FullWorker::agent_writes(const wire::RunKey& run, Agent& entry) {
  std::string text = fmt::format("{} says {};", lossy_link::describe(run), ++entry.written);
  if (chance(random_, 10)) text.append(random_.below(3000), 'x');
  const auto kind = random_.below(100);
  if (kind < 45) text = '"' + text + '"';
  ledger_.wrote(run, text);
  input([&] {
    const Instant now = scheduler_.now();
    if (kind < 30) {
      session_->run_event(run, "emit_event", codec::RawJson{text}, now);
    } else if (kind < 45) {
      session_->run_turn(run, codec::RawJson{text}, now);
    } else if (kind < 60) {
      session_->run_session(run, {"p/s.jsonl", 0, text}, "s", now);
    } else {
      session_->run_stdout(run, text, now);
    }
  });
}

void FullWorker::die(const wire::RunKey& run, const std::string& status) {
  const auto entry = agents_.find(run);
  if (entry == agents_.end() || !entry->second.alive) return;
  entry->second.alive = false;
  ledger_.ended(run);
  input([this, run, status] {
    agents_.erase(run);
    wire::Complete complete;
    complete.status = status;
    session_->run_finished(run, std::move(complete), scheduler_.now());
  });
}

std::string FullWorker::describe() const {
  std::string text = options_.id + (up() ? " up" : " down");
  if (up()) text += session_->connected_and_accepted() ? " connected" : " apart";
  if (up()) text += fmt::format(" spooled {}", session_->spooled_bytes());
  for (const auto& [run, entry] : agents_) {
    text += fmt::format(" {}{}{} left {} kill at {}", lossy_link::describe(run),
                        entry.alive ? "" : " dead", entry.paused ? " paused" : "", entry.left,
                        entry.kill_at.micros);
  }
  return text;
}

}  // namespace personas::lossy_link
