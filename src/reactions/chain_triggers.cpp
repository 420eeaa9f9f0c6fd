#include "personas/reactions/chain_triggers.hpp"

#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "personas/codec/json.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"
#include "personas/triggers/config.hpp"
#include "personas/triggers/firing.hpp"
#include "personas/triggers/trigger_store.hpp"

namespace personas::reactions {
namespace {

using reactor::AfterCommit;
using reactor::Reaction;
using store::Transaction;
using triggers::ChainOn;

constexpr codec::ReadOptions kOurOwn{.unknown = codec::UnknownFields::kIgnore,
                                     .read_only = codec::ReadOptions::ReadOnly::kAccept,
                                     .rules = codec::ReadOptions::Rules::kTrust};

// What has happened, as chains ask for it.
struct Happening {
  PersonaId persona;
  bool completed = false;
  bool failed = false;
  bool not_accomplished = false;
  std::optional<std::string> event_type = {};
  codec::RawJson payload = {};  // of the trigger's event, if it has none of its own
  std::optional<ExecutionId> caused_by = {};
  std::optional<EventId> follows = {};
};

Result<std::optional<Happening>> ended_run(Transaction& tx, const store::JournalRecord& record) {
  TRY(const auto data, codec::parse<record::ExecutionStatusChanged>(record.data(), kOurOwn));
  if (!is_final(data.status) || !data.persona_id) return std::optional<Happening>();
  TRY(const auto run,
      execution::load(tx, record.tenant, data.execution_id, execution::Output::kNone));
  if (execution::is_rehearsal(run.source)) return std::optional<Happening>();
  const bool done = data.status == ExecutionStatus::kCompleted;
  boost::json::object payload{{"executionId", data.execution_id.str()},
                              {"personaId", data.persona_id->str()},
                              {"status", codec::name_of(data.status)}};
  if (run.outcome) {
    payload["accomplished"] = run.outcome->accomplished;
    payload["summary"] = run.outcome->summary;
  }
  return Happening{.persona = *data.persona_id,
                   .completed = done,
                   .failed = data.status == ExecutionStatus::kFailed,
                   .not_accomplished = done && run.outcome && !run.outcome->accomplished,
                   .payload = {codec::serialize(payload)},
                   .caused_by = data.execution_id};
}

Result<std::optional<Happening>> emitted_event(Transaction& tx,
                                               const store::JournalRecord& record) {
  TRY(const auto data, codec::parse<record::EventPublished>(record.data(), kOurOwn));
  if (data.source_type != "persona") return std::optional<Happening>();
  TRY(const auto event, store::find_event(tx, record.tenant, data.event_id));
  // What a test run emits goes to nobody.
  if (!event || !event->source_id || event->error_message == "test run") {
    return std::optional<Happening>();
  }
  return Happening{.persona = PersonaId(*event->source_id),
                   .event_type = event->event_type,
                   .payload = {event->payload ? event->payload->text : "null"},
                   .follows = event->id};
}

bool is_type(std::string_view type, std::string_view pattern) {
  if (!pattern.ends_with('*')) return type == pattern;
  return type.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool wants(const triggers::TriggerConfig& config, const Happening& happening) {
  if (config.source_persona_id != happening.persona || !config.on) return false;
  switch (*config.on) {
    case ChainOn::kCompleted:
      return happening.completed;
    case ChainOn::kFailed:
      return happening.failed;
    case ChainOn::kNotAccomplished:
      return happening.not_accomplished;
    case ChainOn::kEvent:
      return happening.event_type &&
             is_type(*happening.event_type, config.source_event_type.value_or("*"));
  }
  return false;
}

struct Link {
  Trigger trigger;
  triggers::Plan plan;
  triggers::Slot slot;
};

}  // namespace

std::vector<std::string_view> ChainTriggers::types() const {
  return {record::kExecutionStatus, record::kEventPublished};
}

Result<Reaction> ChainTriggers::look(Transaction& tx, const store::JournalRecord& record) {
  TRY(auto chains, triggers::chain_triggers(tx, record.tenant));
  if (chains.empty()) return Reaction();
  TRY(const auto happening,
      record.type == record::kExecutionStatus ? ended_run(tx, record) : emitted_event(tx, record));
  if (!happening) return Reaction();
  const Timestamp now = clock_.wall();
  std::vector<Link> links;
  for (auto& trigger : chains) {
    auto plan = triggers::plan_of(trigger);
    if (!plan || !wants(plan->config, *happening)) continue;
    if (!plan->config.payload) plan->config.payload = happening->payload;
    links.push_back({std::move(trigger),
                     std::move(*plan),
                     {.at = record.at,
                      .kind = FiringKind::kChain,
                      .ids = triggers::FiringIds::make(now, random_),
                      .caused_by = happening->caused_by,
                      .follows = happening->follows}});
  }
  if (links.empty()) return Reaction();
  return [this, tenant = record.tenant, links = std::move(links), now](
             Transaction& write, AfterCommit& after) -> Result<void> {
    for (const Link& link : links) {
      TRY(auto trigger, triggers::find_trigger(write, tenant, link.trigger.id));
      if (!trigger || !trigger->enabled) continue;
      TRY_VOID(triggers::publish_now(write, events_, origin_, tenant, std::move(*trigger),
                                     link.plan, link.slot, now, after));
    }
    return {};
  };
}

}  // namespace personas::reactions
