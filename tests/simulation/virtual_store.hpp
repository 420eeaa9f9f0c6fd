// The store on virtual time: the real group commit, transactions and SQLite, without threads.
//
// What waits is committed in one go; its callers are told an fsync's time later. In between the
// process may die, so that what is committed was never acknowledged.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "personas/store/store.hpp"

#include "disk.hpp"
#include "machine.hpp"

namespace personas::simulation {

struct StoreWatch {
  // Something was committed: it is in the database, nobody has been told.
  std::function<void()> committed;
  // Callers are about to be told of everything up to this position.
  std::function<void(store::JournalPosition)> acknowledged;
  std::function<void(const Error&)> fatal;
  // An operation of a process whose database is another's by now: tries it in a transaction of the
  // other one, and says how it ends. What it did is taken back.
  std::function<Result<void>(store::Transaction&, store::Operation&)> late;
};

class VirtualStore final : public store::Store {
 public:
  static Result<std::unique_ptr<VirtualStore>> open(Process& process, Random& random, Disk& disk,
                                                    StoreWatch watch);
  ~VirtualStore() override;

  void submit_write(store::Operation operation, boost::asio::any_io_executor executor,
                    store::Completion done) override;
  void submit_read(store::Operation operation, boost::asio::any_io_executor executor,
                   store::Completion done) override;
  void on_journal(std::function<void(store::JournalPosition)> listener) override;
  store::JournalPosition last_position() const override;
  store::StoreStats stats() const override;
  std::string_view engine() const override { return "sqlite"; }

  // Outside of virtual time: for the start, and for whoever looks from outside.
  Result<void> write_now(store::Operation operation);
  Result<void> read_now(const std::function<Result<void>(store::Transaction&)>& operation);

  // The process was taken for dead, and another has the files now. What it still asks for is tried
  // there, as long as there is a successor, and has no effect: the lock of the file keeps it out.
  using Successor = std::function<VirtualStore*()>;
  void outlive(Successor successor);

  // The process is being killed: drops what waits, and leaves the files as they are.
  void abandon();
  // Moves the log into the database and closes, as an orderly stop does.
  void close();

 private:
  struct Parts;
  VirtualStore(Process& process, Random& random, StoreWatch watch);
  void turn();
  void tell();
  void move_log();
  Result<void> try_late(store::Operation& operation);

  Process& process_;
  Random& random_;
  StoreWatch watch_;
  std::unique_ptr<Parts> parts_;
  Successor successor_;
  std::function<void(store::JournalPosition)> listener_;
  bool busy_ = false;
};

}  // namespace personas::simulation
