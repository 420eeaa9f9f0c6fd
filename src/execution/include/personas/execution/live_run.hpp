// The orchestrator's side of one running attempt: takes its frames in order and turns them into
// batches to append. Masks released secrets, runs the protocol parser for workers that do not.
//
// At most one batch is in flight; what comes meanwhile is gathered into the next, so a fast agent
// costs few transactions and a slow one is never kept waiting. Pure; strand: the core's.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "personas/agents/stream.hpp"
#include "personas/agents/turns.hpp"
#include "personas/base/redactor.hpp"
#include "personas/execution/attempt_store.hpp"
#include "personas/wire/frames.hpp"
#include "personas/wire/protocol.hpp"

namespace personas::execution {

// One transaction writes at most this much of one run.
inline constexpr std::size_t kMaxBatchBytes = 2 * 1024 * 1024;
inline constexpr std::size_t kMaxBatchFrames = 512;
// Frames of one run that wait for the disk. A full worker's own spool is smaller; a seed worker
// has no back-pressure, and past this its connection is dropped.
inline constexpr std::size_t kMaxPendingBytes = 32 * 1024 * 1024;

// Who turns the agent's text into effects.
enum class Parsing : std::uint8_t {
  kByWorker,   // it sends `event` frames with protocol keys
  kByGateway,  // we run the parser over its stdout
};

class LiveRun {
 public:
  struct Identity {
    TenantId tenant;
    wire::RunKey run;
    PersonaId persona;
    WorkerId worker;
    std::string backend;
    std::string gate = {};
  };
  LiveRun(Identity identity, std::int64_t committed_seq)
      : identity_(std::move(identity)),
        committed_seq_(committed_seq),
        accepted_seq_(committed_seq),
        turns_(identity_.run.attempt) {}

  const Identity& identity() const { return identity_; }
  std::int64_t committed_seq() const { return committed_seq_; }
  std::int64_t accepted_seq() const { return accepted_seq_; }
  std::size_t pending_bytes() const { return pending_bytes_; }
  std::int64_t output_bytes() const { return output_bytes_; }
  bool ending() const { return end_.has_value(); }

  void set_parsing(Parsing parsing);
  void set_redactor(std::shared_ptr<const Redactor> redactor) { redactor_ = std::move(redactor); }
  // An adopted run whose text we parse has to see the text so far first.
  bool needs_replay() const { return needs_replay_; }
  void replayed(std::string_view text_so_far, Timestamp now);
  void must_replay() { needs_replay_ = true; }

  // Takes the next frame; its seq is accepted_seq() + 1.
  void add(std::int64_t seq, wire::WorkerFrame frame);
  void add_end(std::int64_t seq, AttemptEnd end);
  // An end that no frame carries (lost, refused): goes after what was taken.
  void end_without_frame(AttemptEnd end);

  // The next batch, or nullptr while one is in flight or there is nothing to write. After
  // batch_failed() the same one comes again.
  // `now` dates what is parsed here.
  std::shared_ptr<AppendRequest> next_batch(Timestamp now);
  void batch_committed();
  void batch_failed() { in_flight_ = false; }

 private:
  struct Pending {
    std::int64_t seq;
    wire::WorkerFrame frame;
    std::size_t bytes;
  };
  std::vector<FrameEntry> prepare();
  std::size_t prepare_text(std::size_t first, std::vector<FrameEntry>& prepared);
  void add_turns(std::int64_t seq, std::vector<FrameEntry>& prepared);
  void finish_parsing(std::vector<FrameEntry>& prepared);
  FrameEntry prepare_one(Pending& pending);
  void parse(std::string_view text, std::vector<Effect>& effects);
  void take_items(std::vector<agents::AgentItem>& items, std::vector<Effect>& effects);
  void complete_end();

  Identity identity_;
  std::int64_t committed_seq_;
  std::int64_t accepted_seq_;
  std::deque<Pending> pending_;
  std::size_t pending_bytes_ = 0;
  std::int64_t output_bytes_ = 0;
  std::optional<AttemptEnd> end_;
  std::int64_t end_seq_ = 0;

  std::shared_ptr<AppendRequest> batch_;  // masked and parsed, not committed
  bool in_flight_ = false;

  Parsing parsing_ = Parsing::kByWorker;
  bool needs_replay_ = false;
  std::optional<agents::AgentStream> stream_;
  agents::TurnTracker turns_;
  Timestamp now_{};
  std::optional<agents::Final> final_;  // what the CLI said at its end, when we parse
  std::shared_ptr<const Redactor> redactor_ = std::make_shared<const Redactor>();
};

// The worker's `complete` frame as the end of an attempt.
AttemptEnd to_end(const wire::Complete& frame);

}  // namespace personas::execution
