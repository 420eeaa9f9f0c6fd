#include "batches.hpp"

#include <chrono>
#include <iterator>

namespace personas::store_sqlite {

namespace {

const store::Sql kBegin{"BEGIN IMMEDIATE"};
const store::Sql kCommit{"COMMIT"};
const store::Sql kRollback{"ROLLBACK"};

}  // namespace

Batches::Batches(Connection& connection, Health& health, store::JournalPosition last)
    : connection_(connection),
      health_(health),
      transaction_(connection, health, Role::kWriter),
      position_(last.value) {}

store::StoreStats Batches::stats() const {
  store::StoreStats stats;
  stats.commits = commits_;
  stats.operations = operations_;
  stats.replays = replays_;
  stats.last_commit_micros = last_commit_micros_;
  using Disk = store::StoreStats::Disk;
  stats.disk = health_.failed() ? Disk::kFailed : disk_full_ ? Disk::kFull : Disk::kOk;
  return stats;
}

void Batches::add(std::vector<Request>&& requests) {
  machine_.add(requests.size());
  std::ranges::move(requests, std::back_inserter(requests_));
  requests.clear();
}

Batches::Did Batches::step() {
  switch (machine_.next()) {
    case store::GroupCommit::Step::kWait:
      return Did::kIdle;
    case store::GroupCommit::Step::kBegin:
      begin();
      break;
    case store::GroupCommit::Step::kRun:
      run_current();
      break;
    case store::GroupCommit::Step::kCommit:
      return commit();
    case store::GroupCommit::Step::kRollback:
      roll_back();
      break;
  }
  return Did::kStep;
}

void Batches::begin() {
  if (health_.failed()) {
    machine_.began(fail(refused_after_failure()));
    return deliver();
  }
  const int code = connection_.run(kBegin);
  transaction_.begin({position_.load(std::memory_order_relaxed)});
  if (code == SQLITE_OK) return machine_.began({});
  auto error = error_of(connection_.handle(), code, "begin to write");
  health_.report(code, error, Role::kWriter);
  machine_.began(fail(std::move(error)));
  deliver();
}

void Batches::run_current() {
  auto& request = requests_[machine_.current() - first_request_];
  auto outcome = transaction_.run(request.operation);
  machine_.ran(std::move(outcome), transaction_.wrote());
}

Batches::Did Batches::commit() {
  const auto started = std::chrono::steady_clock::now();
  if (auto settled = transaction_.settle(); !settled) {
    machine_.committed(std::move(settled));
    deliver();
    return Did::kStep;
  }
  const int code = connection_.run(kCommit);
  const auto took = std::chrono::steady_clock::now() - started;
  if (code != SQLITE_OK) {
    machine_.committed(commit_error(code));
    deliver();
    return Did::kStep;
  }
  last_commit_micros_.store(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  commits_.fetch_add(1, std::memory_order_relaxed);
  disk_full_.store(false, std::memory_order_relaxed);
  const auto position = transaction_.last_position();
  const bool appended = position.value != position_.exchange(position.value);
  machine_.committed({});
  deliver();
  return appended ? Did::kCommitWithRecords : Did::kCommit;
}

Result<void> Batches::commit_error(int code) {
  auto error = error_of(connection_.handle(), code, "commit");
  health_.report(code, error, Role::kWriter);
  // SQLite reports a full disk before it has marked the transaction as committed, and everything
  // else that is not the disk's fault before it has written.
  if (is_fatal(code)) error.code = ErrorCode::kOutcomeUnknown;
  return fail(std::move(error));
}

void Batches::roll_back() {
  // SQLite may have rolled back by itself; a rollback that fails has done so too.
  if (connection_.in_transaction()) connection_.run(kRollback);
  machine_.rolled_back();
  deliver();
}

void Batches::deliver() {
  for (auto& [operation, result] : machine_.take_outcomes()) {
    if (!result && result.error().code == ErrorCode::kStorageFull) disk_full_.store(true);
    completions_.add(std::move(requests_.front()), std::move(result));
    requests_.pop_front();
    ++first_request_;
    operations_.fetch_add(1, std::memory_order_relaxed);
  }
  replays_.store(machine_.replays(), std::memory_order_relaxed);
  completions_.post_all();
}

}  // namespace personas::store_sqlite
