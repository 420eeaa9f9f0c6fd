// `personas call`: a persona as a function, JSON in and JSON out.
#include "personas/agents/untrusted.hpp"
#include "personas/model/execution.hpp"

#include "common.hpp"
#include "execution_view.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

// One request waits no longer: intermediaries cut longer ones off.
constexpr Duration kOneWait = seconds(30);

struct CallOptions {
  Format format = Format::kText;
  std::string persona;
  std::string input;
  std::string wait = "5m";
  std::string key;
  bool form = false;
};
using Kept = std::shared_ptr<CallOptions>;

const boost::json::value* member_of(const boost::json::value& json, std::string_view name) {
  const auto* member = json.is_object() ? json.get_object().if_contains(name) : nullptr;
  return member == nullptr || member->is_null() ? nullptr : member;
}
std::string text_of(const boost::json::value& json, std::string_view name) {
  const auto* member = member_of(json, name);
  return member != nullptr && member->is_string() ? std::string(member->get_string()) : "";
}

Task<Result<int>> show_form(Context& context, Api& api, std::string path, Format format) {
  CO_TRY(const auto response, co_await api.call("GET", path));
  CO_TRY(const auto form, codec::parse_json(response.body, kAnswerLimits));
  std::string out;
  if (const auto* schema = member_of(form, "inputSchema")) {
    out = pretty(codec::serialize(*schema)) + "\n\n";
  } else {
    out = "it takes any JSON object\n\n";
  }
  out += agents::clean_text(text_of(form, "curl")) + "\n";
  co_return print_answer(context, format, response, std::move(out));
}

// The result for programs, else what the agent said.
std::string result_text(const boost::json::value& reply) {
  if (const auto* result = member_of(reply, "result")) {
    if (result->is_string()) {
      return agents::clean_text(std::string(result->get_string())) + "\n";
    }
    return pretty(codec::serialize(*result)) + "\n";
  }
  const auto answer = agents::clean_text(text_of(reply, "answer"));
  return answer.empty() || answer.ends_with('\n') ? answer : answer + "\n";
}

Task<Result<net::Response>> wait_for(Context& context, Api& api, net::Response response,
                                     Instant until) {
  while (response.status == 202 && context.clock.now() < until) {
    CO_TRY(const auto reply, codec::parse_json(response.body, kAnswerLimits));
    const auto url = text_of(reply, "statusUrl");
    if (!url.starts_with('/')) {
      co_return fail(ErrorCode::kInternal, "The server's answer names no statusUrl");
    }
    const Duration left = std::min<Duration>(until - context.clock.now(), kOneWait);
    CO_TRY(response, co_await api.call("GET", fmt::format("{}?wait={}ms", url, to_millis(left))));
  }
  co_return response;
}

Task<Result<int>> call(Context& context, Kept o) {
  Api api(context);
  const auto wait = parse_duration(o->wait);
  if (!wait) {
    co_return fail(ErrorCode::kInvalidRequest, "--wait: " + wait.error().message);
  }
  CO_TRY(const auto persona, co_await find_persona(api, o->persona));
  const std::string path = fmt::format("/api/personas/{}/call", persona.id.str());
  if (o->form) co_return co_await show_form(context, api, path, o->format);
  boost::json::value input = boost::json::object();
  if (!o->input.empty()) {
    CO_TRY(input, json_argument(context, "--input", o->input));
  }
  const Instant until = context.clock.now() + *wait;
  net::Request request = api.request(
      "POST", fmt::format("{}?wait={}ms", path, to_millis(std::min<Duration>(*wait, kOneWait))));
  if (!o->key.empty()) request.headers.set("Idempotency-Key", o->key);
  request.body = codec::serialize(input);
  const auto first = co_await context.client.send(std::move(request));
  if (!first) co_return fail(api.explain(first.error()));
  if (first->status >= 300) co_return fail(api.explain(*first));
  CO_TRY(const auto response, co_await wait_for(context, api, *first, until));
  CO_TRY(auto execution, codec::parse<Execution>(response.body, kFromServer, kAnswerLimits));
  CO_TRY(const auto reply, codec::parse_json(response.body, kAnswerLimits));
  const std::string id = text_of(reply, "executionId");
  execution.id = ExecutionId(id);
  if (o->format == Format::kJson) {
    context.terminal.out(response.body + "\n");
  } else if (is_final(execution.status)) {
    context.terminal.out(result_text(reply));
    context.terminal.err(summary(context.terminal, execution));
  } else {
    context.terminal.out(id + "\n");
    context.terminal.err(
        paint(context.terminal, Paint::kDim,
              fmt::format("not over yet; watch it with: personas logs {} --follow\n", id)));
  }
  co_return exit_code(execution);
}

}  // namespace

void add_call_command(Registry& registry) {
  auto kept = std::make_shared<CallOptions>();
  auto& command =
      registry.add(registry.app(), "call", "Call a persona: JSON in, JSON out", kept->format,
                   [kept](Context& context) { return call(context, kept); });
  command.add_option("persona", kept->persona, "Its name or id")->required();
  command.add_option("--input", kept->input,
                     "A JSON object, @file that holds it, or - for standard input");
  command.add_option("--wait", kept->wait, "Wait so long for the end; 0s: not at all");
  command.add_option("--key", kept->key, "An idempotency key: the same call under it is done once");
  command.add_flag("--form", kept->form, "Show what input it takes, and a line for curl");
}

}  // namespace personas::cli
