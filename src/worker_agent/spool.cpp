#include "personas/worker_agent/spool.hpp"

#include <utility>

namespace personas::worker_agent {

void Spool::push(std::string text) {
  bytes_ += text.size() + kFrameOverhead;
  frames_.push_back({++last_seq_, std::move(text)});
}

std::size_t Spool::trim(std::int64_t seq) {
  std::size_t freed = 0;
  while (!frames_.empty() && frames_.front().seq <= seq) {
    freed += frames_.front().text.size() + kFrameOverhead;
    trimmed_to_ = frames_.front().seq;
    frames_.pop_front();
  }
  bytes_ -= freed;
  return freed;
}

}  // namespace personas::worker_agent
