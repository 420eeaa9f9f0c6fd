// What really happened, as an all-seeing observer writes it down, and the promises it checks.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "personas/wire/frames.hpp"
#include "personas/wire/protocol.hpp"

namespace personas::lossy_link {

class Ledger {
 public:
  // ---- full workers: what is alive
  void started(const wire::RunKey& run);  // no attempt of it may be alive; once only
  void ended(const wire::RunKey& run) { alive_.erase(run); }
  bool alive(const wire::RunKey& run) const { return alive_.contains(run); }
  // The orchestrator gives the run away before it knows it to be over.
  void given_away(const wire::RunKey& run, const std::string& why);

  // ---- what an agent wrote, in order, and what of it got to the disk
  void wrote(const wire::RunKey& run, std::string text) { written_[run].push_back(text); }
  void committed(const wire::RunKey& run, std::int64_t seq, const std::string& text);
  void completed(const wire::RunKey& run, std::int64_t seq);
  // The worker is told that its completion is on the disk.
  void confirmed(const wire::RunKey& run);

  // How often something happened, so that a test can see that its schedules were not harmless.
  void count(const std::string& what) { ++counts_[what]; }
  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

  void violate(std::string what) { violations_.push_back(std::move(what)); }
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  std::set<wire::RunKey> alive_;
  std::set<wire::RunKey> started_;
  std::map<wire::RunKey, std::vector<std::string>> written_;
  std::map<wire::RunKey, std::int64_t> committed_;
  std::map<ExecutionId, std::int64_t> newest_committed_;  // attempt
  std::set<wire::RunKey> completed_;
  std::map<std::string, std::uint64_t> counts_;
  std::vector<std::string> violations_;
};

std::string describe(const wire::RunKey& run);

// What a run that is not the first attempt is given to go on with.
std::vector<wire::SessionPart> session_of(const wire::RunKey& run);

}  // namespace personas::lossy_link
