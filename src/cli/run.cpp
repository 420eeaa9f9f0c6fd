#include "run.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

#include "execution_view.hpp"
#include "format.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

// One request waits no longer: intermediaries cut longer ones off.
constexpr Duration kLongestServerWait = seconds(30);
constexpr Duration kPollPause = seconds(1);

std::unexpected<Error> wrong_flag(std::string flag, const Error& error) {
  return fail(ErrorCode::kInvalidRequest, fmt::format("{}: {}", flag, error.message), error.fields);
}

Result<boost::json::value> read_input(Context& context, const std::string& input) {
  std::string text = input;
  if (input.starts_with('@')) {
    TRY(text, context.read_file(input.substr(1)));
  }
  auto value = codec::parse_json(text);
  if (!value) return wrong_flag("--input", value.error());
  return value;
}

Result<boost::json::object> make_body(Context& context, const RunOptions& options) {
  boost::json::object body;
  if (options.prompt == "-") {
    TRY(auto prompt, context.read_file("-"));
    body["prompt"] = prompt;
  } else {
    body["prompt"] = options.prompt;
  }
  if (!options.input.empty()) {
    TRY(body["inputData"], read_input(context, options.input));
  }
  if (options.priority) body["priority"] = *options.priority;
  if (!options.timeout.empty()) {
    const auto timeout = parse_duration(options.timeout);
    if (!timeout) return wrong_flag("--timeout", timeout.error());
    body["timeoutMs"] = to_millis(*timeout);
  }
  return body;
}

struct Started {
  std::string id;
  std::string body;  // the whole answer
};

// 202 names it executionId; an answer to ?wait may be the whole execution.
Result<Started> read_started(std::string body) {
  const auto value = codec::parse_json(body, kAnswerLimits);
  if (value && value->is_object()) {
    for (const std::string_view name : {"executionId", "id"}) {
      const auto* id = value->get_object().if_contains(name);
      if (id != nullptr && id->is_string() && is_valid_id(std::string_view(id->get_string()))) {
        return Started{std::string(id->get_string()), std::move(body)};
      }
    }
  }
  return fail(ErrorCode::kInternal, "The server's answer names no execution");
}

Task<Result<Execution>> wait_for(Context& context, Api& api, std::string id, Instant until) {
  while (true) {
    CO_TRY(auto execution, co_await api.get<Execution>("/api/executions/" + id));
    if (is_final(execution.status) || context.clock.now() >= until) co_return std::move(execution);
    co_await context.pause(std::min<Duration>(kPollPause, until - context.clock.now()));
  }
}

// Prints an execution that was waited for: its output, then how it went.
Task<Result<int>> show_finished(Context& context, Api& api, Execution execution, Format format) {
  const std::string path = fmt::format("/api/executions/{}?output=full", execution.id.str());
  CO_TRY(const auto response, co_await api.call("GET", path));
  if (format == Format::kJson) {
    context.terminal.out(response.body + "\n");
  } else {
    CO_TRY(const auto full, codec::parse<Execution>(response.body, kFromServer, kAnswerLimits));
    OutputView view(context.terminal);
    view.feed(OutputStream::kStdout, 1, full.output.value_or(""));
    view.finish();
    context.terminal.err(summary(context.terminal, full));
  }
  co_return exit_code(execution);
}

Task<Result<int>> follow_to_end(Context& context, std::string id, FollowOptions options) {
  Followed followed;
  {
    Follower follower(context, id, options);
    CO_TRY(followed, co_await follower.run());
  }
  if (!followed) co_return kExitDetached;
  if (options.format == Format::kJson) {
    context.terminal.out(codec::to_json(*followed) + "\n");
  } else {
    context.terminal.err(summary(context.terminal, *followed));
  }
  co_return exit_code(*followed);
}

// Ctrl-C while the end is waited for: the execution goes on.
class LeaveOnInterrupt {
 public:
  LeaveOnInterrupt(Context& context, std::string id) : attention_(context.attention) {
    if (attention_ == nullptr) return;
    attention_->watch([&context, id = std::move(id), this](Happening happening, char) {
      if (happening != Happening::kInterrupt) return;
      context.terminal.err(
          fmt::format("\nit goes on without us; watch it with: personas logs {0} --follow\n"
                      "or end it with: personas cancel {0}\n",
                      id));
      attention_->leave(kExitDetached);
    });
  }
  ~LeaveOnInterrupt() {
    if (attention_ != nullptr) attention_->watch({});
  }
  LeaveOnInterrupt(const LeaveOnInterrupt&) = delete;
  LeaveOnInterrupt& operator=(const LeaveOnInterrupt&) = delete;

 private:
  Attention* attention_;
};

}  // namespace

Task<Result<int>> run_persona(Context& context, RunOptions options) {
  Api api(context);
  CO_TRY(auto body, make_body(context, options));
  std::optional<Duration> wait;
  if (!options.wait.empty()) {
    const auto parsed = parse_duration(options.wait);
    if (!parsed) co_return wrong_flag("--wait", parsed.error());
    wait = *parsed;
  }
  CO_TRY(const auto persona, co_await find_persona(api, options.persona));
  body["personaId"] = persona.id.str();
  std::string path = "/api/execute";
  const Instant begun = context.clock.now();
  const bool follows = options.watch == Watch::kFollow;
  if (wait && !follows) {
    path += fmt::format("?wait={}ms", to_millis(std::min(*wait, kLongestServerWait)));
  }
  CO_TRY(auto response, co_await api.call("POST", path, codec::serialize(body)));
  CO_TRY(const auto started, read_started(std::move(response.body)));
  if (follows) {
    if (options.format == Format::kText) {
      context.terminal.err(paint(context.terminal, Paint::kDim, started.id + "\n"));
    }
    const FollowOptions how{.format = options.format, .rendering = options.rendering};
    co_return co_await follow_to_end(context, started.id, how);
  }
  if (wait) {
    LeaveOnInterrupt guard(context, started.id);
    CO_TRY(auto execution, co_await wait_for(context, api, started.id, begun + *wait));
    co_return co_await show_finished(context, api, std::move(execution), options.format);
  }
  if (options.format == Format::kJson) {
    context.terminal.out(started.body + "\n");
  } else {
    context.terminal.out(started.id + "\n");
    context.terminal.err(
        paint(context.terminal, Paint::kDim,
              fmt::format("queued; watch it with: personas logs {} --follow\n", started.id)));
  }
  co_return kExitDone;
}

Task<Result<int>> logs(Context& context, LogsOptions options) {
  Api api(context);
  CO_TRY(const auto id, co_await resolve_execution(api, options.execution));
  if (options.watch == Watch::kFollow) {
    const FollowOptions how{.format = options.format, .rendering = options.rendering};
    co_return co_await follow_to_end(context, id, how);
  }
  const std::string path = fmt::format("/api/executions/{}?output=full", id);
  CO_TRY(const auto response, co_await api.call("GET", path));
  if (options.format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return kExitDone;
  }
  CO_TRY(const auto execution, codec::parse<Execution>(response.body, kFromServer, kAnswerLimits));
  const std::string output = execution.output.value_or("");
  if (options.rendering == Rendering::kRaw) {
    // Into a pipe or a file exactly as it was; a terminal would act on it.
    const bool to_terminal = context.terminal.attached() == Attached::kTerminal;
    context.terminal.out(to_terminal ? agents::clean_text(output) : output);
  } else {
    OutputView view(context.terminal);
    view.feed(OutputStream::kStdout, 1, output);
    view.finish();
  }
  context.terminal.err(summary(context.terminal, execution));
  co_return kExitDone;
}

}  // namespace personas::cli
