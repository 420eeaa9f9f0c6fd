#include "personas/reactor/journal_reactor.hpp"

#include <algorithm>
#include <utility>

#include "personas/base/bytes.hpp"

namespace personas::reactor {
namespace {

namespace asio = boost::asio;
using store::JournalPosition;
using store::Row;
using store::Sql;
using store::Transaction;

Result<std::optional<JournalPosition>> load_position(Transaction& tx, std::string_view name) {
  static const Sql kFind("SELECT position FROM journal_offsets WHERE name = ?");
  std::optional<JournalPosition> position;
  TRY_VOID(tx.query(kFind, {name}, [&](const Row& row) -> Result<bool> {
    position = JournalPosition{row.integer(0)};
    return false;
  }));
  return position;
}

// False: somebody else has moved it, or it was moved by a commit whose outcome we never learned.
Result<bool> move_position(Transaction& tx, std::string_view name, JournalPosition from,
                           JournalPosition to) {
  static const Sql kMove("UPDATE journal_offsets SET position = ? WHERE name = ? AND position = ?");
  TRY(const auto moved, tx.execute(kMove, {to.value, name, from.value}));
  return moved > 0;
}

Result<JournalPosition> open_position(Transaction& tx, std::string_view name) {
  static const Sql kInsert("INSERT INTO journal_offsets (name, position) VALUES (?, ?)");
  TRY(const auto known, load_position(tx, name));
  if (known) return *known;
  TRY(const auto last, store::last_journal_position(tx));
  TRY_VOID(tx.execute(kInsert, {name, last.value}));
  return last;
}

Result<void> keep_failure(Transaction& tx, std::string_view name, JournalPosition position,
                          const Error& error) {
  static const Sql kInsert(
      "INSERT INTO reactor_failures (name, position, reason) VALUES (?, ?, ?) ON CONFLICT (name, "
      "position) DO NOTHING");
  TRY_VOID(tx.execute(
      kInsert, {name, position.value, utf8_prefix(std::string_view(error.message), kMaxReason)}));
  return {};
}

}  // namespace

struct JournalReactor::Page {
  std::vector<Found> found;
  JournalPosition next;
  Progress progress = Progress::kIdle;
  std::uint64_t looked_at = 0;
};

JournalReactor::JournalReactor(const asio::any_io_executor& executor, store::Store& store,
                               store::JournalFeed& feed, Handler& handler,
                               std::function<void(const Trouble&)> on_trouble)
    : store_(store),
      feed_(feed),
      handler_(handler),
      on_trouble_(std::move(on_trouble)),
      background_(executor) {}

JournalReactor::~JournalReactor() = default;

Task<Result<void>> JournalReactor::open() {
  auto operation = [this](Transaction& tx) { return open_position(tx, handler_.name()); };
  CO_TRY(durable_, co_await store_.write(std::move(operation)));
  position_ = durable_;
  co_return Result<void>();
}

Result<JournalReactor::Page> JournalReactor::read_page(Transaction& tx) const {
  store::JournalQuery query{.after = position_};
  query.types = handler_.types();
  TRY(const auto records, store::read_journal(tx, query));
  Page page{.found = {}, .next = records.next};
  if (records.more == store::JournalPage::More::kMaybe) page.progress = Progress::kMore;
  for (const auto& record : records.records) {
    ++page.looked_at;
    auto reaction = handler_.look(tx, record);
    if (reaction && !*reaction) continue;
    if (!reaction) {
      // Fails again where a single reaction is tried, told apart from its neighbours.
      reaction = [error = reaction.error()](Transaction&, AfterCommit&) -> Result<void> {
        return fail(error);
      };
    }
    page.found.push_back({record.position, std::move(*reaction)});
    if (page.found.size() < kMaxReactions) continue;
    page.next = record.position;
    page.progress = Progress::kMore;
    break;
  }
  return page;
}

Task<Result<JournalReactor::Progress>> JournalReactor::step() {
  auto look = [this](Transaction& tx) { return read_page(tx); };
  CO_TRY(auto page, co_await store_.read(std::move(look)));
  ++stats_.pages;
  stats_.looked_at += page.looked_at;
  if (page.found.empty()) {
    if (page.next.value - durable_.value >= kMaxLag) {
      CO_TRY_VOID(co_await commit({}, page.next));
    }
    position_ = page.next;
    co_return page.progress;
  }
  auto committed = co_await commit(page.found, page.next);
  if (!committed) {
    if (info(committed.error().code).retryable) co_return fail(std::move(committed).error());
    CO_TRY_VOID(co_await commit_one_by_one(std::move(page.found), page.next));
  }
  position_ = page.next;
  co_return page.progress;
}

Task<Result<void>> JournalReactor::commit(std::vector<Found> found, JournalPosition next) {
  struct Shared {
    std::vector<Found> found;
    AfterCommit after;
    bool moved = false;
  };
  auto shared = std::make_shared<Shared>();
  shared->found = std::move(found);
  auto operation = [this, shared, next](Transaction& tx) -> Result<void> {
    shared->after.clear();
    TRY(shared->moved, move_position(tx, handler_.name(), durable_, next));
    if (!shared->moved) {
      return fail(ErrorCode::kUnavailable, "The position in the journal was moved by another");
    }
    for (const auto& one : shared->found) TRY_VOID(one.react(tx, shared->after));
    return {};
  };
  auto committed = co_await store_.write(std::move(operation));
  if (!committed) {
    // Whatever happened, the store knows how far it came.
    const bool unsure = !shared->moved || committed.error().code == ErrorCode::kOutcomeUnknown;
    if (unsure) CO_TRY_VOID(co_await open());
    co_return fail(std::move(committed).error());
  }
  durable_ = position_ = next;
  ++stats_.writes;
  stats_.reactions += shared->found.size();
  for (const auto& action : shared->after) action();
  co_return Result<void>();
}

// After a batch has failed: every record gets what follows from it, save the one that is at fault.
Task<Result<void>> JournalReactor::commit_one_by_one(std::vector<Found> found,
                                                     JournalPosition next) {
  for (auto& one : found) {
    const JournalPosition at = one.position;
    std::vector<Found> alone;
    alone.push_back(std::move(one));
    auto committed = co_await commit(std::move(alone), at);
    if (committed) continue;
    if (is_worth_retrying(at, committed.error())) co_return fail(std::move(committed).error());
    CO_TRY_VOID(co_await set_aside(at, std::move(committed).error()));
  }
  if (next == durable_) co_return Result<void>();
  co_return co_await commit({}, next);
}

bool JournalReactor::is_worth_retrying(JournalPosition position, const Error& error) {
  if (info(error.code).retryable) return true;
  if (failing_ != position) {
    failing_ = position;
    tries_ = 0;
  }
  return ++tries_ < kMaxTries;
}

Task<Result<void>> JournalReactor::set_aside(JournalPosition position, Error error) {
  std::vector<Found> note;
  note.push_back({position, [this, position, error](Transaction& tx, AfterCommit&) {
                    return keep_failure(tx, handler_.name(), position, error);
                  }});
  CO_TRY_VOID(co_await commit(std::move(note), position));
  ++stats_.set_aside;
  on_trouble_({handler_.name(), position, error, Trouble::Then::kSetAside});
  co_return Result<void>();
}

// ---- in the background -------------------------------------------------------------------------

Task<void> JournalReactor::loop() {
  Duration wait = kFirstPause;
  while (!background_.stopping()) {
    const auto progress = co_await step();
    if (!progress) {
      on_trouble_({handler_.name(), position_, progress.error(), Trouble::Then::kTriedAgain});
      co_await background_.rest(wait);
      wait = std::min(wait * 2, kLongestPause);
      continue;
    }
    wait = kFirstPause;
    if (*progress == Progress::kMore) continue;
    const auto woken = co_await feed_.wait_beyond(position_, hours(1));
    if (woken == store::JournalFeed::Wake::kClosed) break;
    co_await background_.rest(kGather);
  }
}

void JournalReactor::run() {
  background_.run(loop());
}

Task<void> JournalReactor::stop() {
  co_await background_.stop();
}

}  // namespace personas::reactor
