// `personas webhooks`: those that come in (their sources, the log) and those that go out.
#include "personas/agents/untrusted.hpp"
#include "personas/delivery/endpoint.hpp"
#include "personas/store/webhooks_in.hpp"

#include "common.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

using delivery::Delivery;
using delivery::Endpoint;
using store::WebhookDelivery;
using store::WebhookSource;

constexpr Kind kSource{"/api/webhook-sources", "whs_", "webhook source", "personas webhooks in ls"};
constexpr Kind kArrived{"/api/webhooks/deliveries", "whd_", "webhook", "personas webhooks in log"};
constexpr Kind kEndpoint{"/v1/webhooks", "whe_", "endpoint", "personas webhooks out ls"};

struct WebhookOptions {
  Format format = Format::kText;
  std::string id;
  std::string delivery;
  std::string name;
  std::string preset = "generic";
  std::string persona;
  std::string status;
  std::string url;
  std::string description;
  std::vector<std::string> events;
  bool secret_from_stdin = false;
  bool is_unsigned = false;
  bool ed25519 = false;
  int limit = 50;
};
using Kept = std::shared_ptr<WebhookOptions>;

std::string text_of(const net::Response& response, std::string_view name) {
  const auto json = codec::parse_json(response.body, kAnswerLimits);
  const auto* member = json && json->is_object() ? json->get_object().if_contains(name) : nullptr;
  return member != nullptr && member->is_string()
             ? agents::clean_line(std::string(member->get_string()), 2'000)
             : "";
}

// Secrets that the server has made: they are the result, and are told once.
std::string secrets_text(Context& context, Format format, const net::Response& response) {
  std::string out;
  for (const auto* name : {"secret", "publicKey"}) {
    const auto value = text_of(response, name);
    if (!value.empty()) out += fmt::format("{}: {}\n", name, value);
  }
  if (format == Format::kText && out.starts_with("secret")) {
    context.terminal.err(
        paint(context.terminal, Paint::kDim, "the secret is shown this once; keep it now\n"));
  }
  return out;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

// ---- in ----------------------------------------------------------------------------------------

Task<Result<int>> list_sources(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto response, co_await api.call("GET", "/api/webhook-sources?limit=500"));
  if (o->format == Format::kJson) co_return print_answer(context, o->format, response, {});
  CO_TRY(const auto sources, read_answer<std::vector<WebhookSource>>(response));
  if (sources.empty()) {
    context.terminal.err(
        "no webhook sources; make one with: personas webhooks in add NAME --preset github\n");
    co_return kExitDone;
  }
  const auto names = co_await persona_names(api);
  Table table({"ID", "NAME", "PRESET", "PROOF", "FOR", "ADDRESS"});
  for (const auto& s : sources) {
    table.add({{s.id.str()},
               {s.name, Paint::kBold},
               {std::string(codec::name_of(s.preset))},
               {s.unsigned_ ? "none" : "signed", s.unsigned_ ? Paint::kRed : Paint::kGreen},
               {s.persona_id ? shown(s.persona_id, names) : "all"},
               {"/api/hooks/" + s.id.str()}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return kExitDone;
}

Task<Result<int>> add_source(Context& context, Kept o) {
  Api api(context);
  boost::json::object body{{"name", o->name}, {"preset", o->preset}};
  if (o->is_unsigned) body["unsigned"] = true;
  if (!o->persona.empty()) {
    CO_TRY(const auto persona, co_await find_persona(api, o->persona));
    body["personaId"] = persona.id.str();
  }
  if (o->secret_from_stdin) {
    CO_TRY(auto secret, context.read_file("-"));
    body["secret"] = trimmed(std::move(secret));
  }
  CO_TRY(const auto response,
         co_await api.call("POST", "/api/webhook-sources", codec::serialize(body)));
  co_return print_answer(
      context, o->format, response,
      fmt::format("{}\naddress: {}{}\n{}", text_of(response, "id"), context.url,
                  text_of(response, "path"), secrets_text(context, o->format, response)));
}

// Sources are listed oldest first; their names are unique.
Task<Result<WebhookSource>> find_source(Api& api, std::string text) {
  CO_TRY(auto sources, co_await api.all<WebhookSource>(std::string(kSource.path)));
  std::ranges::reverse(sources);
  const auto named = std::ranges::find(sources, text, &WebhookSource::name);
  if (named != sources.end()) co_return *named;
  co_return find_by_end(sources, text, kSource.what, kSource.see);
}

Task<Result<int>> remove_source(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto source, co_await find_source(api, o->id));
  CO_TRY_VOID(co_await api.call("DELETE", "/api/webhook-sources/" + source.id.str()));
  context.terminal.out(o->format == Format::kJson
                           ? codec::to_json(source) + "\n"
                           : fmt::format("removed: {}\n", agents::clean_line(source.name, 200)));
  co_return kExitDone;
}

Task<Result<int>> list_arrived(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto response,
         co_await api.call(
             "GET", "/api/webhooks/deliveries" + query_of(o->limit, {{"status", o->status}})));
  if (o->format == Format::kJson) co_return print_answer(context, o->format, response, {});
  CO_TRY(const auto arrived, read_answer<std::vector<WebhookDelivery>>(response));
  if (arrived.empty()) {
    context.terminal.err("no webhook has come in\n");
    co_return kExitDone;
  }
  Table table({"ID", "AGE", "STATUS", "PRESET", "TYPE", "REPEATED", "ADDRESS"});
  for (const auto& d : arrived) {
    table.add({{d.id.str()},
               {age(context.clock.wall() - d.received_at)},
               status_cell(codec::name_of(d.status)),
               {std::string(codec::name_of(d.preset))},
               {d.event_type.value_or("–")},
               {d.repetitions == 0 ? "–" : fmt::format("{}×", d.repetitions)},
               {d.error ? fmt::format("{}: {}", d.endpoint, *d.error) : d.endpoint}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return kExitDone;
}

Task<Result<WebhookDelivery>> find_arrived(Api& api, std::string text) {
  return find_thing<WebhookDelivery>(api, kArrived, std::move(text), query_of(kSearched, {}));
}

Task<Result<int>> show_arrived(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto found, co_await find_arrived(api, o->id));
  CO_TRY(const auto response,
         co_await api.call("GET", fmt::format("{}/{}", kArrived.path, found.id.str())));
  co_return print_answer(context, o->format, response, pretty(response.body) + "\n");
}

Task<Result<int>> replay_arrived(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto found, co_await find_arrived(api, o->id));
  CO_TRY(const auto response,
         co_await api.call("POST", fmt::format("{}/{}/replay", kArrived.path, found.id.str())));
  co_return print_answer(context, o->format, response,
                         fmt::format("published again: {} as {}\n", text_of(response, "eventType"),
                                     text_of(response, "eventId")));
}

// ---- out ---------------------------------------------------------------------------------------

Task<Result<int>> list_endpoints(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto response, co_await api.call("GET", "/v1/webhooks"));
  if (o->format == Format::kJson) co_return print_answer(context, o->format, response, {});
  CO_TRY(const auto endpoints, read_answer<std::vector<Endpoint>>(response));
  if (endpoints.empty()) {
    context.terminal.err(
        "no endpoints; make one with: personas webhooks out add URL --event execution.*\n");
    co_return kExitDone;
  }
  Table table({"ID", "STATE", "EVENTS", "URL", "WHY"});
  for (const auto& e : endpoints) {
    const bool failing = e.enabled && e.failing_since;
    table.add({{e.id.str()},
               {!e.enabled ? "disabled"
                : failing  ? "failing"
                           : "on",
                !e.enabled ? Paint::kRed
                : failing  ? Paint::kYellow
                           : Paint::kGreen},
               {fmt::format("{}", fmt::join(e.events, " "))},
               {e.url},
               {e.disabled_reason.value_or(
                   failing ? "since " + when(*e.failing_since, context.clock.wall()) : "")}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return kExitDone;
}

Task<Result<Endpoint>> find_endpoint(Api& api, std::string text) {
  return find_thing<Endpoint>(api, kEndpoint, std::move(text), "");
}

Task<Result<int>> add_endpoint(Context& context, Kept o) {
  Api api(context);
  boost::json::array events;
  for (const auto& event : o->events) events.emplace_back(event);
  boost::json::object body{{"url", o->url}, {"events", std::move(events)}};
  if (!o->description.empty()) body["description"] = o->description;
  if (o->ed25519) body["asymmetric"] = true;
  CO_TRY(const auto response, co_await api.call("POST", "/v1/webhooks", codec::serialize(body)));
  co_return print_answer(
      context, o->format, response,
      text_of(response, "id") + "\n" + secrets_text(context, o->format, response));
}

Task<Result<int>> set_enabled(Context& context, Kept o, bool enabled) {
  Api api(context);
  CO_TRY(const auto endpoint, co_await find_endpoint(api, o->id));
  CO_TRY(const auto response,
         co_await api.call("PATCH", "/v1/webhooks/" + endpoint.id.str(),
                           codec::serialize(boost::json::object{{"enabled", enabled}})));
  co_return print_answer(
      context, o->format, response,
      fmt::format("{}: {}\n", enabled ? "enabled" : "disabled", endpoint.id.str()));
}
Task<Result<int>> enable(Context& context, Kept o) {
  return set_enabled(context, std::move(o), true);
}
Task<Result<int>> disable(Context& context, Kept o) {
  return set_enabled(context, std::move(o), false);
}

Task<Result<int>> rotate(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto endpoint, co_await find_endpoint(api, o->id));
  CO_TRY(const auto response,
         co_await api.call("POST", fmt::format("/v1/webhooks/{}/rotate", endpoint.id.str())));
  const auto until = text_of(response, "previousSecretUntil");
  if (o->format == Format::kText && !until.empty()) {
    context.terminal.err(
        paint(context.terminal, Paint::kDim,
              fmt::format("the secret before is signed with too until {}\n", until)));
  }
  co_return print_answer(context, o->format, response, secrets_text(context, o->format, response));
}

Task<Result<int>> remove_endpoint(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto endpoint, co_await find_endpoint(api, o->id));
  CO_TRY_VOID(co_await api.call("DELETE", "/v1/webhooks/" + endpoint.id.str()));
  context.terminal.out(o->format == Format::kJson
                           ? codec::to_json(endpoint) + "\n"
                           : fmt::format("removed: {}\n", endpoint.id.str()));
  co_return kExitDone;
}

Task<Result<int>> list_sent(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto endpoint, co_await find_endpoint(api, o->id));
  CO_TRY(const auto response,
         co_await api.call("GET", fmt::format("/v1/webhooks/{}/deliveries{}", endpoint.id.str(),
                                              query_of(o->limit, {}))));
  if (o->format == Format::kJson) co_return print_answer(context, o->format, response, {});
  CO_TRY(const auto sent, read_answer<std::vector<Delivery>>(response));
  if (sent.empty()) {
    context.terminal.err("nothing was sent there yet\n");
    co_return kExitDone;
  }
  const auto now = context.clock.wall();
  Table table({"ID", "AGE", "TYPE", "STATUS", "TRIES", "HTTP", "TOOK", "NEXT", "WHY"});
  for (const auto& d : sent) {
    table.add({{d.id.str()},
               {age(now - d.created_at)},
               {d.type},
               status_cell(codec::name_of(d.status)),
               {std::to_string(d.attempts)},
               {d.last_status ? std::to_string(*d.last_status) : "–"},
               {d.last_duration_ms ? long_duration(milliseconds(*d.last_duration_ms)) : "–"},
               {d.next_attempt_at ? when(*d.next_attempt_at, now) : "–"},
               {d.last_error.value_or("")}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return kExitDone;
}

Task<Result<int>> say_sent(Context& context, Kept o, std::string path, EndpointId endpoint) {
  Api api(context);
  CO_TRY(const auto response, co_await api.call("POST", std::move(path)));
  if (o->format == Format::kText) {
    context.terminal.err(
        paint(context.terminal, Paint::kDim,
              fmt::format("how it went: personas webhooks out log {}\n", endpoint.str())));
  }
  co_return print_answer(context, o->format, response,
                         fmt::format("is sent: {}\n", text_of(response, "id")));
}

Task<Result<int>> test(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto endpoint, co_await find_endpoint(api, o->id));
  co_return co_await say_sent(context, o, fmt::format("/v1/webhooks/{}/test", endpoint.id.str()),
                              endpoint.id);
}

Task<Result<int>> replay_sent(Context& context, Kept o) {
  Api api(context);
  CO_TRY(const auto endpoint, co_await find_endpoint(api, o->id));
  const std::string log = fmt::format("/v1/webhooks/{}/deliveries", endpoint.id.str());
  CO_TRY(const auto listed, co_await api.get<std::vector<Delivery>>(log + query_of(kSearched, {})));
  CO_TRY(const auto found, find_by_end(listed, o->delivery, "delivery",
                                       "personas webhooks out log " + endpoint.id.str()));
  co_return co_await say_sent(context, o, fmt::format("{}/{}/replay", log, found.id.str()),
                              endpoint.id);
}

// ---- the commands ------------------------------------------------------------------------------

void add_in(Registry& registry, CLI::App& parent) {
  auto& in = *parent.add_subcommand("in", "Webhooks that come in: their sources and the log");
  in.require_subcommand(1);
  Group<WebhookOptions> group(registry, in);
  group.add("ls", "List the sources, with their addresses", &list_sources);
  auto [add, made] = group.add("add", "Make an address that a sender can post to", &add_source);
  add.add_option("name", made.name, "What you call it")->required();
  add.add_option("--preset", made.preset, "Who sends, and so how it is proven")
      ->check(
          CLI::IsMember({"generic", "github", "gitlab", "slack", "stripe", "linear", "standard"}));
  add.add_option("--persona", made.persona, "Only this persona sees its events (name or id)");
  auto* secret = add.add_flag("--secret-stdin", made.secret_from_stdin,
                              "Read the sender's secret from standard input; else one is made");
  add.add_flag("--unsigned", made.is_unsigned, "Accept whatever comes, without proof")
      ->excludes(secret);
  auto [rm, gone] = group.add("rm", "Remove a source", &remove_source);
  rm.add_option("source", gone.id, "Its name or id")->required();
  auto [log, logged] = group.add("log", "List what came in, newest first", &list_arrived);
  log.add_option("--status", logged.status, "Only those")
      ->check(CLI::IsMember({"accepted", "answered", "malformed", "refused"}));
  log.add_option("--limit", logged.limit, "At most so many")->check(CLI::Range(1, kSearched));
  auto [show, seen] = group.add("show", "Show what came in, headers and body", &show_arrived);
  show.add_option("webhook", seen.id, "Its id, an end of it, or: last")->required();
  auto [replay, again] = group.add("replay", "Publish what came in once more", &replay_arrived);
  replay.add_option("webhook", again.id, "Its id, an end of it, or: last")->required();
}

void add_out(Registry& registry, CLI::App& parent) {
  auto& out = *parent.add_subcommand("out", "Webhooks that go out: endpoints and deliveries");
  out.require_subcommand(1);
  Group<WebhookOptions> group(registry, out);
  group.add("ls", "List the endpoints", &list_endpoints);
  auto [add, made] = group.add("add", "Tell a URL what happens here", &add_endpoint);
  add.add_option("address", made.url, "The URL where it is told")->required();
  add.add_option("--event", made.events,
                 "A type, such as execution.completed or execution.*; may be given several times")
      ->required();
  add.add_option("--description", made.description, "What it is for");
  add.add_flag("--ed25519", made.ed25519, "Sign with a public key as well (v1a)");
  const auto by_id = [&group](
                         const char* name, const char* description,
                         Group<WebhookOptions>::Run run) -> std::pair<CLI::App&, WebhookOptions&> {
    auto [command, options] = group.add(name, description, run);
    command.add_option("endpoint", options.id, "Its id, an end of it, or: last")->required();
    return {command, options};
  };
  auto [log, logged] = by_id("log", "List what was sent to it, newest first", &list_sent);
  log.add_option("--limit", logged.limit, "At most so many")->check(CLI::Range(1, kSearched));
  by_id("test", "Send it a test", &test);
  auto [replay, again] = by_id("replay", "Send it a delivery once more", &replay_sent);
  replay.add_option("delivery", again.delivery, "Its id, an end of it, or: last")->required();
  by_id("rotate", "Give it a new secret; both are signed with for a while", &rotate);
  by_id("enable", "Send to it again", &enable);
  by_id("disable", "Send nothing to it; what is due waits", &disable);
  by_id("rm", "Remove an endpoint, with its log", &remove_endpoint);
}

}  // namespace

void add_webhook_commands(Registry& registry) {
  auto& parent = registry.add_group("webhooks", "Webhooks that come in and go out");
  add_in(registry, parent);
  add_out(registry, parent);
}

}  // namespace personas::cli
