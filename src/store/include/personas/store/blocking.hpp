// The store for code that has no executor: start-up, command-line tools, tests.
#pragma once

#include <optional>
#include <type_traits>

#include "personas/store/store.hpp"

namespace personas::store {

// Each blocks the calling thread until the outcome is there. Never call them from a coroutine.
Result<void> run_write(Store& store, Operation operation);
Result<void> run_read(Store& store, Operation operation);

template <class F>
auto write_now(Store& store, F operation) -> std::invoke_result_t<F&, Transaction&> {
  std::optional<std::invoke_result_t<F&, Transaction&>> result;
  TRY_VOID(run_write(store, [&](Transaction& tx) -> Result<void> {
    result.emplace(operation(tx));
    if (!*result) return std::unexpected(result->error());
    return {};
  }));
  return std::move(*result);
}
template <class F>
auto read_now(Store& store, F operation) -> std::invoke_result_t<F&, Transaction&> {
  std::optional<std::invoke_result_t<F&, Transaction&>> result;
  TRY_VOID(run_read(store, [&](Transaction& tx) -> Result<void> {
    result.emplace(operation(tx));
    if (!*result) return std::unexpected(result->error());
    return {};
  }));
  return std::move(*result);
}

}  // namespace personas::store
