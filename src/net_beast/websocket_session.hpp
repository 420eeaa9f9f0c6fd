// A WebSocket connection after its handshake, either end.
//
// Driven by readiness callbacks instead of a coroutine: idle, it costs its own size and one pending
// wait. Frames sent during one turn of the loop leave in one write. Lives as long as a wait is
// pending or somebody holds it; after the end (gone) it holds neither socket nor listener.
// The methods of net::WebSocket may be called from any thread, all others on the executor's.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "personas/net/websocket.hpp"

#include "frame_codec.hpp"
#include "roster.hpp"
#include "stream.hpp"

namespace personas::net_beast {

struct WebSocketLimits {
  std::size_t max_message_bytes;
  std::size_t max_queue_bytes;
  Duration write_deadline;  // without the peer taking a byte
  Duration close_deadline;  // from our close frame to the peer's
};

class WebSocketSession final : public net::WebSocket,
                               public Peer,
                               public std::enable_shared_from_this<WebSocketSession> {
 public:
  // `lease` is dropped when the connection is gone; it keeps `loop` alive until then.
  WebSocketSession(Loop& loop, Stream stream, FrameReader reader, FrameWriter writer,
                   WebSocketLimits limits, std::string remote_address, std::shared_ptr<void> lease);
  ~WebSocketSession() override { leave(); }

  // Once, on the executor. `received` came after the handshake in the same read.
  void start(std::shared_ptr<net::WebSocketListener> listener, std::string received);

  void send(std::string text) override;
  void ping() override;
  void close(net::CloseCode code, std::string reason) override;
  std::size_t queued_bytes() const override;
  const std::string& remote_address() const override { return remote_address_; }

  void drain() override;
  void abort() override;

 private:
  enum class State : std::uint8_t { kOpen, kClosing, kGone };
  struct Command {
    Opcode opcode;
    std::string text;
    net::CloseCode code;
  };

  void submit(Command command);
  void take_inbox();
  void execute(const Command& command);
  void queue(Opcode opcode, std::string_view payload);
  void begin_close(net::CloseCode code, std::string_view reason);
  void fail_with(net::CloseCode code, std::string_view reason);
  void report_close(net::CloseCode code, std::string_view reason);

  void await_readable();
  void read();
  void process(std::span<char> bytes);
  void handle_frames(std::span<char>& input);
  void handle_close(const FrameEvent& event);

  void schedule_flush();
  void flush();
  void await_writable(Io want);
  void flushed();
  void gone();
  void note_queue();

  Loop& loop_;
  boost::asio::io_context::executor_type executor_;
  FrameReader reader_;
  FrameWriter writer_;
  const WebSocketLimits limits_;
  const std::string remote_address_;
  std::shared_ptr<void> lease_;
  std::shared_ptr<net::WebSocketListener> listener_;

  std::string in_;       // an incomplete frame
  std::string pending_;  // whole frames, not begun
  std::string writing_;  // being written, from written_ on
  std::size_t written_ = 0;
  Instant close_by_ = Instant::never();
  State state_ = State::kOpen;
  bool corked_ = false;  // inside read(): flush once at its end
  bool flush_posted_ = false;
  bool write_waits_ = false;
  bool end_when_flushed_ = false;  // nothing more is expected from the peer

  std::atomic<bool> gone_ = false;
  std::atomic<std::size_t> queued_ = 0;
  std::atomic<std::size_t> inbox_bytes_ = 0;
  std::mutex inbox_mutex_;
  std::vector<Command> inbox_;  // from other threads
};

}  // namespace personas::net_beast
