// What happens beside a command that waits: time passes, a person presses Ctrl-C or a key.
//
// A port, so that the commands stay on one task and tests decide when something happens. Used from
// the command's own loop only; everything reported arrives there too, never inside another report.
#pragma once

#include <cstdint>
#include <functional>

#include "personas/async/task.hpp"
#include "personas/base/time.hpp"

namespace personas::cli {

// How often time is reported: a spinner turns smoothly, and the cost is not measurable.
inline constexpr Duration kTick = milliseconds(120);

enum class Happening : std::uint8_t {
  kTick,
  kInterrupt,  // Ctrl-C
  kKey,
  kPause,   // the program is about to be stopped: nothing live may stay behind
  kResize,  // the window has another width, or the program was stopped and goes on
};

enum class Answers : std::uint8_t { kNobody, kSomebody };

class Attention {
 public:
  using Listener = std::function<void(Happening happening, char key)>;
  virtual ~Attention() = default;

  // From now on Ctrl-C is reported instead of ending the process and, at a terminal, keys are
  // reported instead of shown. An empty listener ends that: the terminal is as it was before.
  virtual void watch(Listener listener) = 0;
  // Whether a person is there to be asked: keys come from the terminal that shows our words.
  virtual Answers answers() const = 0;
  // Runs a task beside the command's. What has not ended with the command is abandoned.
  virtual void beside(Task<void> task) = 0;
  // Ends the command with this exit code, whatever it waits for. It may run on for a moment.
  virtual void leave(int exit_code) = 0;
};

}  // namespace personas::cli
