// Windows: how several events of a subscription become one run. A row while one is open; its
// matches are the events it has gathered.
#pragma once

#include <optional>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/model/signals.hpp"
#include "personas/model/subscription.hpp"
#include "personas/store/store.hpp"

namespace personas::bus {

// A debounce that never came to rest would never run.
inline constexpr std::int64_t kMaxDebounces = 10;
inline constexpr std::int64_t kWindowsAtOnce = 20;  // of one transaction
inline constexpr std::int64_t kMaxGathered = 1'000;

struct DueWindow {
  TenantId tenant;
  SubscriptionId subscription;
};
struct DueWindows {
  std::vector<DueWindow> windows;
  std::optional<Timestamp> next;
};
// Opens it, or takes one more event into account. Returns when it ends.
Result<Timestamp> extend_window(store::Transaction& tx, const TenantId& tenant,
                                const Subscription& subscription, Timestamp now);
Result<DueWindows> due_windows(store::Transaction& tx, Timestamp now);
Result<void> drop_window(store::Transaction& tx, const DueWindow& window);

struct Gathered {
  std::vector<Event> events;  // oldest first
  codec::RawJson input;       // {"events": [what each alone would have given]}
};
Result<Gathered> gathered_events(store::Transaction& tx, const DueWindow& window,
                                 const Subscription& subscription);

}  // namespace personas::bus
