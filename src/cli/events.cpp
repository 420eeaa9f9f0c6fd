// `personas events`: what happened, who was started by it, and doing it again.
#include "personas/agents/untrusted.hpp"
#include "personas/model/signals.hpp"
#include "personas/model/subscription.hpp"

#include "common.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

constexpr Kind kEvent{"/api/events", "evt_", "event", "personas events ls"};
constexpr int kReplayedAtOnce = 500;  // by one request

struct EventOptions {
  Format format = Format::kText;
  std::string id;
  std::string type;
  std::string status;
  std::string source;
  std::string source_type = "cli";
  std::string since;
  std::string until;
  std::string payload;
  std::string persona;
  std::string key;
  bool again = false;
  int limit = 50;
};
using Kept = std::shared_ptr<EventOptions>;

Task<Result<Event>> find_event(Api& api, std::string text) {
  return find_thing<Event>(api, kEvent, std::move(text), query_of(kSearched, {}));
}

// "" or the time as the API takes it.
Result<std::string> time_of(Context& context, std::string_view flag, const std::string& text) {
  if (text.empty()) return std::string();
  TRY(const auto time, time_argument(context, flag, text));
  return to_rfc3339(time);
}

std::string source_of(const Event& event) {
  return event.source_id ? fmt::format("{} {}", event.source_type, *event.source_id)
                         : event.source_type;
}

Task<Result<int>> show_list(Context& context, Format format, std::string path,
                            std::string if_none) {
  Api api(context);
  CO_TRY(const auto response, co_await api.call("GET", std::move(path)));
  if (format == Format::kJson) co_return print_answer(context, format, response, {});
  CO_TRY(const auto events, read_answer<std::vector<Event>>(response));
  if (events.empty()) {
    context.terminal.err(if_none + "\n");
    co_return kExitDone;
  }
  const auto names = co_await persona_names(api);
  const auto now = context.clock.wall();
  Table table({"ID", "TYPE", "STATUS", "AGE", "TARGET", "SOURCE"});
  for (const auto& e : events) {
    std::string source = source_of(e);
    if (e.next_retry_at) source += fmt::format(", tried again {}", when(*e.next_retry_at, now));
    if (e.error_message) source += ": " + *e.error_message;
    table.add({{e.id.str()},
               {e.event_type, Paint::kBold},
               status_cell(codec::name_of(e.status)),
               {age(now - e.created_at)},
               {shown(e.target_persona_id, names)},
               {std::move(source)}});
  }
  context.terminal.out(table.render(context.terminal));
  if (!response.headers.get("X-Next-Cursor").empty()) {
    context.terminal.err(paint(context.terminal, Paint::kDim, "there are more; raise --limit\n"));
  }
  co_return kExitDone;
}

Task<Result<int>> list_events(Context& context, Kept o) {
  CO_TRY(const auto since, time_of(context, "--since", o->since));
  CO_TRY(const auto until, time_of(context, "--until", o->until));
  std::string path = "/api/events" + query_of(o->limit, {{"eventType", o->type},
                                                         {"status", o->status},
                                                         {"sourceId", o->source},
                                                         {"since", since},
                                                         {"until", until}});
  co_return co_await show_list(context, o->format, std::move(path), "no events");
}

Task<Result<int>> list_dead(Context& context, Kept o) {
  return show_list(context, o->format, "/api/events/dead" + query_of(o->limit, {}),
                   "no dead events: whoever was to get one has got it");
}

std::string as_text(const Terminal& terminal, const Event& e, const PersonaNames& names,
                    Timestamp now) {
  const std::string status(codec::name_of(e.status));
  std::string out =
      paint(terminal, Paint::kBold, agents::clean_line(e.event_type, 200)) + "  " +
      paint(terminal, paint_of_status(status), status) + "\n" +
      paint(terminal, Paint::kDim,
            fmt::format("{} · {} ago · from {}\n", e.id.str(), age(now - e.created_at),
                        agents::clean_line(source_of(e), 300)));
  out += facts(terminal, {{"for", e.target_persona_id ? shown(e.target_persona_id, names) : ""},
                          {"why", e.error_message.value_or("")},
                          {"tried again", e.next_retry_at ? when(*e.next_retry_at, now) : ""},
                          {"repeats", e.replay_of ? e.replay_of->str() : ""}});
  if (e.payload && !e.payload->text.empty()) out += "\n" + pretty(e.payload->text) + "\n";
  return out;
}

std::string matches_text(const Terminal& terminal, const std::vector<EventMatch>& matches,
                         const PersonaNames& names) {
  if (matches.empty()) return "\nnobody was started: no subscription matches it\n";
  Table table({"PERSONA", "STATUS", "BY", "EXECUTION", "WHY"});
  for (const auto& m : matches) {
    table.add({{shown(m.persona_id, names)},
               status_cell(codec::name_of(m.status)),
               {m.subscription_id},
               {m.execution_id ? m.execution_id->str() : "–"},
               {m.error_message.value_or("")}});
  }
  return "\n" + table.render(terminal);
}

Task<Result<int>> show_event(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto event, co_await find_event(api, o->id));
  CO_TRY(const auto response,
         co_await api.call("GET", fmt::format("/api/events/{}/matches", event.id.str())));
  if (o->format == Format::kJson) {
    context.terminal.out(
        fmt::format("{{\"event\":{},\"matches\":{}}}\n", codec::to_json(event), response.body));
    co_return kExitDone;
  }
  CO_TRY(const auto matches, read_answer<std::vector<EventMatch>>(response));
  const auto names = co_await persona_names(api);
  context.terminal.out(as_text(context.terminal, event, names, context.clock.wall()) +
                       matches_text(context.terminal, matches, names));
  co_return kExitDone;
}

// What was started, and where to look on.
std::string said_of(const Event& event) {
  return fmt::format("{} {}: {}\n", codec::name_of(event.status), event.id.str(),
                     agents::clean_line(event.event_type, 200));
}

Task<Result<int>> publish(Context& context, Kept o) {
  Api api(context);
  boost::json::object body{{"eventType", o->type}, {"sourceType", o->source_type}};
  if (!o->payload.empty()) {
    CO_TRY(const auto payload, json_argument(context, "--payload", o->payload));
    body["payload"] = codec::serialize(payload);
  }
  if (!o->source.empty()) body["sourceId"] = o->source;
  if (!o->key.empty()) body["idempotencyKey"] = o->key;
  if (!o->persona.empty()) {
    CO_TRY(const auto persona, co_await find_persona(api, o->persona));
    body["targetPersonaId"] = persona.id.str();
  }
  CO_TRY(const auto response, co_await api.call("POST", "/api/events", codec::serialize(body)));
  CO_TRY(const auto event, read_answer<Event>(response));
  if (o->format == Format::kText) {
    const bool repeated = response.status == 200;
    const std::string hint =
        repeated ? "it was published before, under the same key"
        : event.status == EventStatus::kSkipped
            ? "no subscription matches it; see: personas subscriptions ls"
            : fmt::format("who was started by it: personas events show {}", event.id.str());
    context.terminal.err(paint(context.terminal, Paint::kDim, hint + "\n"));
  }
  co_return print_answer(context, o->format, response, said_of(event));
}

Task<Result<int>> retry(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto event, co_await find_event(api, o->id));
  CO_TRY(const auto response,
         co_await api.call("POST", fmt::format("/api/events/{}/retry", event.id.str())));
  CO_TRY(const auto after, read_answer<Event>(response));
  co_return print_answer(context, o->format, response, said_of(after));
}

// Page by page, until there are no more or the limit is reached.
Task<Result<int>> replay(Context& context, Kept o) {
  Api api(context);
  boost::json::object body{{"mode", o->again ? "again" : "retry"}};
  if (!o->type.empty()) body["eventType"] = o->type;
  if (!o->status.empty()) body["status"] = o->status;
  if (!o->source.empty()) body["sourceId"] = o->source;
  CO_TRY(const auto since, time_of(context, "--since", o->since));
  CO_TRY(const auto until, time_of(context, "--until", o->until));
  if (!since.empty()) body["since"] = since;
  if (!until.empty()) body["until"] = until;
  boost::json::array events;
  bool more = true;
  while (more && static_cast<int>(events.size()) < o->limit) {
    body["limit"] = std::min(kReplayedAtOnce, o->limit - static_cast<int>(events.size()));
    CO_TRY(const auto response,
           co_await api.call("POST", "/api/events/replay", codec::serialize(body)));
    CO_TRY(const auto page, codec::parse_json(response.body, kAnswerLimits));
    const auto* done = page.is_object() ? page.get_object().if_contains("events") : nullptr;
    if (done == nullptr || !done->is_array()) {
      co_return fail(ErrorCode::kInternal, "The server's answer is not understood");
    }
    for (const auto& one : done->get_array()) events.push_back(one);
    const auto* before = page.get_object().if_contains("before");
    more = before != nullptr && before->is_string();
    if (more) body["before"] = *before;
  }
  if (o->format == Format::kJson) {
    context.terminal.out(codec::serialize(events) + "\n");
    co_return kExitDone;
  }
  context.terminal.out(
      fmt::format("{} {}\n", o->again ? "published again:" : "tried again:", events.size()));
  if (more) {
    context.terminal.err(paint(context.terminal, Paint::kDim, "there are more; raise --limit\n"));
  }
  co_return kExitDone;
}

void add_choice(CLI::App& command, EventOptions& o) {
  command.add_option("--type", o.type, "Of this type, or with * at its end");
  command.add_option("--status", o.status, "In this state")
      ->check(CLI::IsMember(
          {"pending", "processing", "delivered", "partial", "skipped", "failed", "dead"}));
  command.add_option("--source", o.source, "Of this source id");
  command.add_option("--since", o.since, "Published since a time, or so long ago, such as 2h");
  command.add_option("--until", o.until, "Published before it");
}

}  // namespace

void add_event_commands(Registry& registry) {
  auto& parent = registry.add_group("events", "What happened: list, show, publish, retry, replay");
  Group<EventOptions> group(registry, parent);
  auto [ls, listed] = group.add("ls", "List events, newest first", &list_events);
  add_choice(ls, listed);
  ls.add_option("--limit", listed.limit, "At most so many")->check(CLI::Range(1, kSearched));

  auto [dead, died] = group.add("dead", "List events that were given up", &list_dead);
  dead.add_option("--limit", died.limit, "At most so many")->check(CLI::Range(1, kSearched));

  auto [show, seen] = group.add("show", "Show an event, and whom it started", &show_event);
  show.add_option("event", seen.id, "Its id, an end of it, or: last")->required();

  auto [out, made] = group.add("publish", "Publish an event", &publish);
  out.add_option("type", made.type, "Its type, such as report.ready")->required();
  out.add_option("--payload", made.payload, "JSON, @file that holds it, or - for standard input");
  out.add_option("--persona", made.persona, "For this persona only (name or id)");
  out.add_option("--source", made.source, "What it comes from, such as a repository");
  out.add_option("--source-type", made.source_type, "What kind of source that is");
  out.add_option("--key", made.key, "Its name at the source: it is published once under a key");

  auto [again, tried] = group.add("retry", "Start what an event has not started", &retry);
  again.add_option("event", tried.id, "Its id, an end of it, or: last")->required();

  auto [many, chosen] =
      group.add("replay", "Try many events again, or publish them once more", &replay);
  add_choice(many, chosen);
  chosen.limit = 100;
  many.add_flag("--again", chosen.again, "Publish them once more, also those that were delivered");
  many.add_option("--limit", chosen.limit, "At most so many")->check(CLI::Range(1, 100'000));
}

}  // namespace personas::cli
