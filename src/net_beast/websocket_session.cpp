#include "websocket_session.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace personas::net_beast {
namespace {

using net::CloseCode;

// How long we read on after the last frame, so that the peer sees it before the socket closes.
constexpr Duration kLinger = seconds(2);
// One connection's share of a loop turn.
constexpr int kReadsPerTurn = 4;
// Buffers up to this size may stay with an idle connection.
constexpr std::size_t kIdleBytes = 256;

void release(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kIdleBytes) buffer = {};
}

}  // namespace

WebSocketSession::WebSocketSession(Loop& loop, Stream stream, FrameReader reader,
                                   FrameWriter writer, WebSocketLimits limits,
                                   std::string remote_address, std::shared_ptr<void> lease)
    : Peer(std::move(stream)),
      loop_(loop),
      executor_(loop.io.get_executor()),
      reader_(std::move(reader)),
      writer_(writer),
      limits_(limits),
      remote_address_(std::move(remote_address)),
      lease_(std::move(lease)) {}

void WebSocketSession::start(std::shared_ptr<net::WebSocketListener> listener,
                             std::string received) {
  listener_ = std::move(listener);
  stream_->clear_deadline();
  loop_.roster.enter(*this);
  if (state_ == State::kOpen && !received.empty()) {
    corked_ = true;
    process(received);
    corked_ = false;
  }
  flush();
  if (state_ != State::kGone) read();  // TLS may hold decrypted bytes that no wait would report
}

// --- what users call -----------------------------------------------------------------------------

void WebSocketSession::send(std::string text) {
  submit({Opcode::kText, std::move(text), {}});
}

void WebSocketSession::ping() {
  submit({Opcode::kPing, {}, {}});
}

void WebSocketSession::close(CloseCode code, std::string reason) {
  submit({Opcode::kClose, std::move(reason), code});
}

std::size_t WebSocketSession::queued_bytes() const {
  return queued_.load(std::memory_order_relaxed) + inbox_bytes_.load(std::memory_order_relaxed);
}

void WebSocketSession::submit(Command command) {
  if (gone_.load(std::memory_order_acquire)) return;
  if (executor_.running_in_this_thread()) {
    take_inbox();  // an earlier send of another thread goes first
    execute(command);
    return;
  }
  bool first = false;
  {
    const std::lock_guard lock(inbox_mutex_);
    first = inbox_.empty();
    const std::size_t bytes = command.text.size() + sizeof(Command);
    if (inbox_bytes_.load(std::memory_order_relaxed) + bytes > limits_.max_queue_bytes) {
      inbox_.clear();
      inbox_bytes_ = 0;
      command = {Opcode::kClose, "The peer does not read.", CloseCode::kPolicyViolation};
    }
    inbox_bytes_ += bytes;
    inbox_.push_back(std::move(command));
  }
  if (first) {
    boost::asio::post(executor_, [self = shared_from_this()] { self->take_inbox(); });
  }
}

void WebSocketSession::take_inbox() {
  if (inbox_bytes_.load(std::memory_order_relaxed) == 0) return;
  std::vector<Command> commands;
  {
    const std::lock_guard lock(inbox_mutex_);
    commands.swap(inbox_);
    inbox_bytes_ = 0;
  }
  for (const Command& command : commands) execute(command);
}

void WebSocketSession::execute(const Command& command) {
  if (state_ != State::kOpen) return;
  if (command.opcode != Opcode::kClose) {
    queue(command.opcode, command.text);
  } else if (command.code == CloseCode::kAbnormal) {
    report_close(command.code, command.text);
    abort();
  } else {
    begin_close(command.code, command.text);
  }
}

void WebSocketSession::drain() {
  begin_close(CloseCode::kGoingAway, "The server is stopping.");
}

void WebSocketSession::abort() {
  if (stream_) stream_->close();  // the pending wait ends and finds it closed
}

// --- sending -------------------------------------------------------------------------------------

void WebSocketSession::note_queue() {
  queued_.store(pending_.size() + writing_.size() - written_, std::memory_order_relaxed);
}

void WebSocketSession::queue(Opcode opcode, std::string_view payload) {
  if (state_ != State::kOpen) return;
  const std::size_t waiting = pending_.size() + writing_.size() - written_;
  const std::size_t frame = payload.size() + FrameWriter::overhead(payload.size());
  if (waiting + frame > limits_.max_queue_bytes) {
    pending_ = {};
    fail_with(CloseCode::kPolicyViolation, "The peer does not read what it is sent.");
    return;
  }
  writer_.append(pending_, opcode, payload);
  note_queue();
  schedule_flush();
}

void WebSocketSession::begin_close(CloseCode code, std::string_view reason) {
  if (state_ != State::kOpen) return;
  state_ = State::kClosing;
  writer_.append_close(pending_, code, reason);
  note_queue();
  close_by_ = loop_.roster.now() + limits_.close_deadline;
  if (stream_) stream_->set_deadline(close_by_);
  report_close(code, reason);
  schedule_flush();
}

void WebSocketSession::fail_with(CloseCode code, std::string_view reason) {
  begin_close(code, reason);
  end_when_flushed_ = true;
}

// In a later turn, so that no listener is called from inside its own call of send() or close().
void WebSocketSession::report_close(CloseCode code, std::string_view reason) {
  if (state_ == State::kOpen) state_ = State::kClosing;
  if (!listener_) return;
  boost::asio::post(executor_, [listener = std::exchange(listener_, nullptr), code,
                                text = std::string(reason)] { listener->on_close(code, text); });
}

void WebSocketSession::schedule_flush() {
  if (corked_ || flush_posted_ || write_waits_) return;
  flush_posted_ = true;
  boost::asio::post(executor_, [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void WebSocketSession::flush() {
  if (write_waits_ || state_ == State::kGone) return;
  for (;;) {
    if (written_ == writing_.size()) {
      written_ = 0;
      writing_.clear();
      if (pending_.empty()) return flushed();
      std::swap(writing_, pending_);
    }
    const IoResult result = stream_->try_write(std::string_view(writing_).substr(written_));
    if (result.io == Io::kDone) {
      written_ += result.bytes;
      note_queue();
    } else if (result.io == Io::kWantRead || result.io == Io::kWantWrite) {
      return await_writable(result.io);
    } else {
      return gone();
    }
  }
}

void WebSocketSession::await_writable(Io want) {
  write_waits_ = true;
  stream_->set_deadline(std::min(close_by_, loop_.roster.now() + limits_.write_deadline));
  stream_->when_ready(want, [self = shared_from_this()](boost::system::error_code error) {
    self->write_waits_ = false;
    if (self->state_ == State::kGone) return;
    self->stream_->set_deadline(self->close_by_);
    error ? self->gone() : self->flush();
  });
}

void WebSocketSession::flushed() {
  note_queue();
  release(writing_);
  release(pending_);
  if (listener_ && state_ == State::kOpen) listener_->on_sent();
  if (!end_when_flushed_ || !stream_) return;
  stream_->shutdown_send();
  close_by_ = std::min(close_by_, loop_.roster.now() + kLinger);
  stream_->set_deadline(close_by_);
}

// --- receiving -----------------------------------------------------------------------------------

void WebSocketSession::await_readable() {
  stream_->when_ready(Io::kWantRead, [self = shared_from_this()](boost::system::error_code error) {
    if (self->state_ == State::kGone) return;
    error ? self->gone() : self->read();
  });
}

void WebSocketSession::read() {
  Io io = Io::kDone;
  corked_ = true;
  for (int turn = 0; turn < kReadsPerTurn && io == Io::kDone; ++turn) {
    const IoResult result = stream_->try_read(loop_.scratch);
    io = result.io;
    if (io != Io::kDone) break;
    process(std::span(loop_.scratch).first(result.bytes));
    // A short read of a plain socket emptied it; TLS must be asked until it says so.
    if (!stream_->over_tls() && result.bytes < loop_.scratch.size()) io = Io::kWantRead;
  }
  corked_ = false;
  if (io == Io::kEnd || io == Io::kBroken) return gone();
  flush();
  if (state_ == State::kGone) return;
  if (io == Io::kDone) {  // more is there, but others want their turn
    boost::asio::post(executor_, [self = shared_from_this()] {
      if (self->state_ != State::kGone) self->read();
    });
  } else {
    await_readable();
  }
}

void WebSocketSession::process(std::span<char> bytes) {
  if (end_when_flushed_) return;  // discarded while the last frame is on its way
  if (in_.empty()) {
    handle_frames(bytes);
    in_.assign(bytes.data(), bytes.size());
  } else {
    in_.append(bytes.data(), bytes.size());
    std::span<char> rest(in_);
    handle_frames(rest);
    in_.erase(0, in_.size() - rest.size());
  }
  if (in_.empty()) release(in_);
}

void WebSocketSession::handle_frames(std::span<char>& input) {
  bool alive_reported = false;
  while (!end_when_flushed_) {
    const FrameEvent event = reader_.next(input);
    if (event.kind == FrameEvent::Kind::kNeedMore) return;
    if (event.kind == FrameEvent::Kind::kViolation) {
      return fail_with(event.code, "The frame breaks the protocol or a limit.");
    }
    if (event.kind == FrameEvent::Kind::kClose) return handle_close(event);
    if (state_ != State::kOpen || !listener_) continue;
    const auto listener = listener_;  // a close inside the call lets it go
    if (!std::exchange(alive_reported, true)) listener->on_pong();
    if (state_ != State::kOpen) continue;
    if (event.kind == FrameEvent::Kind::kMessage) listener->on_message(event.payload);
    if (event.kind == FrameEvent::Kind::kPing) queue(Opcode::kPong, event.payload);
  }
}

void WebSocketSession::handle_close(const FrameEvent& event) {
  if (state_ == State::kOpen) begin_close(event.code, event.payload);
  end_when_flushed_ = true;
}

void WebSocketSession::gone() {
  if (state_ == State::kGone) return;
  report_close(CloseCode::kAbnormal, "The connection broke.");
  state_ = State::kGone;
  gone_.store(true, std::memory_order_release);
  leave();
  stream_->close();
  stream_.reset();
  release(in_);
  pending_ = {};
  writing_ = {};
  written_ = 0;
  note_queue();
  lease_.reset();  // last: `loop_` may end with it
}

}  // namespace personas::net_beast
