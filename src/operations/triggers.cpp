// Triggers: what publishes events by a schedule or by hand, and what it has published.
#include <fmt/format.h>

#include "personas/model/journal_records.hpp"
#include "personas/net/target_policy.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/triggers/config.hpp"
#include "personas/triggers/firing.hpp"
#include "personas/triggers/trigger_store.hpp"

#include "reply.hpp"
#include "subjects.hpp"
#include "trigger_requests.hpp"

namespace personas::operations {
namespace {

using identity::Scope;
using store::Transaction;
using triggers::Plan;

// Events of one request to fill in: they are one transaction, and all are enqueued at once.
constexpr std::size_t kMaxBackfill = 500;
// Two requests by hand within a microsecond take neighbouring slots.

Result<Trigger> require_trigger(const Call& call, Transaction& tx) {
  const auto id = call.id<TriggerId>(0);
  return require(triggers::find_trigger(tx, call.tenant(), id), "trigger", id.str());
}

Result<void> record_trigger(const Call& call, Transaction& tx, std::string_view type,
                            const Trigger& trigger) {
  return record_fact(call, tx, type, record::Named{trigger.id.str(), trigger.name.value_or("")},
                     {.persona = trigger.persona_id.str()});
}

void tell_scheduler(Call& call) {
  if (call.services.triggers_changed) {
    call.after_commit.push_back(call.services.triggers_changed);
  }
}

// The personas that it names exist, and its config is right.
Result<Plan> check(const Call& call, Transaction& tx, const Trigger& trigger) {
  TRY(auto plan, triggers::plan_of(trigger));
  TRY_VOID(check_persona(call, tx, trigger.persona_id, "/personaId"));
  TRY_VOID(check_persona(call, tx, trigger.target_persona_id, "/targetPersonaId"));
  TRY_VOID(check_persona(call, tx, plan.config.source_persona_id, "/config/sourcePersonaId"));
  if (plan.config.url) {
    if (const auto vetted = net::vet_url(*plan.config.url, call.services.webhooks.targets);
        !vetted) {
      return fail(ErrorCode::kInvalidRequest, vetted.error().message,
                  {{"/config/url", vetted.error().message}});
    }
  }
  return plan;
}

// ---- as rows -----------------------------------------------------------------------------------

Result<Reply> list_triggers(Call& call, Transaction& tx) {
  const auto& query = call.query<TriggersQuery>();
  TRY(auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, triggers::list_triggers(
                     tx, call.tenant(),
                     {.persona_id = query.persona_id, .type = query.trigger_type, .page = page}));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> list_persona_triggers(Call& call, Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(auto page, page_of(call, query.limit, query.cursor));
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(auto rows, triggers::list_triggers(tx, call.tenant(),
                                         {.persona_id = persona.id, .type = {}, .page = page}));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> create_trigger(Call& call, Transaction& tx) {
  Trigger trigger = call.body<Trigger>();
  trigger.id = TriggerId::make(call.now, call.services.random);
  trigger.created_at = trigger.updated_at = call.now;
  TRY(const auto plan, check(call, tx, trigger));
  triggers::plan_next(trigger, plan, call.now);
  TRY_VOID(triggers::insert_trigger(tx, call.tenant(), trigger));
  TRY_VOID(record_trigger(call, tx, record::kTriggerCreated, trigger));
  tell_scheduler(call);
  return json_reply(201, trigger);
}

Result<Reply> get_trigger(Call& call, Transaction& tx) {
  TRY(const auto trigger, require_trigger(call, tx));
  return json_reply(200, trigger);
}

// Its slots are counted anew from now, if what they depend on has changed; what was missed before
// is not made up for.
Result<Reply> save(Call& call, Transaction& tx, const Trigger& before, Trigger trigger) {
  TRY(const auto plan, check(call, tx, trigger));
  if (trigger.enabled && !before.enabled) {
    trigger.paused_reason.reset();
    trigger.consecutive_failures = 0;
  }
  if (trigger.enabled != before.enabled || trigger.trigger_type != before.trigger_type ||
      trigger.config != before.config) {
    triggers::plan_next(trigger, plan, call.now);
  }
  trigger.updated_at = call.now;
  TRY_VOID(triggers::update_trigger(tx, call.tenant(), trigger));
  TRY_VOID(record_trigger(call, tx, record::kTriggerUpdated, trigger));
  tell_scheduler(call);
  return json_reply(200, trigger);
}

Result<Reply> update_trigger(Call& call, Transaction& tx) {
  TRY(const auto before, require_trigger(call, tx));
  Trigger trigger = before;
  TRY_VOID(merge_body(call, trigger));
  return save(call, tx, before, std::move(trigger));
}

Result<Reply> pause_trigger(Call& call, Transaction& tx) {
  TRY(const auto before, require_trigger(call, tx));
  Trigger trigger = before;
  const auto& reason = call.body<PauseBody>().reason;
  trigger.enabled = false;
  trigger.paused_reason = reason.empty() ? "Paused by request" : reason;
  return save(call, tx, before, std::move(trigger));
}

Result<Reply> resume_trigger(Call& call, Transaction& tx) {
  TRY(const auto before, require_trigger(call, tx));
  Trigger trigger = before;
  trigger.enabled = true;
  return save(call, tx, before, std::move(trigger));
}

Result<Reply> delete_trigger(Call& call, Transaction& tx) {
  TRY(const auto trigger, require_trigger(call, tx));
  TRY_VOID(triggers::delete_trigger(tx, call.tenant(), trigger.id));
  TRY_VOID(record_trigger(call, tx, record::kTriggerDeleted, trigger));
  tell_scheduler(call);
  return empty_reply();
}

// ---- firing ------------------------------------------------------------------------------------

// Whatever its type, and also while it is paused: who asks for it by hand means it.
Result<Reply> fire_trigger(Call& call, Transaction& tx) {
  TRY(auto trigger, require_trigger(call, tx));
  TRY(auto plan, triggers::plan_of(trigger));
  if (call.body<FireBody>().payload) plan.config.payload = call.body<FireBody>().payload;
  const triggers::Slot slot{.at = call.now,
                            .kind = FiringKind::kManual,
                            .ids = triggers::FiringIds::make(call.now, call.services.random)};
  TRY(const auto fired,
      triggers::publish_now(tx, call.services.bus, call.services.facts.instance, call.tenant(),
                            std::move(trigger), plan, slot, call.now, call.after_commit));
  if (!fired) return fail(ErrorCode::kConflict, "It is fired too often; try again");
  return json_reply(201, *fired);
}

Result<std::vector<Timestamp>> slots_to_fill(const Call& call, const Plan& plan) {
  const auto& body = call.body<BackfillBody>();
  std::vector<FieldError> wrong;
  if (body.to > call.now) wrong.push_back({"/to", "must not be in the future"});
  if (body.to < body.from) wrong.push_back({"/to", "is before the begin"});
  if (body.from < call.now - triggers::kFiringsKept) {
    wrong.push_back({"/from", "must not be longer ago than 90 days"});
  }
  if (!wrong.empty()) {
    return fail(ErrorCode::kInvalidRequest, "The range is wrong", std::move(wrong));
  }
  if (!plan.schedule || plan.config.url || plan.config.command) {
    return fail(ErrorCode::kUnprocessable, "Only a trigger of type schedule has slots to fill in");
  }
  auto slots = plan.schedule->slots_between(body.from - Duration(1), body.to, kMaxBackfill + 1);
  if (slots.size() > kMaxBackfill) {
    return fail(ErrorCode::kUnprocessable,
                fmt::format("The range has more than {} slots; fill it in in parts", kMaxBackfill));
  }
  return slots;
}

Result<Reply> backfill_trigger(Call& call, Transaction& tx) {
  TRY(auto trigger, require_trigger(call, tx));
  TRY(const auto plan, triggers::plan_of(trigger));
  TRY(const auto slots, slots_to_fill(call, plan));
  Backfilled report;
  for (const auto slot : slots) {
    const auto ids = triggers::FiringIds::make(call.now, call.services.random);
    TRY(const auto fired,
        triggers::publish_slot(
            tx, call.services.bus, call.services.facts.instance, call.tenant(), trigger, plan,
            {.at = slot, .kind = FiringKind::kBackfill, .ids = ids}, call.now, call.after_commit));
    ++(fired ? report.published : report.already_fired);
  }
  if (report.published > 0) trigger.last_triggered_at = call.now;
  trigger.trigger_count += report.published;
  TRY_VOID(triggers::update_trigger(tx, call.tenant(), trigger));
  return json_reply(201, report);
}

Result<Reply> list_firings(Call& call, Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(const auto trigger, require_trigger(call, tx));
  TRY(auto rows, triggers::list_firings(tx, call.tenant(), trigger.id, page));
  return page_reply(call, std::move(rows), query.limit);
}

// ---- what is to come ---------------------------------------------------------------------------

Result<Reply> slots_of(const Call& call, const Trigger& trigger) {
  TRY(const auto plan, triggers::plan_of(trigger));
  std::vector<PreviewSlot> slots;
  if (plan.schedule) {
    const auto count = static_cast<std::size_t>(call.query<PreviewQuery>().count);
    for (const auto slot : plan.schedule->next_n(call.now, count)) {
      slots.push_back(
          {slot, schedule::due_at(*plan.schedule, slot, {trigger.id.str(), plan.jitter})});
    }
  }
  return list_reply(slots);
}

Result<Reply> preview_trigger(Call& call, Transaction& tx) {
  TRY(const auto trigger, require_trigger(call, tx));
  return slots_of(call, trigger);
}

Result<Reply> preview_config(Call& call, Transaction&) {
  const auto& body = call.body<PreviewBody>();
  Trigger trigger{.trigger_type = body.trigger_type, .config = body.config};
  trigger.created_at = call.now;
  return slots_of(call, trigger);
}

void add_firing(Table& table) {
  table.push_back({.id = "fireTrigger",
                   .method = "POST",
                   .path = "/api/triggers/{id}/fire",
                   .summary = "Publish the event of a trigger now",
                   .tag = "Triggers",
                   .scope = Scope::kRun,
                   .body = input<FireBody>(InputType::Form::kOptional),
                   .output = one<TriggerFiring>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict, ErrorCode::kUnavailable},
                   .handler = Write{&fire_trigger}});
  table.push_back({.id = "listTriggerFirings",
                   .method = "GET",
                   .path = "/api/triggers/{id}/firings",
                   .summary = "List the firings of a trigger, newest first",
                   .tag = "Triggers",
                   .query = input<PageQuery>(),
                   .output = page<TriggerFiring>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_firings});
  table.push_back(
      {.id = "backfillTrigger",
       .method = "POST",
       .path = "/api/triggers/{id}/backfill",
       .summary = "Publish an event for each slot of a past range that has not fired",
       .tag = "Triggers",
       .scope = Scope::kRun,
       .body = input<BackfillBody>(),
       .output = one<Backfilled>(),
       .status = 201,
       .errors = {ErrorCode::kNotFound, ErrorCode::kUnprocessable, ErrorCode::kUnavailable},
       .handler = Write{&backfill_trigger}});
  table.push_back({.id = "previewTrigger",
                   .method = "GET",
                   .path = "/api/triggers/{id}/preview",
                   .summary = "List the next slots of a trigger",
                   .tag = "Triggers",
                   .query = input<PreviewQuery>(),
                   .output = list<PreviewSlot>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &preview_trigger});
  table.push_back({.id = "previewTriggerConfig",
                   .method = "POST",
                   .path = "/api/triggers/preview",
                   .summary = "Check a config, and list the slots that it would have",
                   .tag = "Triggers",
                   .query = input<PreviewQuery>(),
                   .body = input<PreviewBody>(),
                   .example = R"({"config": {"cron": "0 9 * * MON-FRI", "timezone": "UTC"}})",
                   .output = list<PreviewSlot>(),
                   .handler = &preview_config});
}

void add_changing(Table& table) {
  table.push_back({.id = "replaceTrigger",
                   .method = "PUT",
                   .path = "/api/triggers/{id}",
                   .summary = "Change a trigger; what is absent stays",
                   .tag = "Triggers",
                   .scope = Scope::kWrite,
                   .body = input<Trigger>(InputType::Form::kPartial),
                   .output = one<Trigger>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&update_trigger}});
  table.push_back({.id = "updateTrigger",
                   .method = "PATCH",
                   .path = "/api/triggers/{id}",
                   .summary = "Change a trigger; what is absent stays",
                   .tag = "Triggers",
                   .scope = Scope::kWrite,
                   .body = input<Trigger>(InputType::Form::kPartial),
                   .output = one<Trigger>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&update_trigger}});
  table.push_back({.id = "pauseTrigger",
                   .method = "POST",
                   .path = "/api/triggers/{id}/pause",
                   .summary = "Pause a trigger: its slots pass until it is resumed",
                   .tag = "Triggers",
                   .scope = Scope::kWrite,
                   .body = input<PauseBody>(InputType::Form::kOptional),
                   .output = one<Trigger>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&pause_trigger}});
  table.push_back({.id = "resumeTrigger",
                   .method = "POST",
                   .path = "/api/triggers/{id}/resume",
                   .summary = "Let a trigger fire again, from its next slot on",
                   .tag = "Triggers",
                   .scope = Scope::kWrite,
                   .output = one<Trigger>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&resume_trigger}});
  table.push_back({.id = "deleteTrigger",
                   .method = "DELETE",
                   .path = "/api/triggers/{id}",
                   .summary = "Delete a trigger with its firings; its events stay",
                   .tag = "Triggers",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_trigger}});
}

}  // namespace

void add_triggers(Table& table) {
  table.push_back({.id = "listTriggers",
                   .method = "GET",
                   .path = "/api/triggers",
                   .summary = "List triggers, newest first",
                   .tag = "Triggers",
                   .query = input<TriggersQuery>(),
                   .output = page<Trigger>(),
                   .handler = &list_triggers});
  table.push_back({.id = "listPersonaTriggers",
                   .method = "GET",
                   .path = "/api/personas/{id}/triggers",
                   .summary = "List the triggers of a persona, newest first",
                   .tag = "Triggers",
                   .query = input<PageQuery>(),
                   .output = page<Trigger>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_persona_triggers});
  table.push_back({.id = "createTrigger",
                   .method = "POST",
                   .path = "/api/triggers",
                   .summary = "Create a trigger",
                   .tag = "Triggers",
                   .scope = Scope::kWrite,
                   .body = input<Trigger>(),
                   .example = R"({"personaId": "per_1", "triggerType": "schedule",
                      "config": {"cron": "0 9 * * MON-FRI", "event_type": "daily_review"}})",
                   .output = one<Trigger>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kUnprocessable},
                   .handler = Write{&create_trigger}});
  table.push_back({.id = "getTrigger",
                   .method = "GET",
                   .path = "/api/triggers/{id}",
                   .summary = "Get a trigger",
                   .tag = "Triggers",
                   .output = one<Trigger>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_trigger});
  add_changing(table);
  add_firing(table);
}

}  // namespace personas::operations
