// The hub: all connected workers. Owns what outlives one connection's session: who a worker is,
// which connection speaks for it, and the way between sessions and the execution service.
//
// Strand: the core loop. Sockets may live on another loop; their callbacks hop over.
// Identity (worker protocol, "Identity"): the same instance on a new socket replaces the old one;
// any other connection may take over a live workerId only with its session token; a worker that is
// not connected may come back under its id with a new instance, and then its older runs are lost.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include <boost/asio/io_context.hpp>

#include "personas/async/timer.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/id.hpp"
#include "personas/execution/execution_service.hpp"
#include "personas/execution/worker_links.hpp"
#include "personas/net/websocket.hpp"
#include "personas/worker_gateway/session.hpp"

namespace personas::worker_gateway {

struct HubOptions {
  SessionOptions session;
  TokenVerifier verify;
  // What happened to a worker, for the log: event name, worker id, detail. Called on the strand.
  std::function<void(std::string_view event, std::string_view worker, std::string_view detail)>
      notice;
};

struct HubStats {
  std::uint64_t connections = 0;
  std::uint64_t refused = 0;  // hellos refused, frames that closed a connection
  std::uint64_t frames = 0;
  SessionCounters put_aside;  // summed over closed sessions
};

class Hub final : public execution::WorkerLinks {
 public:
  Hub(HubOptions options, boost::asio::io_context& core, execution::ExecutionService& service,
      Clock& clock, Random& random);
  ~Hub() override;

  // For the server on the workers' port and for /workers on the HTTP port.
  Result<net::UpgradeDecision> upgrade(const net::Request& request);

  // Closes every connection; full workers dial again. Call on the strand.
  void close_all(std::string_view reason);
  HubStats stats() const { return stats_; }

  // ---- execution::WorkerLinks ----
  void assign(const WorkerId& worker, const wire::Assign& frame,
              std::span<const wire::SessionPart> session) override;
  void cancel(const WorkerId& worker, const wire::RunKey& run, std::string_view reason) override;
  void committed(const WorkerId& worker, const wire::RunKey& run, std::int64_t seq,
                 execution::Finality finality) override;
  void release(const WorkerId& worker, const wire::RunKey& run) override;
  void answer_review(const WorkerId& worker, const wire::ReviewResponse& frame) override;
  void drop(const WorkerId& worker, std::string_view reason) override;

 private:
  class Connection;

  Connection* current(const WorkerId& worker);
  void drain(Connection& connection);
  void handle(Connection& connection, Output& output);
  void hello(Connection& connection, HelloReceived& event);
  bool may_take_over(const Connection& old, const HelloReceived& event) const;
  void closed(Connection& connection);
  void sweep();
  void note(std::string_view event, const Connection& connection, std::string_view detail);
  std::string random_token();

  HubOptions options_;
  boost::asio::io_context& core_;
  execution::ExecutionService& service_;
  Clock& clock_;
  Random& random_;
  Timer sweep_timer_;
  // By the order of their coming, so that equal inputs have equal effects wherever memory lies.
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  std::unordered_map<WorkerId, Connection*> by_worker_;
  HubStats stats_;
};

}  // namespace personas::worker_gateway
