// Ports to time and randomness. Only adapters implement them, so that a test or the simulator can
// run the same code on virtual time and with one seed.
#pragma once

#include <cstdint>
#include <span>

#include "personas/base/time.hpp"

namespace personas {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp wall() const = 0;
  virtual Instant now() const = 0;
};

// Cryptographically secure in production. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> bytes) = 0;

  std::uint64_t next();
  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
};

// A clock that a test moves by hand.
class ManualClock final : public Clock {
 public:
  Timestamp wall() const override { return wall_; }
  Instant now() const override { return now_; }
  void advance(Duration d) {
    wall_ = wall_ + d;
    now_ = now_ + d;
  }
  void jump_wall(Duration d) { wall_ = wall_ + d; }

 private:
  Timestamp wall_{1'800'000'000'000'000};
  Instant now_{1'000'000};
};

// splitmix64; for tests and simulation only, never for anything an attacker could guess.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> bytes) override;

 private:
  std::uint64_t state_;
};

}  // namespace personas
