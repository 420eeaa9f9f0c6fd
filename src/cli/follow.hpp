// Follows one execution to its end over its event stream, through broken connections, restarts of
// the server and the time it waits for a person or for its provider.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "personas/model/execution.hpp"

#include "api.hpp"
#include "interrupt.hpp"
#include "live_view.hpp"
#include "sse.hpp"
#include "status_line.hpp"

namespace personas::cli {

// Tries in a row that brought nothing: with the pauses below about a minute and a half, longer than
// a restart or an upgrade of the server takes.
inline constexpr int kMaxFruitlessTries = 20;
inline constexpr Duration kFirstPause = milliseconds(200);
inline constexpr Duration kLongestPause = seconds(5);
// So often a queued execution is asked what it waits for; its stream does not say.
inline constexpr Duration kAskWhy = seconds(3);

enum class Format : std::uint8_t { kText, kJson };
enum class Rendering : std::uint8_t { kReadable, kRaw };

struct FollowOptions {
  Format format = Format::kText;
  Rendering rendering = Rendering::kReadable;
};

// How following ended: the execution as it is at its end, or nothing when the person left before.
using Followed = std::optional<Execution>;

class Follower {
 public:
  Follower(Context& context, std::string execution_id, FollowOptions options);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Shows everything from the start of the execution. Resumes after the last event seen when the
  // connection breaks.
  Task<Result<Followed>> run();

 private:
  enum class Ended : std::uint8_t { kFinal, kBroken, kLeft };
  // What outlives us for a moment in the tasks beside.
  struct Shown;

  Task<Result<Ended>> read_once();
  bool take_piece(std::string_view piece);
  void take_event(const SseEvent& event);
  void show_raw(const boost::json::object& data);
  void take_happening(Happening happening, char key);
  void leave();
  void draw();
  void ask_why();
  bool is_text() const { return options_.format == Format::kText; }

  Context& context_;
  Api api_;
  std::string id_;
  FollowOptions options_;
  std::shared_ptr<Shown> shown_;
  Interrupt interrupt_;
  SseParser parser_;
  std::string last_event_id_;
  std::optional<Error> trouble_;  // of the present connection
  std::size_t frame_ = 0;
  Instant asked_why_;
  bool final_seen_ = false;
  bool was_connected_ = false;
  bool got_events_ = false;  // on the present connection
  bool left_ = false;
};

}  // namespace personas::cli
