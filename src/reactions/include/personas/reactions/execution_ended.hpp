// What follows when an execution that somebody waits for has ended: a draft is read, a test is
// checked and perhaps a judge asked, a verdict is taken, a command that looked is compared. Reads
// the journal through a reactor::JournalReactor; who waits for what stands in the watches
// (reactor/watches.hpp).
//
// Everything that can be wrong with an answer becomes part of the row (problems, an error verdict),
// so that a reaction itself fails only when the store does.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/delivery/service.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/model/execution.hpp"
#include "personas/reactor/journal_reactor.hpp"
#include "personas/reactor/watches.hpp"
#include "personas/triggers/firing.hpp"

namespace personas::reactions {

// Tells the running core about an execution that was enqueued here; after the commit.
using Enqueued = std::function<void(execution::QueuedExecution)>;

// What the command of a notification sink has come to; in the transaction of the reaction.
using CommandEnded = std::function<Result<void>(store::Transaction&, const TenantId&,
                                                const delivery::DeliveryService::CommandEnd&,
                                                reactor::AfterCommit&)>;

// Without them there are no such executions.
struct WhomEndsConcern {
  std::optional<triggers::FiringPorts> firing = {};  // of triggers that look by a command
  CommandEnded command_ended = {};
};

class ExecutionEnded final : public reactor::Handler {
 public:
  ExecutionEnded(Clock& clock, Random& random, Enqueued enqueued, WhomEndsConcern others = {})
      : clock_(clock),
        random_(random),
        enqueued_(std::move(enqueued)),
        others_(std::move(others)) {}

  std::string_view name() const override { return "execution-ended"; }
  std::vector<std::string_view> types() const override;
  Result<reactor::Reaction> look(store::Transaction& tx,
                                 const store::JournalRecord& record) override;

 private:
  struct End;  // what is known of the execution
  Result<reactor::Reaction> look_at_draft(store::Transaction& tx, const End& end);
  Result<reactor::Reaction> look_at_test(store::Transaction& tx, const End& end);
  Result<reactor::Reaction> look_at_judge(store::Transaction& tx, const End& end);
  reactor::Reaction look_at_notification(const End& end);

  Clock& clock_;
  Random& random_;
  Enqueued enqueued_;
  WhomEndsConcern others_;
};

}  // namespace personas::reactions
