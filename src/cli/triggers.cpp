// `personas triggers`: what publishes events by itself; when, how it went, and by hand.
#include "personas/agents/untrusted.hpp"
#include "personas/model/trigger.hpp"

#include "common.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

constexpr Kind kTrigger{"/api/triggers", "trg_", "trigger", "personas triggers ls"};

struct TriggerOptions {
  Format format = Format::kText;
  std::string id;
  std::string persona;
  std::string type;
  std::string name;
  std::string cron;
  std::string every;
  std::string timezone;
  std::string after;
  std::string on = "completed";
  std::string event_type;
  std::string payload;
  std::string config;
  std::string target;
  std::string reason;
  std::string from;
  std::string to;
  int count = 10;
  int limit = 50;
};
using Kept = std::shared_ptr<TriggerOptions>;

Task<Result<Trigger>> find_trigger(Api& api, std::string text) {
  return find_thing<Trigger>(api, kTrigger, std::move(text), query_of(kSearched, {}));
}

std::string member_of(const boost::json::object& config, std::string_view name) {
  const auto* value = config.if_contains(name);
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? std::string(value->get_string()) : codec::serialize(*value);
}

// "0 9 * * MON-FRI Europe/Berlin", "after per_1 failed", …
std::string summary_of(const Trigger& trigger) {
  const auto json = codec::parse_json(trigger.config.text);
  if (!json || !json->is_object()) return {};
  const auto& config = json->get_object();
  if (const auto cron = member_of(config, "cron"); !cron.empty()) {
    const auto zone = member_of(config, "timezone");
    return zone.empty() ? cron : cron + " " + zone;
  }
  if (const auto every = member_of(config, "interval_seconds"); !every.empty()) {
    return fmt::format("every {} s", every);
  }
  if (const auto source = member_of(config, "sourcePersonaId"); !source.empty()) {
    return fmt::format("after {} {}", source, member_of(config, "on"));
  }
  return member_of(config, "url");
}

Cell state_cell(const Trigger& trigger) {
  if (trigger.enabled) return {"on", Paint::kGreen};
  return {"paused", Paint::kYellow};
}

Task<Result<int>> list_triggers(Context& context, Kept o) {
  Api api(context);
  std::string persona;
  if (!o->persona.empty()) {
    CO_TRY(const auto found, co_await find_persona(api, o->persona));
    persona = found.id.str();
  }
  CO_TRY(const auto response,
         co_await api.call(
             "GET", "/api/triggers" +
                        query_of(o->limit, {{"personaId", persona}, {"triggerType", o->type}})));
  if (o->format == Format::kJson) co_return print_answer(context, o->format, response, {});
  CO_TRY(const auto all, read_answer<std::vector<Trigger>>(response));
  if (all.empty()) {
    context.terminal.err(
        "no triggers; make one with: personas triggers add PERSONA --cron \"0 9 * * MON-FRI\"\n");
    co_return kExitDone;
  }
  const auto names = co_await persona_names(api);
  const auto now = context.clock.wall();
  Table table({"ID", "PERSONA", "TYPE", "STATE", "NEXT", "LAST", "FIRED", "WHAT"});
  for (const auto& t : all) {
    std::string what = t.name ? fmt::format("{}: {}", *t.name, summary_of(t)) : summary_of(t);
    if (t.paused_reason) what = *t.paused_reason;
    table.add({{t.id.str()},
               {shown(t.persona_id, names)},
               {std::string(codec::name_of(t.trigger_type))},
               state_cell(t),
               {t.next_trigger_at ? when(*t.next_trigger_at, now) : "–"},
               {t.last_triggered_at ? when(*t.last_triggered_at, now) : "–"},
               {std::to_string(t.trigger_count)},
               {what}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return kExitDone;
}

std::string as_text(const Terminal& terminal, const Trigger& t, const PersonaNames& names,
                    Timestamp now) {
  const auto moment = [now](const std::optional<Timestamp>& time) {
    return time ? fmt::format("{} ({})", to_rfc3339(*time), when(*time, now)) : std::string();
  };
  const auto state = state_cell(t);
  std::string out = paint(terminal, Paint::kBold,
                          fmt::format("{} of {}", codec::name_of(t.trigger_type),
                                      agents::clean_line(shown(t.persona_id, names), 200))) +
                    "  " + paint(terminal, state.paint, state.text) + "\n" +
                    paint(terminal, Paint::kDim,
                          fmt::format("{} · made {} ago\n", t.id.str(), age(now - t.created_at)));
  out += facts(
      terminal,
      {{"name", t.name.value_or("")},
       {"paused", t.paused_reason.value_or("")},
       {"events for", t.target_persona_id ? shown(t.target_persona_id, names) : ""},
       {"next", moment(t.next_trigger_at)},
       {"last", moment(t.last_triggered_at)},
       {"fired", fmt::format("{} times, {} slots missed", t.trigger_count, t.missed_count)},
       {"failures in a row",
        t.consecutive_failures == 0 ? std::string() : std::to_string(t.consecutive_failures)}});
  return out + "\n" + pretty(t.config.text.empty() ? "{}" : t.config.text) + "\n";
}

Task<Result<int>> show_trigger(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto trigger, co_await find_trigger(api, o->id));
  if (o->format == Format::kJson) {
    context.terminal.out(codec::to_json(trigger) + "\n");
    co_return kExitDone;
  }
  const auto names = co_await persona_names(api);
  context.terminal.out(as_text(context.terminal, trigger, names, context.clock.wall()));
  co_return kExitDone;
}

// The type that the flags mean, if it is not named.
std::string type_of(const TriggerOptions& o) {
  if (!o.type.empty()) return o.type;
  if (!o.after.empty()) return "chain";
  return o.cron.empty() && o.every.empty() ? "manual" : "schedule";
}

// --details, and over them what has a flag of its own.
Task<Result<boost::json::object>> config_of(Context& context, Api& api, Kept o) {
  boost::json::object config;
  if (!o->config.empty()) {
    CO_TRY(auto given, json_argument(context, "--details", o->config));
    if (!given.is_object()) {
      co_return fail(ErrorCode::kInvalidRequest, "--details: expected a JSON object");
    }
    config = std::move(given.get_object());
  }
  if (!o->cron.empty()) config["cron"] = o->cron;
  if (!o->every.empty()) config["cron"] = "every " + o->every;
  if (!o->timezone.empty()) config["timezone"] = o->timezone;
  if (!o->event_type.empty()) config["event_type"] = o->event_type;
  if (!o->payload.empty()) {
    CO_TRY(config["payload"], json_argument(context, "--payload", o->payload));
  }
  if (!o->after.empty()) {
    CO_TRY(const auto source, co_await find_persona(api, o->after));
    config["sourcePersonaId"] = source.id.str();
    config["on"] = o->on;
  }
  co_return config;
}

Task<Result<int>> add_trigger(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto persona, co_await find_persona(api, o->persona));
  CO_TRY(auto config, co_await config_of(context, api, o));
  boost::json::object body{
      {"personaId", persona.id.str()}, {"triggerType", type_of(*o)}, {"config", std::move(config)}};
  if (!o->name.empty()) body["name"] = o->name;
  if (!o->target.empty()) {
    CO_TRY(const auto target, co_await find_persona(api, o->target));
    body["targetPersonaId"] = target.id.str();
  }
  CO_TRY(const auto response, co_await api.call("POST", "/api/triggers", codec::serialize(body)));
  CO_TRY(const auto made, read_answer<Trigger>(response));
  std::string said = fmt::format("{}: {} of {}", made.id.str(), codec::name_of(made.trigger_type),
                                 agents::clean_line(persona.name, 200));
  if (made.next_trigger_at) {
    said += fmt::format(", next {} ({})", to_rfc3339(*made.next_trigger_at),
                        when(*made.next_trigger_at, context.clock.wall()));
  }
  co_return print_answer(context, o->format, response, said + "\n");
}

Task<Result<int>> pause(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto trigger, co_await find_trigger(api, o->id));
  boost::json::object body;
  if (!o->reason.empty()) body["reason"] = o->reason;
  CO_TRY(const auto response,
         co_await api.call("POST", fmt::format("/api/triggers/{}/pause", trigger.id.str()),
                           codec::serialize(body)));
  co_return print_answer(context, o->format, response,
                         fmt::format("paused: {}\n", trigger.id.str()));
}

Task<Result<int>> resume(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto trigger, co_await find_trigger(api, o->id));
  CO_TRY(const auto response,
         co_await api.call("POST", fmt::format("/api/triggers/{}/resume", trigger.id.str())));
  CO_TRY(const auto after, read_answer<Trigger>(response));
  co_return print_answer(
      context, o->format, response,
      fmt::format("resumed: {}{}\n", trigger.id.str(),
                  after.next_trigger_at
                      ? ", next " + when(*after.next_trigger_at, context.clock.wall())
                      : std::string()));
}

Task<Result<int>> fire(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto trigger, co_await find_trigger(api, o->id));
  boost::json::object body;
  if (!o->payload.empty()) {
    CO_TRY(body["payload"], json_argument(context, "--payload", o->payload));
  }
  CO_TRY(const auto response,
         co_await api.call("POST", fmt::format("/api/triggers/{}/fire", trigger.id.str()),
                           codec::serialize(body)));
  CO_TRY(const auto firing, read_answer<TriggerFiring>(response));
  const std::string event = firing.event_id ? firing.event_id->str() : "";
  if (o->format == Format::kText && !event.empty()) {
    context.terminal.err(paint(context.terminal, Paint::kDim,
                               fmt::format("whom it started: personas events show {}\n", event)));
  }
  co_return print_answer(context, o->format, response,
                         fmt::format("fired: {}\n", event.empty() ? firing.id.str() : event));
}

Task<Result<int>> list_firings(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto trigger, co_await find_trigger(api, o->id));
  CO_TRY(const auto response,
         co_await api.call("GET", fmt::format("/api/triggers/{}/firings{}", trigger.id.str(),
                                              query_of(o->limit, {}))));
  if (o->format == Format::kJson) co_return print_answer(context, o->format, response, {});
  CO_TRY(const auto firings, read_answer<std::vector<TriggerFiring>>(response));
  if (firings.empty()) {
    context.terminal.err("it has not fired yet\n");
    co_return kExitDone;
  }
  Table table({"SLOT", "AGE", "KIND", "STATUS", "EVENT", "WHY"});
  for (const auto& f : firings) {
    table.add({{to_rfc3339(f.slot)},
               {age(context.clock.wall() - f.created_at)},
               {std::string(codec::name_of(f.kind))},
               status_cell(codec::name_of(f.status)),
               {f.event_id ? f.event_id->str() : "–"},
               {f.error.value_or("")}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return kExitDone;
}

// Of a trigger that is there, or of a schedule that is only thought of.
Task<Result<int>> preview(Context& context, Kept o) {
  Api api(context);
  std::string method = "GET";
  std::string path;
  std::string body;
  if (!o->id.empty()) {
    CO_TRY(const auto trigger, co_await find_trigger(api, o->id));
    path = fmt::format("/api/triggers/{}/preview?count={}", trigger.id.str(), o->count);
  } else {
    CO_TRY(auto config, co_await config_of(context, api, o));
    if (config.empty()) {
      co_return fail(ErrorCode::kInvalidRequest,
                     "Name a trigger, or a schedule: --cron \"0 9 * * MON-FRI\" or --every 30m");
    }
    method = "POST";
    path = fmt::format("/api/triggers/preview?count={}", o->count);
    body = codec::serialize(
        boost::json::object{{"triggerType", "schedule"}, {"config", std::move(config)}});
  }
  CO_TRY(const auto response,
         co_await api.call(std::move(method), std::move(path), std::move(body)));
  if (o->format == Format::kJson) co_return print_answer(context, o->format, response, {});
  CO_TRY(const auto slots, codec::parse_json(response.body, kAnswerLimits));
  Table table({"SLOT", "DUE", "IN"});
  for (const auto& slot : slots.is_array() ? slots.get_array() : boost::json::array()) {
    if (!slot.is_object()) continue;
    const auto due = member_of(slot.get_object(), "dueAt");
    const auto time = parse_rfc3339(due);
    table.add({{member_of(slot.get_object(), "slot")},
               {due},
               {time ? age(*time - context.clock.wall()) : "–"}});
  }
  if (table.empty()) {
    context.terminal.err("it fires no more: by hand only, or its end has passed\n");
  } else {
    context.terminal.out(table.render(context.terminal));
  }
  co_return kExitDone;
}

Task<Result<int>> backfill(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto trigger, co_await find_trigger(api, o->id));
  CO_TRY(const auto from, time_argument(context, "--from", o->from));
  Timestamp to = context.clock.wall();
  if (!o->to.empty()) {
    CO_TRY(to, time_argument(context, "--to", o->to));
  }
  const boost::json::object body{{"from", to_rfc3339(from)}, {"to", to_rfc3339(to)}};
  CO_TRY(const auto response,
         co_await api.call("POST", fmt::format("/api/triggers/{}/backfill", trigger.id.str()),
                           codec::serialize(body)));
  CO_TRY(const auto done, codec::parse_json(response.body, kAnswerLimits));
  const auto count = [&done](std::string_view name) {
    return done.is_object() ? member_of(done.get_object(), name) : std::string();
  };
  co_return print_answer(
      context, o->format, response,
      fmt::format("published: {}, fired before: {}\n", count("published"), count("alreadyFired")));
}

Task<Result<int>> remove(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto trigger, co_await find_trigger(api, o->id));
  CO_TRY_VOID(co_await api.call("DELETE", "/api/triggers/" + trigger.id.str()));
  context.terminal.out(o->format == Format::kJson ? codec::to_json(trigger) + "\n"
                                                  : fmt::format("removed: {}\n", trigger.id.str()));
  co_return kExitDone;
}

void add_schedule(CLI::App& command, TriggerOptions& o) {
  auto* cron = command.add_option("--cron", o.cron, "Such as \"0 9 * * MON-FRI\" or @daily");
  command.add_option("--every", o.every, "Such as 30m")->excludes(cron);
  command.add_option("--timezone", o.timezone, "Such as Europe/Berlin; UTC if absent");
  command.add_option("--details", o.config,
                     "All of its config: JSON, @file, or - for standard input");
}

void add_by_id(Group<TriggerOptions>& group) {
  const auto add = [&group](
                       const char* name, const char* description,
                       Group<TriggerOptions>::Run run) -> std::pair<CLI::App&, TriggerOptions&> {
    auto [command, options] = group.add(name, description, run);
    command.add_option("trigger", options.id, "Its id, an end of it, or: last")->required();
    return {command, options};
  };
  add("show", "Show a trigger whole", &show_trigger);
  auto [paused, pausing] = add("pause", "Let a trigger rest", &pause);
  paused.add_option("--reason", pausing.reason, "Shown with it");
  add("resume", "Let it go on; what passed meanwhile is not made up for", &resume);
  auto [fired, firing] = add("fire", "Fire it now, once", &fire);
  fired.add_option("--payload", firing.payload, "In place of its own: JSON, @file or -");
  auto [firings, past] = add("firings", "List when it fired, and what came of it", &list_firings);
  firings.add_option("--limit", past.limit, "At most so many")->check(CLI::Range(1, kSearched));
  auto [filled, range] = add("backfill", "Fire for the slots of a time that is past", &backfill);
  filled.add_option("--from", range.from, "A time, or how long ago, such as 24h")->required();
  filled.add_option("--to", range.to, "The same; now if absent");
  add("rm", "Remove a trigger", &remove);
}

}  // namespace

void add_trigger_commands(Registry& registry) {
  auto& parent = registry.add_group("triggers", "What starts personas by time, chain or hand");
  Group<TriggerOptions> group(registry, parent);
  auto [ls, listed] = group.add("ls", "List triggers, newest first", &list_triggers);
  const CLI::IsMember types({"schedule", "webhook", "chain", "manual", "polling"});
  ls.add_option("--persona", listed.persona, "Those of this persona (name or id)");
  ls.add_option("--type", listed.type, "Those of this type")->check(types);
  ls.add_option("--limit", listed.limit, "At most so many")->check(CLI::Range(1, kSearched));

  auto [add, made] = group.add("add", "Make a trigger", &add_trigger);
  add.alias("create");
  add.add_option("persona", made.persona, "Whose it is: its name or id")->required();
  add_schedule(add, made);
  add.add_option("--after", made.after, "When a run of this persona ends (name or id)");
  add.add_option("--on", made.on, "How that run has to end")
      ->check(CLI::IsMember({"completed", "failed", "not_accomplished", "event"}));
  add.add_option("--type", made.type, "If the other flags do not say it")->check(types);
  add.add_option("--name", made.name, "What you call it");
  add.add_option("--event-type", made.event_type, "Of the event it publishes");
  add.add_option("--payload", made.payload, "Of the event it publishes: JSON, @file or -");
  add.add_option("--target", made.target, "Whom its events are for, if not its own persona");

  auto [previewed, thought] = group.add("preview", "Show when it is due next", &preview);
  previewed.add_option("trigger", thought.id, "Its id; or give a schedule that is not saved");
  add_schedule(previewed, thought);
  previewed.add_option("--count", thought.count, "So many")->check(CLI::Range(1, 100));
  add_by_id(group);
}

}  // namespace personas::cli
