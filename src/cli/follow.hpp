// Follows one execution to its end over its event stream, through broken connections.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "personas/model/execution.hpp"

#include "api.hpp"
#include "output_view.hpp"
#include "sse.hpp"

namespace personas::cli {

// Tries in a row that brought nothing: with the pauses below about a minute and a half, longer than
// a restart or an upgrade of the server takes.
inline constexpr int kMaxFruitlessTries = 20;
inline constexpr Duration kFirstPause = milliseconds(200);
inline constexpr Duration kLongestPause = seconds(5);

enum class Format : std::uint8_t { kText, kJson };

class Follower {
 public:
  Follower(Context& context, std::string execution_id, Format format)
      : context_(context),
        api_(context),
        id_(std::move(execution_id)),
        format_(format),
        view_(context.terminal) {}

  // Shows everything from the start of the execution; returns it as it is at its end. Resumes
  // after the last event seen when the connection breaks.
  Task<Result<Execution>> run();

 private:
  enum class Ended : std::uint8_t { kFinal, kBroken };

  Task<Result<Ended>> read_once();
  bool take_piece(std::string_view piece);
  void take_event(const SseEvent& event);
  void show_event(const SseEvent& event);
  void show_status(const boost::json::object& data);
  void show_output(const boost::json::object& data);
  void note(std::string_view text);

  Context& context_;
  Api api_;
  std::string id_;
  Format format_;
  OutputView view_;
  SseParser parser_;
  std::string last_event_id_;
  std::string last_status_;
  std::optional<Error> trouble_;  // of the present connection
  bool final_seen_ = false;
  bool was_connected_ = false;
  bool got_events_ = false;  // on the present connection
};

}  // namespace personas::cli
