// The worker's side of one attempt: its streams, limits and end. Private.
//
// Lives as long as its operations do (shared by their handlers); the Run that the caller holds is a
// handle on it. Everything happens on the sandbox's executor.
//
// The end has an order: the supervisor reports that the tree is gone (or dies, and we sweep), both
// streams come to their end (at most kStreamEndGrace later, not counted while reading is paused),
// what is new of the session is told, the folder is given to be wiped, and on_exit is called.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "personas/base/clock.hpp"
#include "personas/sandbox/sandbox.hpp"

#include "channel.hpp"
#include "folder.hpp"
#include "launcher.hpp"
#include "session_files.hpp"

namespace personas::sandbox_linux {

// After the tree is gone nobody of it can write; only a process outside that was handed the
// descriptor can keep a stream open, and it is not waited for.
inline constexpr Duration kStreamEndGrace = seconds(1);
// A supervisor that has not ended the tree this long after it was told to is killed itself, which
// ends the agent by its death signal.
inline constexpr Duration kKillGrace = seconds(10);
inline constexpr Duration kSweepAgain = milliseconds(10);
// A listener that pauses gets at most this much more than it wanted.
inline constexpr std::size_t kReadBytes = 32 * 1024;
inline constexpr int kReadsPerTurn = 8;  // then others have their turn
// How often session files are looked at while the agent writes; when it is silent the time between
// two looks doubles up to the slowest.
inline constexpr Duration kSessionLook = milliseconds(100);
inline constexpr Duration kSessionLookSlowest = seconds(5);
// The start of stderr that is kept to explain a refusal by bubblewrap.
inline constexpr std::size_t kDetailBytes = 512;

using ReadBuffer = std::array<char, kReadBytes>;

struct AttemptSettings {
  sandbox::Isolation isolation = sandbox::Isolation::kNone;
  std::string detail;  // for example why a weaker isolation is used
  std::optional<Duration> idle_limit;
  std::int64_t max_output_bytes = 0;
  std::string stdin_text;
  sandbox::SessionPolicy session;
};

class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(boost::asio::any_io_executor executor, Clock& clock, sandbox::RunListener& listener,
          std::shared_ptr<ReadBuffer> buffer, std::function<void(Folder)> wipe,
          AttemptSettings settings);
  ~Attempt();

  // Exactly one of these, once.
  void run(Launched launched, Folder folder);
  void fail_to_start(sandbox::Ending ending, std::string detail, Folder folder);

  void renew_lease(Instant until);
  void kill();
  void pause_reading() { paused_ = true; }
  void resume_reading();
  // The listener is not called any more; the tree is killed.
  void abandon();

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;
  using Deliver = void (sandbox::RunListener::*)(std::string_view);
  struct Stream {
    Descriptor descriptor;
    Deliver deliver;
    bool armed = false;
  };

  void arm(Stream& stream);
  void read(Stream& stream);
  void take(Stream& stream, std::string_view bytes);
  void look_at_session();
  void tell_session();
  void session_later(Duration wait);
  void finish_session();
  void close_streams();
  void write_stdin();
  void watch_idle();
  void watch_control();
  void read_reports();
  void on_report(const Report& report);
  void watch_supervisor();
  void on_supervisor_ended();
  void sweep();
  void end_because(sandbox::Ending ending);
  void send(const Command& command);
  void set_ending(sandbox::Ending ending, std::string detail);
  void explain_end(const Report& gone);
  void explain_refusal(const Report& refused);
  void on_tree_gone();
  void finish_if_drained();

  boost::asio::any_io_executor executor_;
  Clock& clock_;
  sandbox::RunListener* listener_;
  std::shared_ptr<ReadBuffer> buffer_;
  std::function<void(Folder)> wipe_;
  AttemptSettings settings_;
  Folder folder_;
  pid_t supervisor_ = 0;
  Descriptor process_;
  Descriptor control_;
  Descriptor stdin_;
  Stream stdout_;
  Stream stderr_;
  SessionFiles session_;
  boost::asio::steady_timer session_timer_;
  Instant next_look_;  // not before
  Instant session_due_ = Instant::never();
  Duration quiet_ = kSessionLook;  // to the look after the next
  bool session_told_ = false;      // to its end
  boost::asio::steady_timer idle_timer_;
  boost::asio::steady_timer end_timer_;  // kill grace, sweep, stream end: one after the other

  Instant started_;
  Instant last_output_;
  std::int64_t output_bytes_ = 0;
  std::size_t stdin_written_ = 0;
  std::string stderr_start_;
  bool paused_ = false;
  bool tree_gone_ = false;
  bool finished_ = false;
  std::optional<sandbox::Ending> our_reason_;  // why we told the supervisor to end it
  std::optional<sandbox::RunOutcome> outcome_;
};

}  // namespace personas::sandbox_linux
