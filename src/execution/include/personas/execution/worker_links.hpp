// Port: how the execution service talks to connected workers. The gateway's hub implements it.
// Strand: the core's. Commands for a worker that is not connected are dropped: when it comes back,
// both sides compare notes.
#pragma once

#include <span>
#include <string_view>

#include "personas/base/id.hpp"
#include "personas/wire/frames.hpp"
#include "personas/wire/protocol.hpp"

namespace personas::execution {

enum class Finality : std::uint8_t { kOpen, kFinal };

class WorkerLinks {
 public:
  virtual ~WorkerLinks() = default;
  // With the parts of the session it goes on with.
  virtual void assign(const WorkerId& worker, const wire::Assign& frame,
                      std::span<const wire::SessionPart> session) = 0;
  virtual void cancel(const WorkerId& worker, const wire::RunKey& run, std::string_view reason) = 0;
  // Everything of the run up to `seq` is on disk.
  virtual void committed(const WorkerId& worker, const wire::RunKey& run, std::int64_t seq,
                         Finality finality) = 0;
  // The attempt is not this worker's any more.
  virtual void release(const WorkerId& worker, const wire::RunKey& run) = 0;
  virtual void answer_review(const WorkerId& worker, const wire::ReviewResponse& frame) = 0;
  // Ends the connection of a worker that floods us.
  virtual void drop(const WorkerId& worker, std::string_view reason) = 0;
};

}  // namespace personas::execution
