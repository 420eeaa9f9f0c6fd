#include "history.hpp"

#include <utility>

#include <fmt/format.h>

#include "personas/codec/json.hpp"

namespace personas::simulation {

using store::Sql;
using store::Transaction;

struct EventHistory::Row {
  std::string type;
  std::size_t number = 0;
  std::string status;
};

namespace {

bool takes(std::string_view pattern, std::string_view type) {
  if (!pattern.ends_with('*')) return pattern == type;
  return type.starts_with(pattern.substr(0, pattern.size() - 1));
}

// Runs that were refused to the end have no row; everything else has come to something.
bool has_all_runs(std::string_view status) {
  return status == "delivered" || status == "skipped";
}

}  // namespace

std::string EventHistory::key(const std::string& stream, std::size_t number) {
  return fmt::format("{} {}", stream, number);
}

std::size_t EventHistory::subscribing(const std::string& pattern, const std::string& persona) {
  subscriptions_.push_back({pattern, persona});
  return subscriptions_.size() - 1;
}

void EventHistory::subscribed(std::size_t subscription) {
  auto& made = subscriptions_[subscription];
  made.told = true;
  for (const auto& [name, stream] : streams_) made.before[name] = stream.sent;
}

void EventHistory::asked(const std::string& stream, std::size_t number) {
  auto& known = streams_[stream];
  known.sent = std::max(known.sent, number + 1);
}

void EventHistory::acknowledged(const std::string& stream, std::size_t number,
                                const std::string& event) {
  auto& known = streams_[stream].acknowledged;
  if (number >= known.size()) known.resize(number + 1);
  known[number] = event;
}

void EventHistory::scheduled(const std::string& trigger, Duration every) {
  schedules_[trigger] = every;
}

Result<std::vector<std::string>> EventHistory::faults(Transaction& tx,
                                                      const std::vector<std::string>& order) const {
  static const Sql kEvents("SELECT id, event_type, payload, status FROM events ORDER BY id");
  std::map<std::string, Row> rows;
  std::vector<std::string> faults;
  TRY_VOID(tx.query(kEvents, {}, [&](const store::Row& row) -> Result<bool> {
    const std::string type(row.text(1));
    if (!streams_.contains(type)) return true;
    TRY(const auto payload, codec::parse_json(row.text(2)));
    const auto number = static_cast<std::size_t>(payload.at("n").as_int64());
    rows.emplace(row.text(0), Row{type, number, std::string(row.text(3))});
    return true;
  }));
  check_order(rows, order, faults);
  TRY_VOID(check_runs(tx, rows, faults));
  TRY_VOID(check_slots(tx, faults));
  return faults;
}

void EventHistory::check_order(const std::map<std::string, Row>& rows,
                               const std::vector<std::string>& order,
                               std::vector<std::string>& faults) const {
  std::map<std::string, std::size_t> next;  // by stream
  for (const auto& event : order) {
    const auto found = rows.find(event);
    if (found == rows.end()) continue;  // of somebody else
    const auto& [type, number, status] = found->second;
    auto& expected = next[type];
    if (number >= streams_.at(type).sent) {
      faults.push_back(fmt::format("event {} was never sent", key(type, number)));
    } else if (number < expected) {
      faults.push_back(
          fmt::format("event {} is there twice or after its successor", key(type, number)));
    } else if (number > expected) {
      faults.push_back(fmt::format("event {} is lost or comes after {}", key(type, expected),
                                   key(type, number)));
    }
    expected = std::max(expected, number + 1);
  }
  for (const auto& [name, stream] : streams_) {
    for (std::size_t i = 0; i < stream.acknowledged.size(); ++i) {
      const auto& event = stream.acknowledged[i];
      if (event.empty()) continue;
      const auto found = rows.find(event);
      if (found == rows.end() || found->second.number != i || found->second.type != name) {
        faults.push_back(fmt::format("event {} was acknowledged and is lost", key(name, i)));
      }
    }
  }
}

Result<void> EventHistory::check_runs(Transaction& tx, const std::map<std::string, Row>& rows,
                                      std::vector<std::string>& faults) const {
  static const Sql kRuns(
      "SELECT event_id, persona_id, count(*) FROM executions WHERE event_id IS NOT NULL "
      "GROUP BY event_id, persona_id ORDER BY event_id, persona_id");
  std::map<std::pair<std::string, std::string>, std::int64_t> runs;
  TRY_VOID(tx.query(kRuns, {}, [&](const store::Row& row) -> Result<bool> {
    runs[{std::string(row.text(0)), std::string(row.text(1))}] = row.integer(2);
    return true;
  }));
  std::map<std::pair<std::string, std::string>, std::pair<std::int64_t, std::int64_t>> wanted;
  for (const auto& [event, row] : rows) {
    for (const auto& subscription : subscriptions_) {
      if (!takes(subscription.pattern, row.type)) continue;
      const auto before = subscription.before.find(row.type);
      const bool in_time = subscription.told &&
                           (before == subscription.before.end() || row.number >= before->second);
      auto& [least, most] = wanted[{event, subscription.persona}];
      least += in_time && has_all_runs(row.status) ? 1 : 0;
      ++most;
    }
  }
  for (const auto& [of, bounds] : wanted) {
    const auto found = runs.find(of);
    const std::int64_t count = found == runs.end() ? 0 : found->second;
    if (count > bounds.second || count < bounds.first) {
      faults.push_back(fmt::format("event {} has {} runs of {}, not {} to {}", of.first, count,
                                   of.second, bounds.first, bounds.second));
    }
  }
  for (const auto& [of, count] : runs) {
    if (rows.contains(of.first) && !wanted.contains(of)) {
      faults.push_back(fmt::format("event {} has {} runs of {}, which did not subscribe", of.first,
                                   count, of.second));
    }
  }
  return {};
}

Result<void> EventHistory::check_slots(Transaction& tx, std::vector<std::string>& faults) const {
  // Each firing, how many events it has, and how many runs those have.
  static const Sql kFirings(
      "SELECT f.trigger_id, f.slot, f.event_id, (SELECT count(*) FROM events e WHERE e.id = "
      "f.event_id AND e.tenant_id = f.tenant_id), (SELECT count(*) FROM executions x WHERE "
      "x.event_id = f.event_id AND x.tenant_id = f.tenant_id), (SELECT e.status FROM events e "
      "WHERE e.id = f.event_id AND e.tenant_id = f.tenant_id) FROM trigger_firings f "
      "ORDER BY f.trigger_id, f.slot");
  std::map<std::string, std::int64_t> last;  // slots, by trigger
  TRY_VOID(tx.query(kFirings, {}, [&](const store::Row& row) -> Result<bool> {
    const std::string trigger(row.text(0));
    const auto slot = row.integer(1);
    const auto name = fmt::format("slot {} of {}", slot, trigger);
    const auto known = last.find(trigger);
    if (known != last.end() && known->second == slot) faults.push_back(name + " fired twice");
    const auto every = schedules_.find(trigger);
    if (known != last.end() && every != schedules_.end() &&
        slot - known->second != every->second.count()) {
      faults.push_back(fmt::format("{} comes after slot {}", name, known->second));
    }
    last[trigger] = slot;
    if (row.is_null(2)) return true;  // skipped
    if (row.integer(3) != 1) faults.push_back(name + " has no event");
    const bool all = has_all_runs(row.text(5));
    if (row.integer(4) > 1 || (all && row.integer(4) != 1)) {
      faults.push_back(fmt::format("{} has {} runs", name, row.integer(4)));
    }
    return true;
  }));
  return {};
}

}  // namespace personas::simulation
