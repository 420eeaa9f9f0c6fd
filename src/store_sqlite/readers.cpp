#include "readers.hpp"

#include "transaction.hpp"

namespace personas::store_sqlite {

namespace {

const store::Sql kBegin{"BEGIN"};
const store::Sql kCommit{"COMMIT"};

}  // namespace

Readers::Readers(std::vector<std::unique_ptr<Connection>> connections, Health& health)
    : connections_(std::move(connections)), health_(health) {
  for (auto& connection : connections_) {
    threads_.emplace_back([this, &connection] { loop(*connection); });
  }
}

Readers::~Readers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  if (!health_.failed()) return;
  for (auto& connection : connections_) connection->abandon();
}

void Readers::submit(Request&& request) {
  if (health_.failed()) return post_one(std::move(request), fail(refused_after_failure()));
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() < kMaxQueuedReads) queue_.push_back(std::move(request));
  }
  wake_.notify_one();
  if (request.done) {
    post_one(std::move(request),
             fail(ErrorCode::kUnavailable, "too many reads are waiting; try again shortly"));
  }
}

void Readers::loop(Connection& connection) {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !queue_.empty() || stopping_; });
    if (queue_.empty()) return;
    auto request = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    auto outcome = run(connection, request.operation);
    post_one(std::move(request), std::move(outcome));
    lock.lock();
  }
}

Result<void> Readers::run(Connection& connection, store::Operation& operation) {
  if (health_.failed()) return fail(refused_after_failure());
  if (const int code = connection.run(kBegin); code != SQLITE_OK) {
    auto error = error_of(connection.handle(), code, "begin to read");
    health_.report(code, error, Role::kReader);
    return fail(std::move(error));
  }
  SqliteTransaction transaction(connection, health_, Role::kReader);
  auto outcome = transaction.run(operation);
  if (connection.in_transaction()) connection.run(kCommit);
  return outcome;
}

}  // namespace personas::store_sqlite
