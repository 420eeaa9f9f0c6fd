// A life of the store that meets everything it does, step by step: each step is one acknowledged
// write of the real domain. The same steps give the same rows, so after any fault the database must
// be exactly as after the last acknowledged step, or the one that was under way.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "personas/store/store.hpp"

namespace personas::lying_disk {

// Migrates, submits, claims, appends output, asks, parks, answers, goes on, completes, and stores a
// secret. `acknowledged` is called after each step; the first error ends it.
Result<void> first_half(store::Store& store, const std::function<void()>& acknowledged);
// After the store was closed and opened again: more work on what the first half left.
Result<void> second_half(store::Store& store, const std::function<void()>& acknowledged);

// Wide enough that the output is more than a page of the database.
inline constexpr int kOutputBytes = 30'000;

}  // namespace personas::lying_disk
