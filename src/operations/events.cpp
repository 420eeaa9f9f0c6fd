// Events: publishing them, what became of them, trying and replaying them.
#include <algorithm>
#include <iterator>

#include "personas/bus/bus.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/repositories.hpp"

#include "event_requests.hpp"
#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;
using store::Transaction;

Result<store::Published> publish(Call& call, Transaction& tx, const EventBody& body,
                                 std::string_view field) {
  TRY_VOID(check_persona(call, tx, body.target_persona_id, field));
  store::NewEvent event{.event = body, .dedupe_key = body.idempotency_key.value_or("")};
  event.event.id = EventId::make(call.now, call.services.random);
  if (event.event.source_type.empty()) event.event.source_type = "manual";
  event.event.origin = call.services.facts.instance;
  event.event.created_at = call.now;
  return call.services.bus.publish(tx, call.tenant(), event, call.after_commit);
}

Result<Event> require_event(const Call& call, Transaction& tx, const EventId& id) {
  return require(store::find_event(tx, call.tenant(), id), "event", id.str());
}

Result<Reply> publish_event(Call& call, Transaction& tx) {
  TRY(const auto published, publish(call, tx, call.body<EventBody>(), "/targetPersonaId"));
  TRY(const auto event, require_event(call, tx, published.id));
  return json_reply(published.was == store::Published::Was::kNew ? 201 : 200, event);
}

PublishedEvent report(const store::Published& published) {
  return {published.id, published.status, published.was == store::Published::Was::kRepeated};
}

Result<Reply> publish_batch(Call& call, Transaction& tx) {
  PublishedBatch done;
  for (const auto& body : call.body<EventBatch>().events) {
    const auto field = fmt::format("/events/{}/targetPersonaId", done.events.size());
    TRY(const auto published, publish(call, tx, body, field));
    done.events.push_back(report(published));
  }
  return json_reply(201, done);
}

Result<Reply> list_events(Call& call, Transaction& tx) {
  const auto& query = call.query<EventsQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, store::list_events(tx, call.tenant(),
                                    {.event_type = query.event_type,
                                     .status = query.status,
                                     .source_id = query.source_id,
                                     .since = query.since,
                                     .until = query.until,
                                     .page = page}));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> list_dead_events(Call& call, Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows,
      store::list_events(tx, call.tenant(), {.status = EventStatus::kDead, .page = page}));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> get_event(Call& call, Transaction& tx) {
  TRY(const auto event, require_event(call, tx, call.id<EventId>(0)));
  return json_reply(200, event);
}

Result<Reply> list_matches(Call& call, Transaction& tx) {
  TRY(const auto event, require_event(call, tx, call.id<EventId>(0)));
  TRY(const auto matches, bus::matches_of(tx, call.tenant(), event.id));
  return list_reply(matches);
}

Result<Reply> retry_event(Call& call, Transaction& tx) {
  TRY(const auto event, call.services.bus.retry(tx, call.tenant(), call.id<EventId>(0),
                                                bus::Bus::Asked::kByHand, call.after_commit));
  return json_reply(200, event);
}

Result<PublishedEvent> replay(Call& call, Transaction& tx, Event event, ReplayMode mode) {
  if (mode == ReplayMode::kRetry) {
    TRY(const auto tried, call.services.bus.retry(tx, call.tenant(), event.id,
                                                  bus::Bus::Asked::kByHand, call.after_commit));
    return PublishedEvent{tried.id, tried.status};
  }
  store::NewEvent again{.event = std::move(event)};
  again.replay_of = again.event.replay_of ? again.event.replay_of : std::optional(again.event.id);
  Event& copy = again.event;
  copy.id = EventId::make(call.now, call.services.random);
  copy.status = EventStatus::kPending;
  copy.error_message.reset();
  copy.processed_at.reset();
  copy.next_retry_at.reset();
  copy.retry_count = 0;
  copy.created_at = call.now;
  TRY(const auto published, call.services.bus.publish(tx, call.tenant(), again, call.after_commit));
  return report(published);
}

Result<Reply> replay_events(Call& call, Transaction& tx) {
  const auto& body = call.body<ReplayBody>();
  const auto before = body.before ? std::optional(body.before->str()) : std::nullopt;
  TRY(auto events, store::list_events(tx, call.tenant(),
                                      {.event_type = body.event_type,
                                       .status = body.status,
                                       .source_id = body.source_id,
                                       .since = body.since,
                                       .until = body.until,
                                       .page = {.limit = body.limit, .after = before}}));
  ReplayReport done;
  if (events.size() == static_cast<std::size_t>(body.limit)) done.before = events.back().id;
  for (auto& event : events) {
    TRY(auto one, replay(call, tx, std::move(event), body.mode));
    done.events.push_back(std::move(one));
  }
  return json_reply(200, done);
}

void add_publishing(Table& table) {
  table.push_back(
      {.id = "publishEvent",
       .method = "POST",
       .path = "/api/events",
       .summary = "Publish an event: its subscribers' executions are queued when this answers",
       .tag = "Events",
       .scope = Scope::kRun,
       .body = input<EventBody>(),
       .example = R"({"eventType": "issue.opened", "payload": {"issue": 42}})",
       .output = one<Event>(),
       .status = 201,
       .errors = {ErrorCode::kNotFound},
       .other_successes = {{200, one<Event>()}},
       .handler = Write{&publish_event}});
  table.push_back(
      {.id = "publishEvents",
       .method = "POST",
       .path = "/api/events/batch",
       .summary = "Publish up to 1,000 events in one transaction: all of them or none",
       .tag = "Events",
       .scope = Scope::kRun,
       .body = input<EventBatch>(),
       .example = R"({"events": [{"eventType": "issue.opened", "payload": {"issue": 42}}]})",
       .output = one<PublishedBatch>(),
       .status = 201,
       .errors = {ErrorCode::kNotFound},
       .handler = Write{&publish_batch}});
  table.push_back({.id = "retryEvent",
                   .method = "POST",
                   .path = "/api/events/{id}/retry",
                   .summary = "Start what this event has not started: refused matches, and "
                              "subscriptions made since",
                   .tag = "Events",
                   .scope = Scope::kRun,
                   .output = one<Event>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&retry_event}});
  table.push_back({.id = "replayEvents",
                   .method = "POST",
                   .path = "/api/events/replay",
                   .summary = "Retry the events of a filter, or publish them again; newest first",
                   .tag = "Events",
                   .scope = Scope::kRun,
                   .body = input<ReplayBody>(),
                   .example = R"({"status": "dead", "eventType": "gitlab_*"})",
                   .output = one<ReplayReport>(),
                   .handler = Write{&replay_events}});
}

}  // namespace

void add_events(Table& table) {
  add_publishing(table);
  table.push_back({.id = "listEvents",
                   .method = "GET",
                   .path = "/api/events",
                   .summary = "List events, newest first",
                   .tag = "Events",
                   .query = input<EventsQuery>(),
                   .output = page<Event>(),
                   .handler = &list_events});
  table.push_back({.id = "listDeadEvents",
                   .method = "GET",
                   .path = "/api/events/dead",
                   .summary = "List the events whose tries are spent, newest first",
                   .tag = "Events",
                   .query = input<PageQuery>(),
                   .output = page<Event>(),
                   .handler = &list_dead_events});
  table.push_back({.id = "getEvent",
                   .method = "GET",
                   .path = "/api/events/{id}",
                   .summary = "Get an event",
                   .tag = "Events",
                   .output = one<Event>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_event});
  table.push_back({.id = "listEventMatches",
                   .method = "GET",
                   .path = "/api/events/{id}/matches",
                   .summary = "What became of an event: the subscriptions it matched and the "
                              "executions that came of it",
                   .tag = "Events",
                   .output = list<EventMatch>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_matches});
}

}  // namespace personas::operations
