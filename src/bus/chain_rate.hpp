// How fast one chain may go: a token bucket for everything that came of one beginning.
//
// Depth alone bounds no chain: runs that emit ten events each, whose runs emit ten each, are a
// billion before they are ten deep. The bucket is of the chain's beginning and not of a persona or
// a trigger, so that a busy persona is not cut for being busy, and who began a flood pays alone.
//
// It is one moment: when the bucket will be full again. So it needs no clock of its own, a bucket
// that is full is no row, and what is forgotten was worth nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/store/store.hpp"

namespace personas::bus {

inline constexpr Duration kChainSpan = minutes(1);  // the rate is per so long, and so is the burst

// The bucket after one more event at `now`; nullopt, if it is empty. Pure. A moment further ahead
// than any event could have put it is of a clock that was set back since, and counts for nothing.
std::optional<Timestamp> take_from(Timestamp full_at, Timestamp now, std::int64_t rate);

// False: the chain has spent what it has. Also forgets a few buckets that are full.
Result<bool> take_of_chain(store::Transaction& tx, const TenantId& tenant, const std::string& root,
                           std::int64_t rate, Timestamp now);

}  // namespace personas::bus
