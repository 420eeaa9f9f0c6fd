// store: the store by itself, in this process. 64 callers each append one record to the journal,
// wait until the disk has it, and begin the next: what any change costs before anything else.
#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store/schema.hpp"
#include "personas/store_sqlite/open.hpp"

#include "private_folder.hpp"
#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr int kCallers = 64;
constexpr double kAimPerSecond = 40'000;

class Callers {
 public:
  Callers(boost::asio::io_context& io, store::Store& store) : io_(io), store_(store) {}

  void begin() {
    for (int i = 0; i < kCallers; ++i) {
      ++calling_;
      boost::asio::co_spawn(io_, call(i), [this](const std::exception_ptr&) { --calling_; });
    }
  }
  void stop() { stopping_ = true; }
  bool idle() const { return calling_ == 0; }
  std::int64_t done() const { return done_; }
  const std::string& trouble() const { return trouble_; }

 private:
  Task<void> call(int number) {
    const std::string id = fmt::format("exec_{:026}", number);
    auto append = [id](store::Transaction& tx) -> Result<store::JournalPosition> {
      return tx.append({.tenant = TenantId("default"),
                        .at = Timestamp{1'700'000'000'000'000},
                        .type = "execution.progress",
                        .data = R"({"stage":"bench","message":"one durable operation"})",
                        .execution_id = id,
                        .persona_id = {}});
    };
    while (!stopping_) {
      const auto position = co_await store_.write(append);
      if (!position) {
        trouble_ = position.error().describe();
        co_return;
      }
      ++done_;
    }
  }

  boost::asio::io_context& io_;
  store::Store& store_;
  int calling_ = 0;
  std::int64_t done_ = 0;
  bool stopping_ = false;
  std::string trouble_;
};

template <class Done>
void run_until(boost::asio::io_context& io, SteadyTime deadline, Done done) {
  while (!done() && SteadyClock::now() < deadline) io.run_one_until(deadline);
}

}  // namespace

Measured measure_store(const Options& options) {
  const PrivateFolder folder(options.data_root);
  std::string broken;
  boost::asio::io_context io{1};  // outlives the store, whose last completions are posted to it
  TRY(const auto store,
      store_sqlite::open_sqlite({.path = folder.path() + "/store.db"},
                                [&](const Error& error) { broken = error.describe(); }));
  TRY_VOID(store::write_now(*store, [](store::Transaction& tx) {
    return store::migrate(tx, store::schema_migrations(), Timestamp{1});
  }));
  Callers callers(io, *store);
  callers.begin();
  const auto failed = [&] { return !callers.trouble().empty(); };
  run_until(io, SteadyClock::now() + std::chrono::milliseconds(500), failed);  // warm
  const std::int64_t before = callers.done();
  const auto commits_before = store->stats().commits;
  const SteadyTime started = SteadyClock::now();
  run_until(io, started + std::chrono::seconds(options.measured_seconds), failed);
  const double seconds_taken = ms_between(started, SteadyClock::now()) / 1000;
  const auto done = static_cast<double>(callers.done() - before);
  const auto commits = static_cast<double>(store->stats().commits - commits_before);
  callers.stop();
  run_until(io, SteadyClock::now() + std::chrono::seconds(10), [&] { return callers.idle(); });
  if (failed() || !callers.idle() || done < 1) {
    return fail(ErrorCode::kUnavailable, "The store failed: " + callers.trouble() + broken);
  }
  return std::vector<Measurement>{
      {.figure = fmt::format("durable operations, {} callers", kCallers),
       .unit = "/s",
       .value = done / seconds_taken,
       .aim = kAimPerSecond,
       .better = Better::kHigher},
      {.figure = "of them in one commit", .unit = "", .value = done / std::max(commits, 1.0)}};
}

}  // namespace personas::bench
