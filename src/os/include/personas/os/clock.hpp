// The clocks of the machine. Thread-safe, no state.
#pragma once

#include "personas/base/clock.hpp"

namespace personas::os {

class SystemClock final : public Clock {
 public:
  Timestamp wall() const override;  // CLOCK_REALTIME
  Instant now() const override;     // CLOCK_BOOTTIME: counts suspend, so a lease does not stretch
};

}  // namespace personas::os
