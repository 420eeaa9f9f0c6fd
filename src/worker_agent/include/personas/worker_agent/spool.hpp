// The frames of one run that the orchestrator has not confirmed, in memory, in order.
// Nothing of a run is ever dropped here: a full spool stops the reading of the agent's pipe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

namespace personas::worker_agent {

// How much the driver may take from one pipe at a time. After PauseReading it may still hand over
// what it had read, once for each of the two pipes.
inline constexpr std::size_t kMaxReadBytes = 32 * 1024;
// The completion; longer texts in it are cut, longer values left out.
inline constexpr std::size_t kMaxCompleteBytes = 256 * 1024;
// One protocol event; a longer one is left out and counted. The output still has its text.
inline constexpr std::size_t kMaxEventBytes = 256 * 1024;
// Turns that a run which ends sends although it is paused.
inline constexpr int kTurnsPastPause = 4;
// What may still come after PauseReading. One byte of output is at most six of JSON ("\u0000");
// twice, because every line may come as an event too, one of them begun in an earlier read. Turns
// and session bytes wait too, but for one piece that is on its way and the last turns.
inline constexpr std::size_t kSpoolReserve =
    2 * 2 * kMaxReadBytes * 6 + (2 + kTurnsPastPause) * kMaxEventBytes + kMaxCompleteBytes;
// What a frame costs beside its text.
inline constexpr std::size_t kFrameOverhead = 64;

// Reading pauses at these marks and goes on at half of them. Hard limits are the marks plus
// kSpoolReserve for each run; a run that passes its hard limit is killed (its driver is wrong).
struct SpoolLimits {
  std::size_t pause_run = 3 * 1024 * 1024;     // a few minutes of a talkative agent
  std::size_t pause_total = 32 * 1024 * 1024;  // so that a worker fits a 256 MB machine
};

class Spool {
 public:
  struct Frame {
    std::int64_t seq;
    std::string text;
  };

  std::int64_t last_seq() const { return last_seq_; }      // 0: nothing was written yet
  std::int64_t trimmed_to() const { return trimmed_to_; }  // everything up to here is confirmed
  std::size_t bytes() const { return bytes_; }
  const std::deque<Frame>& frames() const { return frames_; }

  std::int64_t next_seq() const { return last_seq_ + 1; }
  // `text` is the frame with seq next_seq().
  void push(std::string text);
  // Forgets frames up to and including `seq`; returns the bytes this freed.
  std::size_t trim(std::int64_t seq);

 private:
  std::deque<Frame> frames_;
  std::size_t bytes_ = 0;
  std::int64_t last_seq_ = 0;
  std::int64_t trimmed_to_ = 0;
};

}  // namespace personas::worker_agent
