#include "ledger.hpp"

#include <fmt/format.h>

namespace personas::lossy_link {

std::string describe(const wire::RunKey& run) {
  return fmt::format("{}#{}", run.execution.str(), run.attempt);
}

void Ledger::started(const wire::RunKey& run) {
  for (const auto& other : alive_) {
    if (other.execution == run.execution) {
      violate(fmt::format("{} starts while {} is alive", describe(run), describe(other)));
    }
  }
  if (!started_.insert(run).second) violate(describe(run) + " starts twice");
  alive_.insert(run);
}

void Ledger::given_away(const wire::RunKey& run, const std::string& why) {
  if (alive(run)) violate(fmt::format("{} is given away ({}) while alive", describe(run), why));
}

void Ledger::committed(const wire::RunKey& run, std::int64_t seq, const std::string& text) {
  auto& newest = newest_committed_[run.execution];
  if (run.attempt < newest)
    violate(fmt::format("{} commits after attempt {}", describe(run), newest));
  newest = std::max(newest, run.attempt);
  auto& count = committed_[run];
  if (seq != count + 1) {
    violate(fmt::format("{} commits seq {} after {}", describe(run), seq, count));
  }
  count = seq;
  const auto& written = written_[run];
  if (static_cast<std::size_t>(seq) > written.size()) {
    violate(fmt::format("{} commits more than its agent wrote", describe(run)));
  } else if (written[static_cast<std::size_t>(seq) - 1] != text) {
    violate(fmt::format("{} seq {}: committed '{}', written '{}'", describe(run), seq, text,
                        written[static_cast<std::size_t>(seq) - 1]));
  }
}

void Ledger::completed(const wire::RunKey& run, std::int64_t seq) {
  const auto count = committed_[run];
  if (seq != count + 1 || static_cast<std::size_t>(count) != written_[run].size()) {
    violate(fmt::format("{} completes at seq {} with {} of {} frames on disk", describe(run), seq,
                        count, written_[run].size()));
  }
  if (!completed_.insert(run).second) violate(describe(run) + " completes twice");
}

void Ledger::confirmed(const wire::RunKey& run) {
  if (!completed_.contains(run)) violate(describe(run) + " is confirmed but not on disk");
}

}  // namespace personas::lossy_link
