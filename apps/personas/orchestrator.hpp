// The orchestrator of one process: store, core, workers' port, HTTP API. The composition root of
// `up` and `serve`; the only place where ports meet their adapters.
//
// Threads: the core loop (the caller's) runs the execution service, the hub and the workers' port;
// each HTTP thread runs a loop of its own; the store has its own threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "personas/async/task.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/settings/settings.hpp"
#include "personas/telemetry/log.hpp"

namespace personas::app {

class Orchestrator {
 public:
  struct Environment {
    const settings::Settings& settings;
    Clock& clock;
    Random& random;
    telemetry::Logger& log;
    // The disk can no longer be trusted: the process must end. Called from any thread, once.
    std::function<void(const Error&)> on_fatal;
    // A read met damage and was refused. Called from any thread.
    std::function<void(const Error&)> on_damage;
  };

  // Opens the store and listens; the core loop must be run by the caller's thread afterwards.
  static Result<std::unique_ptr<Orchestrator>> open(boost::asio::io_context& core,
                                                    Environment environment);
  virtual ~Orchestrator() = default;

  // Rebuilds the core from the store, then takes workers and requests.
  virtual Task<Result<void>> start() = 0;
  // Stops in order: no new requests, running ones finish within `grace`, workers let go, disk last.
  virtual Task<void> stop(Duration grace) = 0;
  virtual std::uint16_t http_port() const = 0;
  virtual std::uint16_t ws_port() const = 0;
  // On a first start: a persona to try things out with.
  virtual Task<Result<void>> add_demo_persona() = 0;
};

}  // namespace personas::app
