#include "craft.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/catalog/types.hpp"
#include "personas/model/credential.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/persona.hpp"

#include "changes.hpp"
#include "format.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShown = 500;

std::string shown(const std::string& text) {
  return agents::clean_line(text, kMaxShown);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out.empty() ? "–" : out;
}

template <class T>
Result<T> read_answer(const std::string& body) {
  auto value = codec::parse<T>(body, kFromServer, kAnswerLimits);
  if (value) return value;
  return fail(ErrorCode::kInternal,
              "The server's answer is not understood: " + value.error().describe());
}

Task<Result<std::string>> version_path(Api& api, std::string persona) {
  CO_TRY(const auto found, co_await find_persona(api, std::move(persona)));
  co_return fmt::format("/api/personas/{}/versions", found.id.str());
}

Cell state_cell(catalog::InstallState state) {
  using S = catalog::InstallState;
  const Paint colour = state == S::kInstalled                          ? Paint::kGreen
                       : state == S::kOutdated || state == S::kChanged ? Paint::kYellow
                                                                       : Paint::kDim;
  return {std::string(codec::name_of(state)), colour};
}

// A check asks for at most half a minute, and may have to wait for a worker.
constexpr Duration kCheckWait = seconds(90);
constexpr Duration kCheckPause = milliseconds(300);

Result<void> show_check(Context& context, const Execution& execution, Format format) {
  if (!execution.outcome) {
    return fail(
        ErrorCode::kUnprocessable,
        fmt::format("The check itself failed: {}; see: personas logs {}",
                    shown(execution.error_message.value_or("no outcome")), execution.id.str()));
  }
  if (!execution.outcome->accomplished) {
    return fail(ErrorCode::kUnprocessable, shown(execution.outcome->summary));
  }
  if (format == Format::kText) context.terminal.out(shown(execution.outcome->summary) + "\n");
  return {};
}

}  // namespace

Task<Result<void>> show_versions(Context& context, std::string persona, Format format) {
  Api api(context);
  CO_TRY(const auto path, co_await version_path(api, std::move(persona)));
  CO_TRY(const auto response, co_await api.call("GET", path + "?limit=500"));
  if (format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto rows, read_answer<std::vector<catalog::PersonaVersion>>(response.body));
  Table table({"VERSION", "AGE", "CHANGED", "NOTE"});
  for (const auto& row : rows) {
    table.add({{std::to_string(row.version), Paint::kBold},
               {age(context.clock.wall() - row.at)},
               {joined(row.changed)},
               {row.note}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return Result<void>();
}

Task<Result<void>> show_diff(Context& context, DiffOptions options) {
  Api api(context);
  CO_TRY(const auto persona, co_await find_persona(api, options.persona));
  const std::int64_t to = options.to != 0 ? options.to : persona.version;
  const std::int64_t from = options.from != 0 ? options.from : persona.version - 1;
  if (from < 1) {
    context.terminal.err(fmt::format("{} has one version only\n", shown(persona.name)));
    co_return Result<void>();
  }
  CO_TRY(const auto response,
         co_await api.call("GET", fmt::format("/api/personas/{}/versions/{}/diff/{}",
                                              persona.id.str(), from, to)));
  if (options.format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto diff, read_answer<catalog::PersonaDiff>(response.body));
  context.terminal.out(fmt::format("{}: version {} → {}\n", shown(persona.name), from, to));
  context.terminal.out(diff.changes.empty() ? "  no difference\n"
                                            : show_changes(context.terminal, diff.changes));
  co_return Result<void>();
}

Task<Result<void>> restore_version(Context& context, std::string persona, std::int64_t version,
                                   Format format) {
  Api api(context);
  CO_TRY(const auto path, co_await version_path(api, std::move(persona)));
  CO_TRY(const auto response,
         co_await api.call("POST", fmt::format("{}/{}/restore", path, version)));
  if (format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto now, read_answer<Persona>(response.body));
  context.terminal.out(fmt::format("{} is what it was in version {}; this is version {}\n",
                                   shown(now.name), version, now.version));
  co_return Result<void>();
}

Task<Result<void>> show_prompt(Context& context, PromptOptions options) {
  Api api(context);
  CO_TRY(const auto persona, co_await find_persona(api, options.persona));
  boost::json::object body;
  if (options.task == "-") {
    CO_TRY(options.task, context.read_file("-"));
  }
  if (!options.task.empty()) body["prompt"] = options.task;
  if (options.input.starts_with('@')) {
    CO_TRY(options.input, context.read_file(options.input.substr(1)));
  }
  if (!options.input.empty()) {
    auto input = codec::parse_json(options.input);
    if (!input) {
      co_return fail(ErrorCode::kInvalidRequest, "--input: " + input.error().message);
    }
    body["inputData"] = std::move(*input);
  }
  CO_TRY(const auto response,
         co_await api.call("POST", fmt::format("/api/personas/{}/prompt", persona.id.str()),
                           codec::serialize(body)));
  if (options.format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto answer, codec::parse_json(response.body, kAnswerLimits));
  const auto* prompt = answer.if_object() ? answer.get_object().if_contains("prompt") : nullptr;
  const auto* bytes = answer.if_object() ? answer.get_object().if_contains("bytes") : nullptr;
  const auto* tokens =
      answer.if_object() ? answer.get_object().if_contains("estimatedTokens") : nullptr;
  if (prompt == nullptr || !prompt->is_string() || bytes == nullptr || tokens == nullptr) {
    co_return fail(ErrorCode::kInternal, "The server's answer is not understood");
  }
  context.terminal.out(agents::clean_text(std::string(prompt->get_string())));
  context.terminal.err(fmt::format("{} bytes, about {} tokens; nothing was run\n",
                                   codec::serialize(*bytes), codec::serialize(*tokens)));
  co_return Result<void>();
}

Task<Result<void>> show_library(Context& context, Format format) {
  Api api(context);
  CO_TRY(const auto response, co_await api.call("GET", "/api/tool-library"));
  if (format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto entries, read_answer<std::vector<catalog::LibraryEntry>>(response.body));
  Table table({"TOOL", "VERSION", "STATE", "NEEDS", "WHAT IT DOES"});
  for (const auto& entry : entries) {
    table.add({{entry.tool.name, Paint::kBold},
               {std::to_string(entry.tool.version)},
               state_cell(entry.state),
               {entry.tool.requires_credential_type.value_or("–")},
               {entry.tool.description}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return Result<void>();
}

Task<Result<void>> install_tool(Context& context, std::string name, Force force, Format format) {
  Api api(context);
  const std::string query = force == Force::kYes ? "?force=true" : "";
  CO_TRY(const auto response,
         co_await api.call(
             "POST", fmt::format("/api/tool-library/{}/install{}", Api::escape(name), query)));
  if (format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto tool, read_answer<ToolDefinition>(response.body));
  context.terminal.out(fmt::format("tool {} is installed ({})\n", shown(tool.name), tool.id.str()));
  co_return Result<void>();
}

Task<Result<void>> show_connectors(Context& context, Format format) {
  Api api(context);
  CO_TRY(const auto response, co_await api.call("GET", "/api/connectors"));
  if (format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto all, read_answer<std::vector<catalog::Connector>>(response.body));
  Table table({"CONNECTOR", "FIELDS", "WHAT IT IS"});
  for (const auto& one : all) {
    std::vector<std::string> fields;
    for (const auto& field : one.fields) fields.push_back(field.name);
    table.add({{one.type, Paint::kBold}, {joined(fields)}, {one.description}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return Result<void>();
}

Task<Result<void>> show_connector(Context& context, std::string type, Format format) {
  Api api(context);
  CO_TRY(const auto response, co_await api.call("GET", "/api/connectors/" + Api::escape(type)));
  if (format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto one, read_answer<catalog::Connector>(response.body));
  std::string out = fmt::format("{}: {}\n", paint(context.terminal, Paint::kBold, shown(one.title)),
                                shown(one.description));
  for (const auto& field : one.fields) {
    out += fmt::format(
        "\n  {}  {}{}{}\n    {}\n", paint(context.terminal, Paint::kBold, shown(field.name)),
        shown(field.label), field.secret ? ", secret" : "",
        field.fallback ? fmt::format(", {} if not given", shown(*field.fallback)) : "",
        shown(field.where));
  }
  if (one.check) {
    out += fmt::format("\n  works when {} {} answers {}\n", shown(one.check->method),
                       shown(one.check->url), fmt::join(one.check->expect_status, " or "));
  }
  context.terminal.out(out);
  co_return Result<void>();
}

Task<Result<void>> check_credential(Context& context, std::string credential, Format format) {
  Api api(context);
  CO_TRY(const auto all, co_await api.all<Credential>("/api/credentials"));
  const Credential* found = nullptr;
  for (const auto& one : all) {
    if (one.id.str() == credential || one.name == credential) found = &one;
  }
  if (found == nullptr) {
    co_return fail(ErrorCode::kNotFound,
                   fmt::format("There is no credential \"{}\"", shown(credential)));
  }
  CO_TRY(const auto started,
         co_await api.call("POST", fmt::format("/api/credentials/{}/check", found->id.str())));
  CO_TRY(const auto answer, codec::parse_json(started.body, kAnswerLimits));
  const auto* id = answer.if_object() ? answer.get_object().if_contains("executionId") : nullptr;
  if (id == nullptr || !id->is_string()) {
    co_return fail(ErrorCode::kInternal, "The server's answer is not understood");
  }
  const std::string path = "/api/executions/" + std::string(id->get_string());
  for (Duration waited{}; waited < kCheckWait; waited += kCheckPause) {
    CO_TRY(const auto response, co_await api.call("GET", path));
    CO_TRY(const auto execution, read_answer<Execution>(response.body));
    if (is_final(execution.status)) {
      if (format == Format::kJson) context.terminal.out(response.body + "\n");
      co_return show_check(context, execution, format);
    }
    co_await context.pause(kCheckPause);
  }
  co_return fail(ErrorCode::kUnavailable,
                 fmt::format("No worker has checked it yet; see: personas logs {}",
                             std::string(id->get_string())));
}

}  // namespace personas::cli
