// Turns records into deliveries: each endpoint that wants a record gets a row, in the transaction
// that moves this reader of the journal. So none is skipped, and a row stands once per record,
// whatever crashes; carrying it there is the delivery service's.
#pragma once

#include <string_view>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/delivery/outbox.hpp"
#include "personas/reactor/journal_reactor.hpp"
#include "personas/vault/review_links.hpp"

namespace personas::reactions {

class TellEndpoints final : public reactor::Handler {
 public:
  TellEndpoints(Clock& clock, Random& random, delivery::Outbox& outbox,
                const vault::ReviewLinks& links)
      : clock_(clock), random_(random), outbox_(outbox), links_(links) {}

  std::string_view name() const override { return "webhooks-out"; }
  std::vector<std::string_view> types() const override;
  Result<reactor::Reaction> look(store::Transaction& tx,
                                 const store::JournalRecord& record) override;

 private:
  Clock& clock_;
  Random& random_;
  delivery::Outbox& outbox_;
  const vault::ReviewLinks& links_;
};

}  // namespace personas::reactions
