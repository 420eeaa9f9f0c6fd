// Following the journal as server-sent events.
//
//   id: <opaque cursor>
//   event: execution.output
//   data: {"at":"2026-…","executionId":…,…,"chunk":"text"}
//
// A stream reads the journal by position and is woken by the feed, so a slow reader costs only its
// own lag. It ends when the client goes, when the feed closes (drain), or, for one execution, after
// the record of its final status.
#pragma once

#include <string>
#include <vector>

#include "personas/async/task.hpp"
#include "personas/base/id.hpp"
#include "personas/net/http.hpp"
#include "personas/operations/operation.hpp"
#include "personas/store/journal.hpp"

namespace personas::operations {

// Silence after which a comment is sent, so that proxies keep the connection and we notice that the
// client has gone.
inline constexpr Duration kKeepAlive = seconds(15);
// What is gathered before it is sent: bounds the memory of one follower.
inline constexpr std::size_t kMaxPiece = 256 * 1024;
inline constexpr std::size_t kMaxRecordsPerRead = 200;

struct Follow {
  TenantId tenant;
  store::JournalPosition after;
  std::string execution_id = {};        // empty: any
  std::string persona_id = {};          // empty: any
  std::vector<std::string> types = {};  // empty: any
  enum class End : std::uint8_t { kNever, kWithExecution } end = End::kNever;
};

Reply event_stream(Services& services, Follow follow);

}  // namespace personas::operations
