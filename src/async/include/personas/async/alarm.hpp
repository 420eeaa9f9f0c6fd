// Port: wakes at a moment of the wall clock.
//
// Other than a Timer it follows the clock where that goes: it rings when the clock is set, and at
// once after a suspend that slept past the moment. Nothing runs in between. Called on one executor,
// and rings there.
#pragma once

#include <functional>
#include <optional>

#include "personas/base/time.hpp"

namespace personas {

class Alarm {
 public:
  virtual ~Alarm() = default;
  // Calls `ring` once: at the moment, or earlier if the clock has been set. Replaces what was set
  // before, which does not ring any more. Without a moment nothing is set.
  virtual void set(std::optional<Timestamp> at, std::function<void()> ring) = 0;
};

}  // namespace personas
