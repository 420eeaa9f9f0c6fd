// Which of an agent's memories go into its prompt: the important ones, and those that speak of the
// task. Pure and deterministic; words only, no meaning.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/model/signals.hpp"

namespace personas::agents {

struct MemoryBudget {
  std::size_t count = 20;
  // Of titles and contents together; content counts up to what the prompt shows of it.
  std::size_t bytes = 32 * 1024;
};
// Of the task's text; a payload of megabytes says no more than its beginning.
inline constexpr std::size_t kMaxRankedTaskBytes = 64 * 1024;

// The best of `candidates`, best first. A memory that shares a rare word with the task comes before
// any that shares none, however important.
std::vector<Memory> relevant_memories(std::vector<Memory> candidates, std::string_view task,
                                      const MemoryBudget& budget, Timestamp now);

}  // namespace personas::agents
