#include "attempt.hpp"

#include <csignal>
#include <sys/socket.h>
#include <sys/wait.h>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "personas/base/bytes.hpp"

#include "process_tree.hpp"

namespace personas::sandbox_linux {

using boost::system::error_code;
using sandbox::Ending;
using sandbox::Isolation;
using sandbox::RunOutcome;
constexpr auto kWaitRead = boost::asio::posix::descriptor_base::wait_read;

Attempt::Attempt(boost::asio::any_io_executor executor, Clock& clock,
                 sandbox::RunListener& listener, std::shared_ptr<ReadBuffer> buffer,
                 std::function<void(Folder)> wipe, AttemptSettings settings)
    : executor_(executor),
      clock_(clock),
      listener_(&listener),
      buffer_(std::move(buffer)),
      wipe_(std::move(wipe)),
      settings_(std::move(settings)),
      process_(executor),
      control_(executor),
      stdin_(executor),
      stdout_{Descriptor(executor), &sandbox::RunListener::on_stdout},
      stderr_{Descriptor(executor), &sandbox::RunListener::on_stderr},
      session_timer_(executor),
      idle_timer_(executor),
      end_timer_(executor),
      started_(clock.now()),
      last_output_(started_) {}

Attempt::~Attempt() = default;

void Attempt::run(Launched launched, Folder folder) {
  folder_ = std::move(folder);
  session_ = SessionFiles(folder_.home(), folder_.workspace(), std::move(settings_.session));
  supervisor_ = launched.pid;
  process_.assign(launched.process.release());
  control_.assign(launched.control.release());
  stdin_.assign(launched.agent_stdin.release());
  stdout_.descriptor.assign(launched.agent_stdout.release());
  stderr_.descriptor.assign(launched.agent_stderr.release());
  watch_control();
  watch_supervisor();
  write_stdin();
  arm(stdout_);
  arm(stderr_);
  watch_idle();
}

void Attempt::fail_to_start(Ending ending, std::string detail, Folder folder) {
  folder_ = std::move(folder);
  set_ending(ending, std::move(detail));
  boost::asio::post(executor_, [self = shared_from_this()] { self->on_tree_gone(); });
}

// ---- streams ------------------------------------------------------------------------------------

void Attempt::arm(Stream& stream) {
  if (stream.armed || paused_ || !stream.descriptor.is_open()) return;
  stream.armed = true;
  stream.descriptor.async_wait(kWaitRead, [self = shared_from_this(), &stream](error_code error) {
    stream.armed = false;
    if (!error) self->read(stream);
  });
}

void Attempt::read(Stream& stream) {
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    // A callback may pause or abandon us at any time.
    if (paused_ || !stream.descriptor.is_open()) return;
    ssize_t got = ::read(stream.descriptor.native_handle(), buffer_->data(), buffer_->size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (got <= 0) {
      stream.descriptor.close();
      return finish_if_drained();
    }
    last_output_ = clock_.now();
    // First: what the agent says must not be known where the session it belongs to is not.
    if (&stream == &stdout_) look_at_session();
    take(stream, std::string_view(buffer_->data(), static_cast<std::size_t>(got)));
  }
  arm(stream);
}

void Attempt::take(Stream& stream, std::string_view bytes) {
  if (&stream == &stderr_ && stderr_start_.size() < kDetailBytes) {
    stderr_start_.append(bytes.substr(0, kDetailBytes - stderr_start_.size()));
  }
  const std::int64_t room = settings_.max_output_bytes - output_bytes_;
  output_bytes_ += static_cast<std::int64_t>(bytes.size());
  if (room < static_cast<std::int64_t>(bytes.size())) {
    bytes = bytes.substr(0, static_cast<std::size_t>(std::max<std::int64_t>(room, 0)));
    end_because(Ending::kOutputLimit);
  }
  if (listener_ != nullptr && !bytes.empty()) (listener_->*stream.deliver)(bytes);
}

void Attempt::resume_reading() {
  if (!paused_) return;
  paused_ = false;
  last_output_ = clock_.now();
  // Not here: what is read would come out inside the caller's call.
  boost::asio::post(executor_, [self = shared_from_this()] {
    if (self->paused_ || self->finished_) return;
    self->arm(self->stdout_);
    self->arm(self->stderr_);
    self->session_later(kSessionLook);
    if (self->tree_gone_) self->on_tree_gone();
  });
  watch_idle();
}

// ---- session ------------------------------------------------------------------------------------

// Called when the agent has written something; its session files may have grown, or will soon.
void Attempt::look_at_session() {
  if (!session_.enabled()) return;
  quiet_ = kSessionLook;
  if (last_output_ < next_look_) return session_later(next_look_ - last_output_);
  session_.look();
  tell_session();
}

void Attempt::tell_session() {
  next_look_ = clock_.now() + kSessionLook;
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    if (paused_ || listener_ == nullptr) return;
    const auto piece = session_.next();
    if (!piece) return session_later(quiet_);
    listener_->on_session(*piece);
  }
  session_later(Duration::zero());
}

// One timer: what is due sooner wins.
void Attempt::session_later(Duration wait) {
  if (!session_.enabled() || tree_gone_) return;
  const Instant due = clock_.now() + wait;
  if (due >= session_due_) return;
  session_due_ = due;
  session_timer_.expires_after(wait);
  session_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (error) return;
    self->session_due_ = Instant::never();
    if (self->paused_ || self->tree_gone_) return;
    self->quiet_ = std::min<Duration>(self->quiet_ * 2, kSessionLookSlowest);
    self->session_.look();
    self->tell_session();
  });
}

// The tree is gone and the streams are read: nothing grows any more.
void Attempt::finish_session() {
  session_timer_.cancel();
  session_.look();
  while (!paused_ && listener_ != nullptr) {
    const auto piece = session_.next();
    if (!piece) {
      session_told_ = true;
      return;
    }
    listener_->on_session(*piece);
  }
  session_told_ = listener_ == nullptr;
}

void Attempt::write_stdin() {
  if (!stdin_.is_open()) return;
  while (stdin_written_ < settings_.stdin_text.size()) {
    ssize_t wrote = ::write(stdin_.native_handle(), settings_.stdin_text.data() + stdin_written_,
                            settings_.stdin_text.size() - stdin_written_);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      stdin_.async_wait(boost::asio::posix::descriptor_base::wait_write,
                        [self = shared_from_this()](error_code error) {
                          if (!error) self->write_stdin();
                        });
      return;
    }
    if (wrote < 0) break;  // the agent closed its stdin: it has read what it wanted
    stdin_written_ += static_cast<std::size_t>(wrote);
  }
  stdin_.close();
}

void Attempt::close_streams() {
  error_code ignored;
  stdin_.close(ignored);
  stdout_.descriptor.close(ignored);
  stderr_.descriptor.close(ignored);
}

void Attempt::watch_idle() {
  if (!settings_.idle_limit || paused_ || tree_gone_) return;
  const Duration silent = clock_.now() - last_output_;
  if (silent >= *settings_.idle_limit) return end_because(Ending::kIdleLimit);
  idle_timer_.expires_after(*settings_.idle_limit - silent);
  idle_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->watch_idle();
  });
}

// ---- supervisor ---------------------------------------------------------------------------------

void Attempt::send(const Command& command) {
  if (!control_.is_open()) return;
  static_cast<void>(
      !::send(control_.native_handle(), &command, sizeof command, MSG_NOSIGNAL | MSG_DONTWAIT));
}

void Attempt::renew_lease(Instant until) {
  send({.kind = CommandKind::kRenew, .lease_until = until.micros});
}

void Attempt::end_because(Ending ending) {
  if (our_reason_ || tree_gone_ || outcome_) return;
  our_reason_ = ending;
  send({.kind = CommandKind::kKill});
  end_timer_.expires_after(kKillGrace);
  end_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (error || self->tree_gone_ || self->supervisor_ == 0) return;
    ::kill(self->supervisor_, SIGKILL);  // unreaped, so the pid is still its own
  });
}

void Attempt::kill() {
  // Dead already, but a paused reader has not taken all: it does not want the rest.
  if (tree_gone_ && !finished_ && outcome_) {
    close_streams();
    session_told_ = true;
    boost::asio::post(executor_, [self = shared_from_this()] { self->finish_if_drained(); });
    return;
  }
  end_because(Ending::kKilled);
}

void Attempt::abandon() {
  listener_ = nullptr;
  paused_ = false;
  if (finished_) return;
  if (tree_gone_) return on_tree_gone();
  end_because(Ending::kKilled);
  arm(stdout_);  // drains to the end, unheard
  arm(stderr_);
}

void Attempt::watch_control() {
  control_.async_wait(kWaitRead, [self = shared_from_this()](error_code error) {
    if (error) return;
    self->read_reports();
    if (self->control_.is_open()) self->watch_control();
  });
}

void Attempt::read_reports() {
  while (control_.is_open()) {
    Report report;
    ssize_t got = ::recv(control_.native_handle(), &report, sizeof report, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got != ssize_t{sizeof report}) {
      control_.close();  // on_supervisor_ended() follows
      return;
    }
    on_report(report);
  }
}

void Attempt::on_report(const Report& report) {
  if (report.kind == ReportKind::kStarted || outcome_) return;
  if (report.kind == ReportKind::kRefused) {
    explain_refusal(report);
  } else {
    explain_end(report);
  }
  on_tree_gone();
}

void Attempt::watch_supervisor() {
  process_.async_wait(kWaitRead, [self = shared_from_this()](error_code error) {
    if (!error) self->on_supervisor_ended();
  });
}

void Attempt::on_supervisor_ended() {
  read_reports();
  error_code ignored;
  control_.close(ignored);
  process_.close(ignored);
  {
    SupervisorGuard guard;
    ::waitpid(supervisor_, nullptr, 0);
    guard.remove(supervisor_);
  }
  supervisor_ = 0;
  if (outcome_) return;
  set_ending(Ending::kSupervisorLost, "the supervisor of the attempt was killed");
  if (our_reason_) outcome_->ending = *our_reason_;
  sweep();
}

void Attempt::sweep() {
  if (sweep_orphans() == 0) return on_tree_gone();
  end_timer_.expires_after(kSweepAgain);
  end_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->sweep();
  });
}

// ---- the end ------------------------------------------------------------------------------------

void Attempt::set_ending(Ending ending, std::string detail) {
  RunOutcome outcome;
  outcome.ending = ending;
  outcome.detail = std::move(detail);
  outcome.isolation = settings_.isolation;
  outcome_ = std::move(outcome);
}

void Attempt::explain_refusal(const Report& refused) {
  const std::string why = std::strerror(refused.error);
  const bool is_missing = refused.error == ENOENT || refused.error == ENOTDIR;
  if (refused.stage == Stage::kWorkspace) {
    return set_ending(Ending::kWorkspaceFailed, "cannot enter the workspace: " + why);
  }
  if (refused.stage == Stage::kExec && settings_.isolation == Isolation::kNone) {
    return set_ending(is_missing ? Ending::kNotFound : Ending::kSandboxRefused,
                      "cannot start the program: " + why);
  }
  set_ending(Ending::kSandboxRefused,
             fmt::format("the supervisor could not set up the attempt (stage {}): {}",
                         static_cast<int>(refused.stage), why));
}

void Attempt::explain_end(const Report& gone) {
  const int status = gone.status;
  switch (gone.cause) {
    case Cause::kLease:
      return set_ending(Ending::kLeaseLost, "the lease ended without renewal");
    case Cause::kWallLimit:
      return set_ending(Ending::kWallLimit, "it ran into its time limit");
    case Cause::kCommand:
    case Cause::kWorkerLost:
      return set_ending(our_reason_.value_or(Ending::kKilled), {});
    case Cause::kNone:
    case Cause::kAgentEnded:
      break;
  }
  if (our_reason_ == Ending::kOutputLimit) return set_ending(Ending::kOutputLimit, {});
  set_ending(Ending::kExited, settings_.detail);
  if (WIFSIGNALED(status)) {
    outcome_->ending = Ending::kSignalled;
    outcome_->signal = WTERMSIG(status);
    return;
  }
  outcome_->exit_code = WEXITSTATUS(status);
  if (settings_.isolation != Isolation::kNamespaces) return;
  if (gone.agent_ran == 0) {
    // The words of bubblewrap are in stderr, which may not be read yet: finish_if_drained() looks.
    outcome_->ending = Ending::kSandboxRefused;
  } else if (outcome_->exit_code > 128 && outcome_->exit_code < 128 + SIGRTMIN) {
    // bubblewrap tells of a signal as a shell does; so an exit with such a code looks the same.
    outcome_->ending = Ending::kSignalled;
    outcome_->signal = outcome_->exit_code - 128;
    outcome_->exit_code = 0;
  }
}

void Attempt::on_tree_gone() {
  if (!tree_gone_) outcome_->duration = clock_.now() - started_;
  tree_gone_ = true;
  idle_timer_.cancel();
  end_timer_.cancel();
  // Whoever ended it, or lost it, does not wait for what a paused reader has not taken.
  if (paused_ && (our_reason_ || outcome_->ending == Ending::kLeaseLost)) {
    close_streams();
    session_told_ = true;
  }
  if (!paused_) {
    end_timer_.expires_after(kStreamEndGrace);
    end_timer_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->paused_) return;
      self->close_streams();
      self->finish_if_drained();
    });
  }
  finish_if_drained();
}

void Attempt::finish_if_drained() {
  if (finished_ || !tree_gone_ || stdout_.descriptor.is_open() || stderr_.descriptor.is_open()) {
    return;
  }
  if (session_.enabled() && !session_told_) finish_session();
  if (session_.enabled() && !session_told_) return;  // paused: goes on when it is resumed
  // What heard of the session may have ended us.
  if (finished_) return;
  finished_ = true;
  error_code ignored;
  stdin_.close(ignored);
  end_timer_.cancel();
  if (outcome_->ending == Ending::kSandboxRefused && outcome_->detail.empty()) {
    outcome_->detail = to_valid_utf8(stderr_start_);
    if (stderr_start_.starts_with("bwrap: execvp")) {
      outcome_->ending = Ending::kNotFound;
      outcome_->detail = "the program or its interpreter is not visible inside the sandbox";
    }
  }
  if (folder_.lock_fd() >= 0) wipe_(std::move(folder_));
  // The listener may destroy the run, and with it everything but this call's own reference.
  auto self = shared_from_this();
  if (auto* listener = std::exchange(listener_, nullptr)) listener->on_exit(*outcome_);
}

}  // namespace personas::sandbox_linux
