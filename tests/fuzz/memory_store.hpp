// The store's port on the real SQLite transaction, for one thread, where nothing lasts: between
// begin() and roll_back() everything happens, and is forgotten. Operations run at once. Each write
// runs twice, its first run undone, because a closure has to bear that (store.hpp).
#pragma once

#include <filesystem>
#include <memory>

#include <boost/asio/post.hpp>

#include "personas/store/store.hpp"

#include "connection.hpp"
#include "transaction.hpp"

namespace personas::fuzz {

class MemoryStore final : public store::Store {
 public:
  MemoryStore();
  ~MemoryStore() override;

  void begin();
  void roll_back();
  // Takes the names of the files away once there has been a write: they stay open, and a process
  // that is stopped in the middle leaves nothing behind.
  void forget_files();

  void submit_write(store::Operation operation, boost::asio::any_io_executor executor,
                    store::Completion done) override;
  void submit_read(store::Operation operation, boost::asio::any_io_executor executor,
                   store::Completion done) override;
  void on_journal(std::function<void(store::JournalPosition)> listener) override {
    listener_ = std::move(listener);
  }
  store::JournalPosition last_position() const override { return position_; }
  store::StoreStats stats() const override { return {}; }
  std::string_view engine() const override { return "sqlite"; }

 private:
  void must(const store::Sql& sql);

  std::filesystem::path folder_;
  store_sqlite::Health health_;
  std::unique_ptr<store_sqlite::Connection> connection_;
  std::unique_ptr<store_sqlite::SqliteTransaction> transaction_;
  store::JournalPosition position_;
  store::JournalPosition kept_;  // at begin()
  std::function<void(store::JournalPosition)> listener_;
};

}  // namespace personas::fuzz
