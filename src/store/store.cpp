#include "personas/store/store.hpp"

#include <future>

#include <boost/asio/async_result.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "personas/store/blocking.hpp"

namespace personas::store {

namespace asio = boost::asio;

namespace {

// Hands the coroutine's continuation to the engine. A named type instead of a lambda, because it
// is stored in a coroutine frame.
struct Start {
  Store& store;
  void (Store::*submit)(Operation, asio::any_io_executor, Completion);
  asio::any_io_executor executor;

  template <class Handler>
  void operator()(Handler handler, Operation operation) {
    (store.*submit)(std::move(operation), executor,
                    [resume = std::move(handler)](Result<void> outcome) mutable {
                      std::move(resume)(std::move(outcome));
                    });
  }
};

// Without an executor the outcome comes straight from the engine's thread. An io_context of our
// own would be destroyed while that thread may still be inside its post().
Result<void> run_blocking(Store& store, Operation operation,
                          void (Store::*submit)(Operation, asio::any_io_executor, Completion)) {
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  (store.*submit)(std::move(operation), asio::any_io_executor(),
                  [promise = std::move(promise)](Result<void> outcome) mutable {
                    promise.set_value(std::move(outcome));
                  });
  return future.get();
}

}  // namespace

Result<std::int64_t> Transaction::execute_cells(const Sql& sql,
                                                std::span<const codec::Cell> cells) {
  std::vector<Value> values;
  values.reserve(cells.size());
  for (const auto& cell : cells) values.emplace_back(cell);
  return execute(sql, std::span<const Value>(values));
}

Task<Result<void>> Store::wait(Operation operation, Submit submit) {
  const auto executor = co_await asio::this_coro::executor;
  Start start{*this, submit, executor};
  Result<void> outcome =
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(
          std::move(start), asio::use_awaitable, std::move(operation));
  co_return outcome;
}

Result<void> run_write(Store& store, Operation operation) {
  return run_blocking(store, std::move(operation), &Store::submit_write);
}

Result<void> run_read(Store& store, Operation operation) {
  return run_blocking(store, std::move(operation), &Store::submit_read);
}

}  // namespace personas::store
