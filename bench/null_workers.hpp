// Null workers: full workers of the worker protocol that run nothing. An assignment is answered
// at once with one line of output and its completion, unless the scenario says otherwise.
//
// NullWorkers owns them and their connections; all on one loop's thread, which must not run after
// NullWorkers is gone. Signing, resuming and cancelling are not what is measured and are left out:
// a connection that ends is counted as lost, and scenarios fail when there is one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "personas/base/error.hpp"
#include "personas/net/client.hpp"
#include "personas/net/websocket.hpp"
#include "personas/wire/frames.hpp"

#include "server_process.hpp"

namespace personas::bench {

class NullWorkers;

class NullWorker final : public net::WebSocketListener {
 public:
  NullWorker(NullWorkers& all, std::string id, std::int64_t slots)
      : all_(all), id_(std::move(id)), slots_(slots) {}

  void attach(std::shared_ptr<net::WebSocket> socket);
  void on_message(std::string_view text) override;
  void on_close(net::CloseCode code, std::string_view reason) override;

  void write(const wire::Assign& run, std::int64_t seq, std::string text);
  // `frame` may say more; who, how and the numbers are filled in.
  void complete(const wire::Assign& run, std::int64_t seq, wire::Complete frame = {});
  void send_heartbeat(const std::string& text);
  bool ready() const { return ready_; }

 private:
  NullWorkers& all_;
  std::string id_;
  std::int64_t slots_;
  std::shared_ptr<net::WebSocket> socket_;
  bool ready_ = false;
};

class NullWorkers {
 public:
  NullWorkers(boost::asio::io_context& io, const ServerProcess& server);
  ~NullWorkers();
  NullWorkers(const NullWorkers&) = delete;
  NullWorkers& operator=(const NullWorkers&) = delete;

  // Begins to connect that many more; a bounded number of them at a time.
  void connect(std::int64_t count, std::int64_t slots);

  std::int64_t ready() const { return ready_; }
  std::int64_t assigned() const { return assigned_; }
  std::int64_t finished() const { return finished_; }  // completion acknowledged: it is on disk
  // The first trouble of any of them, or empty.
  const std::string& trouble() const { return trouble_; }

  // Called for each assignment instead of answering it.
  std::function<void(NullWorker&, const wire::Assign&)> on_assign;
  // Called for each confirmation of what is on disk, and for that of a completion.
  std::function<void(const wire::Received&)> on_received;
  std::function<void(const wire::Received&)> on_finished;

  std::size_t count() const { return workers_.size(); }

 private:
  friend class NullWorker;

  void dial_more();
  Task<void> dial(std::shared_ptr<NullWorker> worker);
  void on_ready(std::int64_t heartbeat_ms);
  void lost(std::string trouble);
  void arm_heartbeats();
  void beat();

  boost::asio::io_context& io_;
  const ServerProcess& server_;
  std::unique_ptr<net::Client> client_;
  boost::asio::steady_timer heartbeats_;
  const std::string heartbeat_text_;
  std::vector<std::shared_ptr<NullWorker>> workers_;
  std::size_t next_dial_ = 0;
  std::size_t next_beat_ = 0;
  std::int64_t dialing_ = 0;
  std::int64_t ready_ = 0;
  std::int64_t assigned_ = 0;
  std::int64_t finished_ = 0;
  std::int64_t heartbeat_ms_ = 4'000;  // what the server's ack asks for
  std::string trouble_;
  bool closing_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace personas::bench
