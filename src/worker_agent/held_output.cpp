#include "personas/worker_agent/held_output.hpp"

#include <utility>

namespace personas::worker_agent {
namespace {

std::size_t size_of(const Held& item) {
  if (const auto* out = std::get_if<HeldStdout>(&item)) return out->text.size();
  if (const auto* err = std::get_if<HeldStderr>(&item)) return err->text.size();
  return std::get<sandbox::SessionPiece>(item).data.size();
}

}  // namespace

Held HeldOutput::pop() {
  Held item = std::move(items_.front());
  items_.pop_front();
  bytes_ -= size_of(item);
  total_ -= size_of(item);
  return item;
}

void HeldOutput::clear() {
  items_.clear();
  total_ -= std::exchange(bytes_, 0);
}

}  // namespace personas::worker_agent
