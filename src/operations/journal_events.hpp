// Records of the journal as followers see them: each with its cursor, and with what the record only
// points to (a block of output, a turn). What server-sent events and WebSockets share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "personas/operations/operation.hpp"
#include "personas/operations/streams.hpp"

namespace personas::operations {

struct StreamEvent {
  std::string cursor;
  std::string type;
  std::string data;  // a JSON object: the time, the fields of the record, what it points to
};

struct EventBatch {
  std::vector<StreamEvent> events;
  std::size_t bytes = 0;  // of all data
  store::JournalPosition next;
  // kEnd: the execution that is followed to its end has ended.
  enum class Then : std::uint8_t { kWait, kReadOn, kEnd } then = Then::kWait;
};

// What follows `follow.after`, until `max_bytes` are reached.
Result<EventBatch> read_events(const Services& services, const Follow& follow,
                               std::size_t max_bytes, store::Transaction& tx);

// `data` is a JSON object: the record's own, or a turn's; `chunk` is the JSON text of an output
// record's block, or empty.
std::string event_data(Timestamp at, std::string_view data, std::string_view chunk);

// Adds the record types that "execution.*" or "message.created" stands for; false if there are
// none.
bool add_types(std::string_view wanted, std::vector<std::string>& types);

}  // namespace personas::operations
