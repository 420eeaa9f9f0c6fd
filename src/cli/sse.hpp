// Server-sent events (WHATWG HTML, "event stream"), from pieces cut anywhere.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"

namespace personas::cli {

// One event. An output block is at most a worker's frame of 1 MiB, as JSON at worst six times that.
inline constexpr std::size_t kMaxSseEventBytes = 8 * 1024 * 1024;

struct SseEvent {
  std::string type = "message";
  std::string id;  // the last id seen, also when this event brought none
  std::string data;
  bool operator==(const SseEvent&) const = default;
};

// One per connection. An unfinished event at the end of a connection is dropped, as it should be:
// it comes again after a resume. Not thread-safe; pure.
class SseParser {
 public:
  explicit SseParser(std::string last_id = {}) : id_(std::move(last_id)) {}

  // Appends the events that `piece` completes. kPayloadTooLarge ends the use of this parser.
  Result<void> feed(std::string_view piece, std::vector<SseEvent>& events);

 private:
  void take_line(std::string_view line, std::vector<SseEvent>& events);

  std::string line_;
  std::string type_;
  std::string data_;
  std::string id_;
  bool has_data_ = false;
  bool after_cr_ = false;  // a "\n" that follows belongs to the line end before
};

}  // namespace personas::cli
