#include "virtual/link.hpp"

#include <utility>

namespace personas::virtual_world {

void Connection::schedule(Side to, Instant when, std::function<void(Ear&)> what) {
  scheduler_.at(when, [self = shared_from_this(), to, what = std::move(what)] {
    if (!self->open(to) || self->black_hole_) return;
    self->hear(to, what);
  });
}

void Connection::hear(Side side, const std::function<void(Ear&)>& what) {
  if (ears_[index(side)].on_text) {
    what(ears_[index(side)]);
  } else {
    unheard_[index(side)].push_back(what);
  }
}

void Connection::listen(Side side, Ear ear) {
  ears_[index(side)] = std::move(ear);
  for (const auto& what : std::exchange(unheard_[index(side)], {})) {
    schedule(side, scheduler_.now(), what);
  }
}

void Connection::deliver(Side from, std::function<void(Ear&)> what) {
  if (!open(from) || black_hole_) return;
  const Side to = other(from);
  const Instant when = std::max(
      scheduler_.now() + between(random_, weather_.min_delay, weather_.max_delay), stalled_until_);
  auto& last = last_delivery_[index(to)];
  if (!orderly_) {
    if (chance(random_, weather_.drop)) return;
    if (chance(random_, weather_.duplicate)) {
      schedule(to, when + between(random_, milliseconds(0), seconds(3)), what);
    }
    if (chance(random_, weather_.reorder)) {
      return schedule(to, when + between(random_, milliseconds(0), seconds(1)), std::move(what));
    }
  }
  last = std::max(last, when);
  schedule(to, last, std::move(what));
}

void Connection::send(Side from, std::string text) {
  deliver(from, [text = std::move(text)](Ear& ear) { ear.on_text(text); });
}

void Connection::close(Side from) {
  if (!open(from)) return;
  const Side to = other(from);
  const Instant when =
      std::max({last_delivery_[index(to)], stalled_until_,
                scheduler_.now() + between(random_, weather_.min_delay, weather_.max_delay)});
  schedule(to, when, [self = shared_from_this(), to](Ear& ear) {
    self->open_[index(to)] = false;
    ear.on_closed();
  });
  open_[index(from)] = false;
}

void Connection::cut() {
  black_hole_ = true;
  for (const Side side : {Side::kWorker, Side::kHub}) {
    scheduler_.after(between(random_, weather_.min_delay, weather_.max_delay),
                     [self = shared_from_this(), side] {
                       if (!self->open(side)) return;
                       self->open_[index(side)] = false;
                       self->hear(side, [](Ear& ear) { ear.on_closed(); });
                     });
  }
}

}  // namespace personas::virtual_world
