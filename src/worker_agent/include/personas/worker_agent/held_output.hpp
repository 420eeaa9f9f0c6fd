// What an agent wrote while its run's frames could not be taken: kept in memory, in order, so that
// the agent's pipe stays empty. A CLI that exits does not wait for a reader of a full pipe, and
// the end of its work would be lost (docs/worker-protocol.md). Bounded for one run and for all;
// past that the pipe is left alone after all. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>

#include "personas/sandbox/sandbox.hpp"

namespace personas::worker_agent {

inline constexpr std::size_t kMaxHeldRun = 16 * 1024 * 1024;
inline constexpr std::size_t kMaxHeldTotal = 64 * 1024 * 1024;  // of all runs of a worker
// Small writes are joined, so that a held byte costs little more than a byte.
inline constexpr std::size_t kHeldBlock = 32 * 1024;

struct HeldStdout {
  std::string text;
};
struct HeldStderr {
  std::string text;
};
using Held = std::variant<HeldStdout, HeldStderr, sandbox::SessionPiece>;

class HeldOutput {
 public:
  // `total` counts what all runs hold and outlives this.
  explicit HeldOutput(std::size_t& total) : total_(total) {}
  ~HeldOutput() { clear(); }
  HeldOutput(const HeldOutput&) = delete;
  HeldOutput& operator=(const HeldOutput&) = delete;

  bool empty() const { return items_.empty(); }
  std::size_t bytes() const { return bytes_; }
  bool full() const { return bytes_ >= kMaxHeldRun || total_ >= kMaxHeldTotal; }
  bool has_room_again() const {
    return bytes_ <= kMaxHeldRun / 2 && (items_.empty() || total_ < kMaxHeldTotal);
  }

  void add_stdout(std::string_view text) { add_text<HeldStdout>(text); }
  void add_stderr(std::string_view text) { add_text<HeldStderr>(text); }
  void add(const sandbox::SessionPiece& piece) { push(piece, piece.data.size()); }
  Held pop();
  void clear();

 private:
  template <class Text>
  void add_text(std::string_view text) {
    auto* last = items_.empty() ? nullptr : std::get_if<Text>(&items_.back());
    if (last == nullptr || last->text.size() + text.size() > kHeldBlock) {
      return push(Text{std::string(text)}, text.size());
    }
    last->text += text;
    count(text.size());
  }
  void push(Held item, std::size_t bytes) {
    items_.push_back(std::move(item));
    count(bytes);
  }
  void count(std::size_t bytes) {
    bytes_ += bytes;
    total_ += bytes;
  }

  std::size_t& total_;
  std::deque<Held> items_;
  std::size_t bytes_ = 0;
};

}  // namespace personas::worker_agent
