#include "personas/triggers/scheduler.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/asio/post.hpp>

namespace personas::triggers {

namespace asio = boost::asio;
using store::Transaction;

struct Scheduler::Seen {
  std::vector<DueTrigger> due;
  std::optional<Timestamp> next;
};

struct Scheduler::Batch {
  // A trigger whose config cannot be read any more, such as for a zone that is gone.
  struct Broken {
    DueWork work;
    std::string reason;
  };
  struct Poll {
    DueWork work;
    ExecutionId command;
  };
  std::vector<DueWork> works;
  std::vector<Poll> polls;
  std::vector<Broken> broken;
  std::size_t size() const { return works.size() + polls.size() + broken.size(); }
};

Scheduler::Scheduler(asio::any_io_executor executor, store::Store& store, Clock& clock,
                     Random& random, Alarm& alarm, FiringPorts ports, Poller& poller,
                     std::function<void(const Error&)> on_trouble)
    : executor_(std::move(executor)),
      store_(store),
      clock_(clock),
      random_(random),
      alarm_(alarm),
      ports_(std::move(ports)),
      poller_(poller),
      on_trouble_(std::move(on_trouble)),
      background_(executor_) {
  poller_.on_ended([this] { changed(); });
}

Scheduler::~Scheduler() = default;

Task<Result<void>> Scheduler::open() {
  co_return co_await store_.write([](Transaction& tx) { return release_leases(tx); });
}

Result<Scheduler::Seen> Scheduler::look(Transaction& tx, Timestamp now, std::size_t room) const {
  Seen seen;
  TRY(seen.due, due_triggers(tx, Due::kSlots, now, batch_limit_));
  // One at a time after a batch has failed.
  const bool alone = batch_limit_ == 1 && !seen.due.empty();
  if (room > 0 && !alone) {
    TRY(auto polls, due_triggers(tx, Due::kPolls, now, std::min(room, batch_limit_)));
    std::ranges::move(polls, std::back_inserter(seen.due));
  }
  if (!seen.due.empty()) return seen;
  TRY(seen.next, next_due(tx, Due::kSlots));
  if (room == 0) return seen;  // we are told when there is
  TRY(const auto poll, next_due(tx, Due::kPolls));
  if (poll && (!seen.next || *poll < *seen.next)) seen.next = poll;
  return seen;
}

Scheduler::Batch Scheduler::plan(std::vector<DueTrigger> due, Timestamp now) {
  Batch batch;
  std::size_t slots = 0;
  for (auto& [tenant, trigger] : due) {
    if (slots >= kMaxSlots) break;  // the others stay due
    DueWork work{.tenant = std::move(tenant),
                 .seen = std::move(trigger),
                 .plan = {},
                 .due = {},
                 .ids = {},
                 .pause_event = EventId::make(now, random_)};
    auto plan = plan_of(work.seen);
    if (!plan || !plan->schedule) {
      std::string reason = plan ? "Its config has no schedule" : plan.error().message;
      batch.broken.push_back({std::move(work), std::move(reason)});
      continue;
    }
    work.plan = std::move(*plan);
    work.due = schedule::plan_due(*work.plan.schedule, work.seen.next_slot.value_or(now), now,
                                  work.plan.missed, {work.seen.id.str(), work.plan.jitter});
    for (std::size_t i = 0; i < work.due.fire.size(); ++i) {
      work.ids.push_back(FiringIds::make(now, random_));
    }
    slots += 1 + work.due.fire.size();
    if (work.seen.trigger_type == TriggerType::kPolling) {
      batch.polls.push_back({std::move(work), ExecutionId::make(now, random_)});
    } else {
      batch.works.push_back(std::move(work));
    }
  }
  return batch;
}

Result<FiredCounts> Scheduler::fire_all(Transaction& tx, const Batch& batch, Timestamp now,
                                        std::vector<Look>& looks, AfterCommit& after) const {
  FiredCounts total;
  for (const auto& work : batch.works) {
    TRY(const auto counts, fire_due(tx, ports_, work, now, after));
    total.published += counts.published;
    total.skipped += counts.skipped;
    total.paused += counts.paused;
  }
  for (const auto& [work, command] : batch.polls) {
    TRY(auto begun, begin_look(tx, ports_, work, command, now, after));
    total.paused += begun.counts.paused;
    if (begun.look) looks.push_back(std::move(*begun.look));
  }
  for (const auto& [work, reason] : batch.broken) {
    TRY_VOID(pause_by_itself(tx, ports_.sink, ports_.origin, work.tenant, work.seen, reason,
                             work.pause_event, now, after));
    ++total.paused;
  }
  return total;
}

Task<Result<FiredCounts>> Scheduler::fire(std::shared_ptr<const Batch> batch, Timestamp now) {
  struct Follows {
    AfterCommit actions;
    std::vector<Look> looks;
  };
  auto follows = std::make_shared<Follows>();
  auto operation = [this, batch, now, follows](Transaction& tx) -> Result<FiredCounts> {
    *follows = {};
    return fire_all(tx, *batch, now, follows->looks, follows->actions);
  };
  auto fired = co_await store_.write(std::move(operation));
  if (fired) {
    for (const auto& action : follows->actions) action();
    for (auto& look : follows->looks) poller_.begin(std::move(look));
  }
  co_return fired;
}

// The one trigger of the batch cannot be fired, and will not be the next time: it stops no other.
Task<Result<void>> Scheduler::set_aside(const Batch& batch, Error error, Timestamp now) {
  on_trouble_(error);
  auto pause = std::make_shared<Batch>();
  const auto& work = batch.works.empty() ? batch.polls.front().work : batch.works.front();
  pause->broken.push_back({work, "It could not be fired: " + error.message});
  CO_TRY(const auto counts, co_await fire(pause, now));
  stats_.paused += counts.paused;
  co_return Result<void>();
}

Task<Result<std::optional<Timestamp>>> Scheduler::step() {
  const Timestamp now = clock_.wall();
  auto operation = [this, now, room = poller_.room()](Transaction& tx) {
    return look(tx, now, room);
  };
  ++stats_.looks;
  CO_TRY(auto seen, co_await store_.read(std::move(operation)));
  if (seen.due.empty()) co_return seen.next;
  const auto batch = std::make_shared<const Batch>(plan(std::move(seen.due), now));
  const auto fired = co_await fire(batch, now);
  if (!fired) {
    if (info(fired.error().code).retryable) co_return fail(fired.error());
    if (batch->size() > 1) {
      batch_limit_ = 1;
    } else if (batch->works.empty() && batch->polls.empty()) {
      co_return fail(fired.error());
    } else {
      CO_TRY_VOID(co_await set_aside(*batch, fired.error(), now));
    }
    co_return std::optional(now);
  }
  ++stats_.writes;
  stats_.published += fired->published;
  stats_.skipped += fired->skipped;
  stats_.paused += fired->paused;
  batch_limit_ = std::min(batch_limit_ * 2, kMaxBatch);
  co_return std::optional(now);
}

// ---- in the background -------------------------------------------------------------------------

Task<void> Scheduler::loop() {
  Duration wait = kFirstPause;
  while (!background_.stopping()) {
    look_again_ = false;
    const auto next = co_await step();
    if (background_.stopping()) break;
    if (!next) {
      on_trouble_(next.error());
      co_await background_.rest(wait);
      wait = std::min(wait * 2, kLongestPause);
      continue;
    }
    wait = kFirstPause;
    if (look_again_ || (*next && **next <= clock_.wall())) continue;
    co_await background_.rest_until(alarm_, *next);
  }
}

void Scheduler::changed() {
  if (told_.exchange(true)) return;
  asio::post(executor_, [this] {
    told_ = false;
    look_again_ = true;
    background_.wake();
  });
}

void Scheduler::run() {
  background_.run(loop());
}

Task<void> Scheduler::stop() {
  co_await background_.stop();
}

}  // namespace personas::triggers
