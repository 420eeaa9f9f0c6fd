#include "ledger.hpp"

#include <fmt/format.h>

#include "personas/base/bytes.hpp"

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

std::vector<wire::SessionPart> session_of(const wire::RunKey& run) {
  std::vector<wire::SessionPart> parts;
  for (std::int64_t i = 1; i < run.attempt && i < 4; ++i) {
    const std::string text = fmt::format("{} part {}", describe(run), i);
    parts.push_back({run.execution.str(), run.attempt, fmt::format("p/{}.jsonl", i), 0,
                     to_base64(as_bytes(text))});
  }
  return parts;
}

}  // namespace personas::lossy_link
