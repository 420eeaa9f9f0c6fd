// What a polling trigger sees, and whether that is a change. Pure.
//
// A look brings a text: the body of a URL, or what a command printed. What counts of it becomes a
// cursor, which is kept; another cursor is a change. A 304 is none, whatever counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/triggers/config.hpp"

namespace personas::triggers {

// Of one look; what is larger is an error of the look. Times kMaxLooks (poller.hpp) in memory.
inline constexpr std::size_t kMaxPolledBytes = 2 * 1024 * 1024;
// Of it in the payload of the event; the rest is cut.
inline constexpr std::size_t kMaxShownBytes = 64 * 1024;
// Of a path's value that is kept, to tell the one before; of a longer one only its hash is.
inline constexpr std::size_t kMaxKeptValue = 4 * 1024;
// Pauses after a look that failed: doubled with each in a row.
inline constexpr Duration kFirstBackOff = seconds(30);
inline constexpr Duration kLongestBackOff = hours(1);

// What is remembered of a trigger's looks, as its row.
struct PollState {
  TriggerId id;
  std::string watched;                     // what the cursor is of; another config begins anew
  std::optional<std::string> cursor = {};  // none: nothing was seen yet
  std::optional<std::string> value = {};   // of a path, as JSON
  std::optional<std::string> etag = {};    // the answer's own marks, sent with the next look
  std::optional<std::string> last_modified = {};
  std::int64_t changes = 0;
  std::int64_t failures = 0;  // looks in a row that failed
  std::optional<Timestamp> looked_at = {};
  bool looking = false;  // at a URL, under a lease
  // Of a command that runs: the slot it looks for, and itself.
  std::optional<Timestamp> slot = {};
  std::optional<ExecutionId> execution_id = {};
};

// Fingerprint of what the config watches.
std::string watched_by(const TriggerConfig& config);

struct Looked {
  std::string text = {};
  std::string etag = {};
  std::string last_modified = {};
  bool not_modified = false;
};

enum class Change : std::uint8_t { kNone, kFirst, kChanged };

// Moves the state to what was seen; `state.changes` counts what is a change to `config`, the first
// look only if it is told to fire. kUnprocessable: there is nothing to compare, and why.
Result<Change> advance(PollState& state, const TriggerConfig& config, const Looked& looked);
bool fires(Change change, const TriggerConfig& config);

// Of the event, for a config without one of its own. `before` is the state that `after` came of.
std::string change_payload(const Trigger& trigger, const TriggerConfig& config, Timestamp slot,
                           const PollState& before, const PollState& after, const Looked& looked);

Duration back_off(std::int64_t failures);

// Checks a path as it is saved: as those of filters, with or without a leading "$.".
Result<void> check_json_path(const std::string& path);

}  // namespace personas::triggers

namespace personas::codec {

template <>
struct Described<triggers::PollState> {
  using P = triggers::PollState;
  static constexpr std::string_view name = "PollState";
  static constexpr auto fields = std::tuple{field("id", &P::id),
                                            field("watched", &P::watched),
                                            field("cursor", &P::cursor),
                                            field("value", &P::value),
                                            field("etag", &P::etag),
                                            field("lastModified", &P::last_modified),
                                            field("changes", &P::changes),
                                            field("failures", &P::failures),
                                            field("lookedAt", &P::looked_at),
                                            field("looking", &P::looking),
                                            field("slot", &P::slot),
                                            field("executionId", &P::execution_id)};
};

}  // namespace personas::codec
