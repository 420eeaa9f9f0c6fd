// The orchestrator of the simulation: put together as apps/personas/orchestrator.cpp does it, with
// the simulation behind its ports. One object is one process, from its start to its end.
#pragma once

#include <functional>
#include <memory>

#include "personas/net/http.hpp"

#include "disk.hpp"
#include "network.hpp"
#include "observer.hpp"
#include "virtual_store.hpp"

namespace personas::simulation {

inline constexpr std::string_view kTeamKey = "simulated-team-key";
inline constexpr std::string_view kWorkerToken = "simulated-worker-token";

struct OrchestratorOptions {
  std::int64_t tenant_limit = 0;
  std::int64_t max_queued = 1'000'000;
};

class Orchestrator {
 public:
  struct Environment {
    Machine& machine;
    Random& random;
    Disk& disk;
    Network& network;
    Observer& observer;
  };

  // Opens the database and begins to start; it takes requests and workers when it is ready.
  static Result<std::unique_ptr<Orchestrator>> boot(Environment environment,
                                                    OrchestratorOptions options);
  virtual ~Orchestrator() = default;

  using Answered = std::function<void(net::Response)>;
  virtual void request(net::Request request, Answered answered) = 0;
  virtual const std::shared_ptr<Process>& process() const = 0;
  virtual VirtualStore& store() = 0;
  virtual bool ready() const = 0;
  // The disk has failed it; somebody has to end it.
  virtual bool wants_to_end() const = 0;
  // In good order; `done` when it is over.
  virtual void stop(std::function<void()> done) = 0;
  // Another process takes its place, and it lives on without knowing.
  virtual void outlive(VirtualStore::Successor successor) = 0;
  // As SIGKILL does it. Nothing runs any more afterwards.
  virtual void kill() = 0;
};

// A database with all migrations and nothing else, as files.
Disk::Image migrated_image();

}  // namespace personas::simulation
