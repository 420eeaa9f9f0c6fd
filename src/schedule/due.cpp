#include "personas/schedule/due.hpp"

#include <algorithm>
#include <deque>

namespace personas::schedule {
namespace {

// FNV-1a of the key, then splitmix64 with the slot. Part of what users see: a slot keeps its delay
// from one version to the next.
std::uint64_t hash_of(std::string_view key, Timestamp slot) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : key) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  hash += static_cast<std::uint64_t>(slot.micros) * 0x9e3779b97f4a7c15ULL;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

// `next` is the slot after `slot`.
Timestamp delayed(Timestamp slot, std::optional<Timestamp> next, const Jitter& jitter) {
  Duration most = jitter.most;
  if (next) most = std::min(most, *next - slot);
  if (most <= Duration(0)) return slot;
  const auto delay = hash_of(jitter.key, slot) % static_cast<std::uint64_t>(most.count());
  return slot + Duration(static_cast<std::int64_t>(delay));
}

// Sorts slots as they are walked over into what is fired and what is not.
class Gathered {
 public:
  Gathered(Timestamp now, const MissedPolicy& policy) : now_(now), policy_(policy) {}

  void take(Timestamp slot, Timestamp due) {
    if (due > now_ - kPunctual) {
      fire_.push_back(slot);
      return;
    }
    const bool counts = policy_.runs != MissedRuns::kSkip && due >= now_ - policy_.window;
    const std::size_t most = policy_.runs == MissedRuns::kAll ? kMaxCatchUp : 1;
    if (counts) fire_.push_back(slot);
    if (!counts || fire_.size() > most) ++passed_over_;
    if (fire_.size() > most) fire_.pop_front();
  }

  DuePlan plan(std::optional<Timestamp> next) const {
    const auto count = std::min(fire_.size(), kMaxTogether);
    const auto end = fire_.begin() + static_cast<std::ptrdiff_t>(count);
    DuePlan plan{.fire = {fire_.begin(), end}, .passed_over = passed_over_, .next = next};
    if (end != fire_.end()) plan.next = *end;
    return plan;
  }

 private:
  Timestamp now_;
  const MissedPolicy& policy_;
  std::deque<Timestamp> fire_;
  std::int64_t passed_over_ = 0;
};

}  // namespace

Timestamp due_at(const Schedule& schedule, Timestamp slot, const Jitter& jitter) {
  if (jitter.most <= Duration(0)) return slot;
  return delayed(slot, schedule.next_after(slot), jitter);
}

DuePlan plan_due(const Schedule& schedule, Timestamp first, Timestamp now,
                 const MissedPolicy& policy, const Jitter& jitter) {
  Gathered gathered(now, policy);
  // Nothing before this is fired, so it is not walked over either.
  const Duration reach =
      policy.runs == MissedRuns::kSkip ? kPunctual : std::max(policy.window, kPunctual);
  const Timestamp begin = now - reach - jitter.most;
  std::optional<Timestamp> slot = first;
  if (first < begin) slot = schedule.next_after(begin - Duration(1));
  while (slot && *slot <= now) {
    const auto next = schedule.next_after(*slot);
    const Timestamp due = delayed(*slot, next, jitter);
    if (due > now) break;
    gathered.take(*slot, due);
    slot = next;
  }
  return gathered.plan(slot);
}

}  // namespace personas::schedule
