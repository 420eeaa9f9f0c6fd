#include "seed_worker.hpp"

#include <utility>

#include <fmt/format.h>

#include "personas/wire/frames.hpp"

namespace personas::lossy_link {

SeedWorker::SeedWorker(Scheduler& scheduler, Random& random, Ledger& ledger, std::string id,
                       AfterDisconnect after_disconnect, DialUp dial)
    : scheduler_(scheduler),
      random_(random),
      ledger_(ledger),
      id_(std::move(id)),
      after_disconnect_(after_disconnect),
      dial_up_(std::move(dial)) {}

void SeedWorker::later(Duration delay, std::function<void()> event) {
  scheduler_.after(delay, [this, process = process_, event = std::move(event)] {
    if (process == process_) event();
  });
}

void SeedWorker::boot() {
  if (up_) return;
  up_ = true;
  ++process_;
  dial();
}

void SeedWorker::crash() {
  if (!up_) return;
  up_ = false;
  ++process_;
  agent_.reset();
  if (connection_) connection_->cut();
  connection_.reset();
}

void SeedWorker::dial() {
  dial_up_([this, process = process_](std::shared_ptr<Connection> connection) {
    if (process != process_) {
      if (connection) connection->close(Side::kWorker);
    } else if (!connection || !connection->open(Side::kWorker)) {
      redial();
    } else {
      attach(std::move(connection));
    }
  });
}

void SeedWorker::redial() {
  later(seconds(2), [this] { dial(); });
}

void SeedWorker::attach(std::shared_ptr<Connection> connection) {
  connection_ = connection;
  const auto mine = [this, process = process_, link = connection.get()] {
    return process == process_ && connection_.get() == link;
  };
  connection->listen(Side::kWorker, {.on_text =
                                         [this, mine](const std::string& text) {
                                           if (mine()) on_text(text);
                                         },
                                     .on_ping =
                                         [this, mine] {
                                           if (mine()) connection_->pong();
                                         },
                                     .on_pong = [] {},
                                     .on_closed =
                                         [this, mine] {
                                           if (!mine()) return;
                                           connection_.reset();
                                           if (agent_) agent_->leased = false;
                                           if (after_disconnect_ == AfterDisconnect::kAgentEnds)
                                             agent_.reset();
                                           redial();
                                         }});
  say(fmt::format(R"({{"type":"hello","workerId":"{}","capabilities":["claude"]}})", id_));
}

void SeedWorker::say(const std::string& text) {
  if (connection_) connection_->send(Side::kWorker, text);
}

void SeedWorker::on_text(const std::string& text) {
  const auto frame = wire::parse_orchestrator_frame(text);
  if (!frame) return ledger_.violate("a seed worker cannot read: " + text);
  if (std::holds_alternative<wire::Received>(*frame)) {
    ledger_.violate("a seed worker got a received frame");
  } else if (std::holds_alternative<wire::Ack>(*frame)) {
    say(R"({"type":"ready"})");
  } else if (const auto* assign = std::get_if<wire::Assign>(&*frame)) {
    agent_ = Agent{.run = {ExecutionId(assign->execution_id), *assign->attempt},
                   .leased = true,
                   .left = static_cast<int>(random_.below(12)),
                   .written = 0,
                   .number = ++agents_};
    agent_step();
  } else if (const auto* cancel = std::get_if<wire::Cancel>(&*frame)) {
    if (agent_ && agent_->run.execution.str() == cancel->execution_id) agent_->left = 0;
  }
}

void SeedWorker::agent_step() {
  later(between(random_, milliseconds(20), milliseconds(900)), [this, number = agents_] {
    if (!agent_ || agent_->number != number) return;
    const auto& execution = agent_->run.execution.str();
    if (agent_->left-- > 0) {
      const std::string chunk =
          fmt::format("{} says {};", lossy_link::describe(agent_->run), ++agent_->written);
      // Only what goes out on the socket of the assignment can count.
      if (agent_->leased && connection_) ledger_.wrote(agent_->run, chunk);
      say(fmt::format(R"({{"type":"stdout","executionId":"{}","chunk":"{}"}})", execution, chunk));
      return agent_step();
    }
    say(fmt::format(
        R"({{"type":"complete","executionId":"{}","status":"completed","meta":{{"exitCode":0}}}})",
        execution));
    agent_.reset();
    say(R"({"type":"ready"})");
  });
}

}  // namespace personas::lossy_link
