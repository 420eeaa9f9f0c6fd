#include "append_effects.hpp"

#include <cassert>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

namespace personas::execution {
namespace {

using store::Transaction;

// Ids of rows that come from effects are derived from the effect's key, so that a replayed
// transaction writes the same rows: sortable by execution, then by position in its output.
std::string derived_id(std::string_view prefix, const AppendRequest& request, std::int64_t seq,
                       std::size_t index) {
  const std::string_view execution = request.id.str();
  const std::string_view tail = execution.substr(execution.find('_') + 1);
  return fmt::format("{}_{}.{}.{}.{}", prefix, tail, request.attempt, seq, index);
}

class Applier {
 public:
  Applier(Transaction& tx, const AppendRequest& request, std::string_view source,
          std::optional<Outcome>& outcome)
      : tx_(tx),
        request_(request),
        rehearsal_(is_rehearsal(source)),
        unheard_(source == "poll"),
        outcome_(outcome) {}

  Result<void> apply(const Effect& effect, std::int64_t seq, std::size_t index) {
    if (unheard_) return {};
    seq_ = seq;
    index_ = index;
    key_ = fmt::format("{}/{}/{}/{}", request_.id.str(), request_.attempt, seq, index);
    return std::visit([this](const auto& e) { return on(e); }, effect);
  }
  const Applied& applied() const { return applied_; }

 private:
  std::optional<PersonaId> persona() const {
    return request_.persona.empty() ? std::nullopt : std::optional(request_.persona);
  }
  std::string id(std::string_view prefix) const {
    return derived_id(prefix, request_, seq_, index_);
  }

  template <class Data>
  Result<void> journal(std::string_view type, const Data& data) {
    TRY_VOID(tx_.append({.tenant = request_.tenant,
                         .at = request_.now,
                         .type = type,
                         .data = codec::to_json(data),
                         .execution_id = request_.id.str(),
                         .persona_id = request_.persona.str()}));
    return {};
  }

  Result<void> on(const UserMessage& m) {
    const Message row{.id = MessageId(id(MessageId::prefix)),
                      .persona_id = persona(),
                      .execution_id = request_.id,
                      .title = m.title,
                      .content = m.content,
                      .content_type = m.content_type,
                      .priority = m.priority,
                      .created_at = request_.now};
    TRY(const bool fresh, store::insert_message(tx_, request_.tenant, row, key_));
    if (!fresh) return {};
    return journal(record::kMessageCreated,
                   record::SignalRecord{row.id.str(), row.persona_id, row.execution_id});
  }

  Result<void> on(const AgentMemory& m) {
    if (rehearsal_) return {};
    const Memory row{.id = MemoryId(id(MemoryId::prefix)),
                     .persona_id = persona(),
                     .execution_id = request_.id,
                     .title = m.title,
                     .content = m.content,
                     .category = m.category,
                     .importance = m.importance,
                     .tags = m.tags,
                     .created_at = request_.now};
    TRY(const bool fresh, store::insert_memory(tx_, request_.tenant, row, key_));
    if (!fresh) return {};
    return journal(record::kMemoryCreated,
                   record::SignalRecord{row.id.str(), row.persona_id, row.execution_id});
  }

  Result<void> on(const EmitEvent& e) {
    return publish(e.type, std::nullopt, e.data ? e.data->text : std::string());
  }

  Result<void> on(const PersonaAction& a) {
    const std::string payload =
        fmt::format(R"({{"action":{},"input":{}}})", codec::to_json(a.action),
                    a.input && !a.input->text.empty() ? a.input->text : std::string("null"));
    // The target may be an id or a name.
    TRY(auto target, store::find_persona(tx_, request_.tenant, PersonaId(a.target)));
    if (!target) {
      TRY(target, store::find_persona_by_name(tx_, request_.tenant, a.target));
    }
    return publish("persona_action", target ? std::optional(target->id) : std::nullopt, payload,
                   target ? std::nullopt : std::optional("There is no persona '" + a.target + "'"));
  }

  Result<void> publish(const std::string& type, std::optional<PersonaId> target,
                       std::string payload, std::optional<std::string> problem = {}) {
    Event row;
    row.id = EventId(id(EventId::prefix));
    row.event_type = type;
    row.source_type = "persona";
    row.source_id = request_.persona.empty() ? request_.id.str() : request_.persona.str();
    row.target_persona_id = std::move(target);
    if (!payload.empty()) row.payload = codec::JsonText{std::move(payload)};
    // Nobody can be asked again for a persona that does not exist.
    row.status = problem ? EventStatus::kDead : EventStatus::kPending;
    row.error_message = std::move(problem);
    if (rehearsal_) {
      row.status = EventStatus::kSkipped;
      row.error_message = "test run";
      row.target_persona_id = std::nullopt;
    }
    row.origin = request_.origin;
    row.created_at = request_.now;
    assert(request_.events != nullptr && "whoever runs agents says where their events go");
    const store::NewEvent event{
        .event = std::move(row), .effect_key = key_, .caused_by = request_.id};
    TRY_VOID(request_.events->publish(tx_, request_.tenant, event, applied_.after));
    return {};
  }

  Result<void> on(const ManualReview& r) {
    if (rehearsal_) return {};
    Review row;
    row.id = ReviewId(id(ReviewId::prefix));
    row.persona_id = persona();
    row.execution_id = request_.id;
    row.title = r.title;
    row.description = r.description;
    row.severity = r.severity;
    row.context_data = r.context_data;
    row.suggested_actions = r.suggested_actions;
    row.created_at = request_.now;
    TRY(row.expires_at, expiry());
    TRY(const bool fresh, store::insert_review(tx_, request_.tenant, row, key_));
    if (!fresh) return {};
    if (!applied_.review_expiry) applied_.review_expiry = row.expires_at;
    return journal(record::kReviewRequested,
                   record::ReviewRecord{row.id, row.persona_id, row.execution_id, row.title,
                                        std::string(codec::name_of(row.severity)), "pending"});
  }

  // All questions of one batch have the same time.
  Result<Timestamp> expiry() {
    if (applied_.review_expiry) return *applied_.review_expiry;
    Duration timeout = kDefaultReviewTimeout;
    if (!request_.persona.empty()) {
      TRY(const auto persona, store::find_persona(tx_, request_.tenant, request_.persona));
      if (persona && persona->review_timeout_ms)
        timeout = milliseconds(*persona->review_timeout_ms);
    }
    return request_.now + timeout;
  }

  Result<void> on(const ExecutionFlow& flow) {
    for (const auto& step : flow.flows) {
      const record::ExecutionProgress record{
          request_.id,  request_.attempt,
          "flow",       fmt::format("{}: {} ({})", step.step, step.action, step.status),
          std::nullopt, std::nullopt,
          std::nullopt};
      TRY_VOID(journal(record::kExecutionProgress, record));
    }
    return {};
  }

  Result<void> on(const OutcomeAssessment& assessment) {
    outcome_ = Outcome{assessment.accomplished, assessment.summary, assessment.blockers};
    return {};
  }

  Transaction& tx_;
  const AppendRequest& request_;
  const bool rehearsal_;  // what it asks for reaches nobody
  const bool unheard_;    // what it prints is data, whatever it looks like
  std::optional<Outcome>& outcome_;
  Applied applied_;
  std::int64_t seq_ = 0;
  std::size_t index_ = 0;
  std::string key_;
};

}  // namespace

Result<Applied> apply_effects(Transaction& tx, const AppendRequest& request,
                              std::string_view source, std::optional<Outcome>& outcome) {
  Applier applier(tx, request, source, outcome);
  for (const auto& frame : request.frames) {
    for (std::size_t i = 0; i < frame.effects.size(); ++i) {
      TRY_VOID(applier.apply(frame.effects[i], frame.seq, i));
    }
  }
  return applier.applied();
}

}  // namespace personas::execution
