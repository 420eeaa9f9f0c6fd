#include "memory_store.hpp"

#include <cstdlib>

#include "files.hpp"
#include "support.hpp"

namespace personas::fuzz {
namespace {

const store::Sql kBegin{"BEGIN IMMEDIATE"};
const store::Sql kRollBack{"ROLLBACK"};
const store::Sql kMark{"SAVEPOINT operation"};
const store::Sql kUndo{"ROLLBACK TO operation"};
const store::Sql kKeep{"RELEASE operation"};

std::filesystem::path make_folder() {
  std::string name = std::filesystem::temp_directory_path() / "personas-fuzz-XXXXXX";
  PERSONAS_FUZZ_CHECK(::mkdtemp(name.data()) != nullptr, "a temporary folder");
  return name;
}

void complete(boost::asio::any_io_executor executor, store::Completion done, Result<void> outcome) {
  if (!executor) return done(std::move(outcome));
  boost::asio::post(executor, [done = std::move(done), outcome = std::move(outcome)]() mutable {
    done(std::move(outcome));
  });
}

}  // namespace

MemoryStore::MemoryStore()
    : folder_(make_folder()),
      health_([](const Error& error) { violated(__FILE__, __LINE__, error.describe()); }) {
  const store_sqlite::SqliteOptions options{.path = folder_ / "personas.db"};
  PERSONAS_FUZZ_CHECK(store_sqlite::make_private(options.path), "a database file");
  auto opened = store_sqlite::Connection::open(options, store_sqlite::Role::kWriter, 8 * 1024);
  PERSONAS_FUZZ_CHECK(opened, "a database", opened ? "" : opened.error().describe());
  connection_ = std::move(*opened);
  transaction_ = std::make_unique<store_sqlite::SqliteTransaction>(*connection_, health_,
                                                                   store_sqlite::Role::kWriter);
}

MemoryStore::~MemoryStore() {
  transaction_.reset();
  connection_->abandon();
}

void MemoryStore::forget_files() {
  std::filesystem::remove_all(folder_);
}

void MemoryStore::must(const store::Sql& sql) {
  const int code = connection_->run(sql);
  PERSONAS_FUZZ_CHECK(code == SQLITE_OK, sql.text(), std::to_string(code),
                      sqlite3_errmsg(connection_->handle()));
}

void MemoryStore::begin() {
  must(kBegin);
  kept_ = position_;
}

void MemoryStore::roll_back() {
  must(kRollBack);
  position_ = kept_;
}

void MemoryStore::submit_write(store::Operation operation, boost::asio::any_io_executor executor,
                               store::Completion done) {
  Result<void> outcomes[2];
  for (auto& outcome : outcomes) {
    must(kMark);
    transaction_->begin(position_);
    outcome = transaction_->run(operation);
    if (outcome) outcome = transaction_->settle();
    if (!outcome || &outcome == &outcomes[0]) must(kUndo);
    must(kKeep);
  }
  PERSONAS_FUZZ_CHECK(outcomes[0] == outcomes[1], "an operation that is run again does the same:",
                      outcomes[0] ? "done" : outcomes[0].error().describe(), "/",
                      outcomes[1] ? "done" : outcomes[1].error().describe());
  if (outcomes[1] && transaction_->last_position() != position_) {
    position_ = transaction_->last_position();
    if (listener_) listener_(position_);
  }
  complete(std::move(executor), std::move(done), std::move(outcomes[1]));
}

void MemoryStore::submit_read(store::Operation operation, boost::asio::any_io_executor executor,
                              store::Completion done) {
  auto outcome = transaction_->run(operation);
  complete(std::move(executor), std::move(done), std::move(outcome));
}

}  // namespace personas::fuzz
