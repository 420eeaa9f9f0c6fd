#include "observer.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "personas/execution/output_codec.hpp"

namespace personas::simulation {

using store::Row;
using store::Sql;
using store::Transaction;

namespace {

constexpr std::size_t kMostViolations = 10;

}  // namespace

AttemptName attempt_name(std::string_view execution, std::int64_t attempt) {
  return fmt::format("{}/{}", execution, attempt);
}

std::string execution_of(std::string_view attempt_name) {
  return std::string(attempt_name.substr(0, attempt_name.rfind('/')));
}

void Observer::trace(std::string_view what) {
  const auto mix = [this](std::uint64_t byte) { hash_ = (hash_ ^ byte) * 1099511628211ULL; };
  const auto at = static_cast<std::uint64_t>(scheduler_.now().micros);
  for (int shift = 0; shift < 64; shift += 8) mix((at >> shift) & 0xff);
  for (const char c : what) mix(static_cast<unsigned char>(c));
  if (printing_) {
    fmt::print("{:>14.6f}  {}\n", static_cast<double>(scheduler_.now().micros) / 1e6 - 1000, what);
  }
}

void Observer::violate(std::string what) {
  trace("VIOLATION " + what);
  if (violations_.size() < kMostViolations) violations_.push_back(std::move(what));
}

void Observer::check(const Result<void>& outcome, std::string_view doing) {
  if (!outcome) violate(fmt::format("{}: {}", doing, outcome.error().message));
}

// ---- agents -------------------------------------------------------------------------------------

void Observer::agent_started(const AttemptName& attempt, const std::string& worker,
                             const std::map<std::string, std::string>& session_given) {
  trace("agent starts " + attempt + " on " + worker);
  count("agents started");
  const auto execution = execution_of(attempt);
  const auto [other, alone] = alive_.try_emplace(execution, attempt);
  if (!alone) violate(fmt::format("{} starts while {} is alive", attempt, other->second));
  other->second = attempt;
  const auto [made, is_new] = attempts_.try_emplace(attempt);
  if (!is_new) violate(attempt + " starts twice");
  made->second.alive = true;
  made->second.worker = worker;
  if (++busy_slots_[worker] > limits.slots[worker]) {
    violate(fmt::format("{} runs {} agents in {} slots", worker, busy_slots_[worker],
                        limits.slots[worker]));
  }
  if (session_given.empty()) return;
  count("sessions continued");
  made->second.kept = session_given;
  // What it is given some earlier attempt has kept, from its beginning.
  for (const auto& [path, content] : session_given) {
    const bool known = std::ranges::any_of(attempts_, [&](const auto& entry) {
      if (entry.first == attempt || execution_of(entry.first) != execution) return false;
      const auto kept = entry.second.kept.find(path);
      return kept != entry.second.kept.end() && kept->second.starts_with(content);
    });
    if (!known) violate(fmt::format("{} continues a session that nobody kept: {}", attempt, path));
  }
}

void Observer::agent_ended(const AttemptName& attempt, Ending ending) {
  trace("agent ends " + attempt);
  auto& ended = attempts_[attempt];
  ended.alive = false;
  ended.ending = ending;
  --busy_slots_[ended.worker];
  const auto found = alive_.find(execution_of(attempt));
  if (found != alive_.end() && found->second == attempt) alive_.erase(found);
}

void Observer::agent_wrote(const AttemptName& attempt, std::string_view text) {
  attempts_[attempt].written += text;
}

void Observer::agent_kept(const AttemptName& attempt, const std::string& path,
                          std::string_view text) {
  attempts_[attempt].kept[path] += text;
}

// ---- clients ------------------------------------------------------------------------------------

void Observer::asked(const std::string& key) {
  keys_.insert(key);
}

void Observer::promised(const std::string& key, const std::string& execution) {
  trace("promised " + key + " " + execution);
  const auto [known, is_new] = executions_.try_emplace(key, execution);
  if (!is_new && known->second != execution) {
    violate(fmt::format("{} is {} and {}", key, known->second, execution));
  }
}

void Observer::cancel_promised(const std::string& execution) {
  trace("cancel promised " + execution);
  cancels_.insert(execution);
}

void Observer::answer_promised(const std::string& review, const std::string& status) {
  trace("answer promised " + review);
  answers_[review] = status;
}

// ---- after every commit -------------------------------------------------------------------------

void Observer::acknowledged(store::JournalPosition position) {
  if (position.value < acknowledged_) {
    violate(fmt::format("position {} is acknowledged after {}", position.value, acknowledged_));
  }
  acknowledged_ = std::max(acknowledged_, position.value);
}

void Observer::look(Transaction& tx) {
  check(read_new(tx), "the journal");
  for (const auto& block : fold_.take_output()) check(check_output(tx, block), "output");
  for (const auto& ended : fold_.take_ended()) check(check_ended(ended), "an ended attempt");
  check(check_rows(tx, fold_.take_touched()), "rows");
  check(check_limits(tx), "limits");
}

Result<void> Observer::read_new(Transaction& tx) {
  static const Sql kNew(
      "SELECT position, type, record, leaf FROM journal WHERE position > ? ORDER BY position");
  TRY_VOID(tx.query(kNew, {fold_.last()}, [this](const Row& row) -> Result<bool> {
    const auto position = row.integer(0);
    auto leaf = std::string(as_text(row.bytes(3)));
    trace(fmt::format("record {} {} {}", position, row.text(1), to_hex(as_bytes(leaf))));
    const auto [known, is_new] = leaves_.try_emplace(position, leaf);
    if (!is_new && known->second != leaf) {
      violate(fmt::format("record {} is another than before", position));
    }
    check(fold_.add(position, row.text(1), as_text(row.bytes(2))), "the journal");
    return true;
  }));
  return {};
}

Result<void> Observer::check_output(Transaction& tx, const Fold::OutputBlock& block) {
  static const Sql kBlock(
      "SELECT codec, data, size, first_seq, stream FROM output_blocks WHERE execution_id = ? AND "
      "attempt = ? AND last_seq = ?");
  const auto name = attempt_name(block.execution, block.attempt);
  std::optional<std::string> text;
  TRY_VOID(tx.query(kBlock, {block.execution, block.attempt, block.last_seq},
                    [&](const Row& row) -> Result<bool> {
                      TRY(text,
                          execution::unpack_output(row.text(0), row.bytes(1), row.integer(2)));
                      if (row.integer(3) != block.first_seq || row.text(4) != block.stream) {
                        violate(name + ": block and record differ");
                      }
                      return false;
                    }));
  if (!text || static_cast<std::int64_t>(text->size()) != block.bytes) {
    return fail(ErrorCode::kCorrupt, name + ": a record of output without its block");
  }
  if (block.stream != "stdout") return {};
  const auto known = attempts_.find(name);
  if (known == attempts_.end()) return fail(ErrorCode::kCorrupt, name + " writes and never ran");
  auto& committed = committed_[name];
  const auto& written = known->second.written;
  const auto at = std::min(committed.bytes, written.size());
  if (std::string_view(written).substr(at, text->size()) != *text) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: from byte {} the store has '{}', its agent wrote '{}'", name, at,
                            *text, written.substr(at, text->size())));
  }
  committed.bytes += text->size();
  count("output bytes checked", text->size());
  return {};
}

// An attempt whose own end was committed: all that it wrote is there.
Result<void> Observer::check_ended(const Fold::Ended& ended) {
  const auto name = attempt_name(ended.execution, ended.attempt);
  const auto known = attempts_.find(name);
  const auto reason = ended.reason.value_or("none");
  count("attempts ended: " + reason);
  if (ended.parked) count("parked for: " + *ended.parked);
  const bool by_itself = reason == "none" || reason == "agent_exit" || reason == "provider_quota";
  if (ended.status == "cancelled" || !by_itself) return {};
  if (known == attempts_.end()) return fail(ErrorCode::kCorrupt, name + " ends and never ran");
  const auto& attempt = known->second;
  if (attempt.alive) return fail(ErrorCode::kCorrupt, name + " is over while its agent lives");
  if (const auto bytes = committed_[name].bytes; bytes != attempt.written.size()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{} is over with {} of {} bytes", name, bytes, attempt.written.size()));
  }
  return {};
}

Result<void> Observer::check_limits(Transaction& tx) {
  static const Sql kRunning(
      "SELECT persona_id, count(*) FROM executions WHERE status = "
      "'running' AND parked IS NULL GROUP BY persona_id");
  static const Sql kWaiting(
      "SELECT count(*) FROM executions WHERE status = 'queued' AND attempt = 0");
  std::int64_t all = 0;
  TRY_VOID(tx.query(kRunning, {}, [&](const Row& row) -> Result<bool> {
    const auto limit = limits.persona.find(std::string(row.text(0)));
    all += row.integer(1);
    if (limit != limits.persona.end() && row.integer(1) > limit->second) {
      violate(fmt::format("persona {} runs {} of {}", row.text(0), row.integer(1), limit->second));
    }
    return true;
  }));
  if (limits.tenant > 0 && all > limits.tenant) {
    violate(fmt::format("the tenant runs {} of {}", all, limits.tenant));
  }
  TRY_VOID(tx.query(kWaiting, {}, [&](const Row& row) -> Result<bool> {
    if (row.integer(0) > limits.queued) {
      violate(fmt::format("{} new executions wait of {}", row.integer(0), limits.queued));
    }
    return false;
  }));
  return {};
}

void Observer::spooled(const std::string& worker, std::size_t bytes) {
  if (bytes > limits.spool[worker]) {
    violate(fmt::format("{} spools {} bytes of {}", worker, bytes, limits.spool[worker]));
  }
}

}  // namespace personas::simulation
