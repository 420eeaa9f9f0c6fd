#include "personas/operations/runner.hpp"

#include <algorithm>

#include "idempotency.hpp"

namespace personas::operations {
namespace {

// The key is the header, or the field of the body that stands for it; both must agree.
Result<void> settle_key(Call& call) {
  std::string& key = call.idempotency_key;
  if (call.operation.key_in_body != nullptr) {
    auto in_body = call.operation.key_in_body(call);
    if (!in_body.empty() && !key.empty() && in_body != key) {
      return fail(ErrorCode::kInvalidRequest,
                  "The header Idempotency-Key and the field idempotencyKey differ",
                  {{"/idempotencyKey", "must equal the header Idempotency-Key, or be absent"}});
    }
    if (!in_body.empty()) key = std::move(in_body);
  }
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (key.size() > kMaxIdempotencyKey || !std::ranges::all_of(key, printable)) {
    return fail(ErrorCode::kInvalidRequest,
                "An idempotency key has 1 to 200 printable ASCII characters",
                {{"header.Idempotency-Key", "must be 1 to 200 printable ASCII characters"}});
  }
  return {};
}

Result<Reply> write_once(Call& call, const Write& write, store::Transaction& tx) {
  call.after_commit.clear();  // the closure may run again
  if (call.idempotency_key.empty()) return write.run(call, tx);
  TRY(auto answer, find_answer(call, tx));
  if (answer) return std::move(*answer);
  TRY(auto reply, write.run(call, tx));
  TRY_VOID(keep_answer(call, tx, reply));
  return reply;
}

Task<Result<Reply>> run_write(Call& call, const Write& write) {
  CO_TRY_VOID(settle_key(call));
  auto reply = co_await call.services.store.write(
      [&call, &write](store::Transaction& tx) { return write_once(call, write, tx); });
  if (!reply) co_return fail(std::move(reply).error());
  for (const auto& action : call.after_commit) action();
  if (write.then == nullptr) co_return reply;
  co_return co_await write.then(call, std::move(*reply));
}

}  // namespace

Task<Result<Reply>> run(Call& call) {
  if (const auto* query = std::get_if<Query>(&call.operation.handler)) {
    co_return co_await call.services.store.read(
        [&call, query](store::Transaction& tx) { return (*query)(call, tx); });
  }
  if (const auto* write = std::get_if<Write>(&call.operation.handler)) {
    co_return co_await run_write(call, *write);
  }
  co_return co_await std::get<Async>(call.operation.handler)(call);
}

}  // namespace personas::operations
