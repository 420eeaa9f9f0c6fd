// The kernel's random numbers. Thread-safe: each thread has its own buffer, so that an id costs no
// system call; bytes are overwritten once handed out, and a forked child never repeats its parent.
#pragma once

#include "personas/base/clock.hpp"

namespace personas::os {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> bytes) override;
};

}  // namespace personas::os
