// `personas subscriptions`: which persona runs when which event comes.
#include "personas/agents/untrusted.hpp"
#include "personas/model/subscription.hpp"

#include "common.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

constexpr Kind kSubscription{"/api/subscriptions", "sub_", "subscription",
                             "personas subscriptions ls"};

struct SubscriptionOptions {
  Format format = Format::kText;
  std::string id;
  std::string persona;
  std::string type;
  std::string name;
  std::string source;
  std::string filter;
  std::string input;
  std::string debounce;
  std::string batch;
  std::int64_t priority = 0;
  int limit = 50;
};
using Kept = std::shared_ptr<SubscriptionOptions>;

Task<Result<Subscription>> find_subscription(Api& api, std::string text) {
  return find_thing<Subscription>(api, kSubscription, std::move(text), query_of(kSearched, {}));
}

std::string window_of(const Subscription& s) {
  if (!s.window) return {};
  return fmt::format("{} {}", s.window->mode == WindowMode::kDebounce ? "debounce" : "batch",
                     long_duration(milliseconds(s.window->ms)));
}

Cell enabled_cell(bool enabled) {
  return {enabled ? "yes" : "no", enabled ? Paint::kGreen : Paint::kDim};
}

Task<Result<int>> list_subscriptions(Context& context, Kept o) {
  Api api(context);
  std::string persona;
  if (!o->persona.empty()) {
    CO_TRY(const auto found, co_await find_persona(api, o->persona));
    persona = found.id.str();
  }
  CO_TRY(const auto response,
         co_await api.call(
             "GET", "/api/subscriptions" +
                        query_of(o->limit, {{"personaId", persona}, {"eventType", o->type}})));
  if (o->format == Format::kJson) co_return print_answer(context, o->format, response, {});
  CO_TRY(const auto all, read_answer<std::vector<Subscription>>(response));
  if (all.empty()) {
    context.terminal.err(
        "no subscriptions; make one with: personas subscriptions add PERSONA EVENT-TYPE\n");
    co_return kExitDone;
  }
  const auto names = co_await persona_names(api);
  Table table({"ID", "PERSONA", "EVENT", "ENABLED", "WINDOW", "SOURCE", "FILTER"});
  for (const auto& s : all) {
    table.add({{s.id.str()},
               {shown(s.persona_id, names)},
               {s.event_type, Paint::kBold},
               enabled_cell(s.enabled),
               {s.window ? window_of(s) : "–"},
               {s.source_filter.value_or("–")},
               {s.filter.value_or("")}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return kExitDone;
}

Task<Result<int>> show_subscription(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto s, co_await find_subscription(api, o->id));
  if (o->format == Format::kJson) {
    context.terminal.out(codec::to_json(s) + "\n");
    co_return kExitDone;
  }
  const auto names = co_await persona_names(api);
  Terminal& terminal = context.terminal;
  std::string out =
      paint(terminal, Paint::kBold,
            fmt::format("{} → {}\n", agents::clean_line(s.event_type, 200),
                        agents::clean_line(shown(s.persona_id, names), 200))) +
      paint(terminal, Paint::kDim,
            fmt::format("{} · {} ago\n", s.id.str(), age(context.clock.wall() - s.created_at)));
  out += facts(terminal, {{"name", s.name.value_or("")},
                          {"enabled", s.enabled ? "yes" : "no"},
                          {"source", s.source_filter.value_or("")},
                          {"filter", s.filter.value_or("")},
                          {"window", window_of(s)},
                          {"priority", s.priority == 0 ? "" : std::to_string(s.priority)}});
  if (s.input) out += "\ninput:\n" + pretty(s.input->text) + "\n";
  terminal.out(out);
  co_return kExitDone;
}

Result<void> set_window(boost::json::object& body, std::string_view mode, const std::string& text) {
  if (text.empty()) return {};
  const auto length = parse_duration(text);
  if (!length) {
    return fail(ErrorCode::kInvalidRequest, fmt::format("--{}: {}", mode, length.error().message));
  }
  body["deliveryWindow"] = boost::json::object{{"mode", mode}, {"ms", to_millis(*length)}};
  return {};
}

Task<Result<int>> add_subscription(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto persona, co_await find_persona(api, o->persona));
  boost::json::object body{{"personaId", persona.id.str()}, {"eventType", o->type}};
  if (!o->name.empty()) body["name"] = o->name;
  if (!o->source.empty()) body["sourceFilter"] = o->source;
  if (!o->filter.empty()) body["filter"] = o->filter;
  if (o->priority != 0) body["priority"] = o->priority;
  if (!o->input.empty()) {
    CO_TRY(body["input"], json_argument(context, "--input", o->input));
  }
  CO_TRY_VOID(set_window(body, "debounce", o->debounce));
  CO_TRY_VOID(set_window(body, "batch", o->batch));
  CO_TRY(const auto response,
         co_await api.call("POST", "/api/subscriptions", codec::serialize(body)));
  CO_TRY(const auto made, read_answer<Subscription>(response));
  co_return print_answer(
      context, o->format, response,
      fmt::format("{}: {} runs on {}\n", made.id.str(), agents::clean_line(persona.name, 200),
                  agents::clean_line(made.event_type, 200)));
}

Task<Result<int>> set_enabled(Context& context, Kept o, bool enabled) {
  Api api(context);
  CO_TRY(const auto found, co_await find_subscription(api, o->id));
  const boost::json::object body{{"enabled", enabled}};
  CO_TRY(const auto response, co_await api.call("PATCH", "/api/subscriptions/" + found.id.str(),
                                                codec::serialize(body)));
  co_return print_answer(context, o->format, response,
                         fmt::format("{}: {}\n", enabled ? "resumed" : "paused", found.id.str()));
}

Task<Result<int>> pause(Context& context, Kept o) {
  return set_enabled(context, std::move(o), false);
}
Task<Result<int>> resume(Context& context, Kept o) {
  return set_enabled(context, std::move(o), true);
}

Task<Result<int>> remove(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto found, co_await find_subscription(api, o->id));
  CO_TRY_VOID(co_await api.call("DELETE", "/api/subscriptions/" + found.id.str()));
  context.terminal.out(o->format == Format::kJson ? codec::to_json(found) + "\n"
                                                  : fmt::format("removed: {}\n", found.id.str()));
  co_return kExitDone;
}

}  // namespace

void add_subscription_commands(Registry& registry) {
  auto& parent = registry.add_group("subscriptions", "Which persona runs when which event comes");
  Group<SubscriptionOptions> group(registry, parent);
  auto [ls, listed] = group.add("ls", "List subscriptions, newest first", &list_subscriptions);
  ls.add_option("--persona", listed.persona, "Those that run this persona (name or id)");
  ls.add_option("--type", listed.type, "Those of this event type, as they name it");
  ls.add_option("--limit", listed.limit, "At most so many")->check(CLI::Range(1, kSearched));

  auto [add, made] = group.add("add", "Run a persona when an event comes", &add_subscription);
  add.alias("create");
  add.add_option("persona", made.persona, "Its name or id")->required();
  add.add_option("type", made.type, "The event's type, or a beginning of it with * at its end")
      ->required();
  add.add_option("--filter", made.filter, "A condition, such as: state == \"failed\"");
  add.add_option("--source", made.source, "Only from this source id, or with * at its end");
  add.add_option("--input", made.input, "What the run gets: JSON with {{ paths }}, or @file");
  add.add_option("--name", made.name, "What you call it");
  add.add_option("--priority", made.priority, "Of its runs")->check(CLI::Range(-100, 100));
  auto* debounce = add.add_option("--debounce", made.debounce,
                                  "One run when none has come for so long, such as 10s");
  add.add_option("--batch", made.batch, "One run so long after the first, such as 1m")
      ->excludes(debounce);

  const auto by_id = [&group](const char* name, const char* description,
                              Group<SubscriptionOptions>::Run run) {
    auto [command, options] = group.add(name, description, run);
    command.add_option("subscription", options.id, "Its id, an end of it, or: last")->required();
  };
  by_id("show", "Show a subscription whole", &show_subscription);
  by_id("pause", "Let events pass it by", &pause);
  by_id("resume", "Let it take events again", &resume);
  by_id("rm", "Remove a subscription", &remove);
}

}  // namespace personas::cli
