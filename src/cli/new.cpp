#include "new.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/suggest.hpp"
#include "personas/catalog/types.hpp"
#include "personas/model/persona.hpp"

#include "design.hpp"
#include "format.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShownName = 200;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out.empty() ? "–" : out;
}

Task<Result<void>> show_templates(Context& context, Format format) {
  Api api(context);
  if (format == Format::kJson) {
    CO_TRY(const auto response, co_await api.call("GET", "/api/templates"));
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto all, co_await api.get<std::vector<catalog::Template>>("/api/templates"));
  Table table({"TEMPLATE", "NEEDS", "WHAT IT DOES"});
  for (const auto& one : all) {
    table.add({{one.id, Paint::kBold}, {joined(one.connectors)}, {one.description}});
  }
  context.terminal.out(table.render(context.terminal));
  context.terminal.err("make one with: personas new --template <template> [--name NAME]\n");
  co_return Result<void>();
}

// What is left to do before it can work, from the answer of the server.
std::string next_steps(const catalog::Template& made_from, const std::string& name) {
  std::string out;
  for (const auto& type : made_from.connectors) {
    out += fmt::format("It needs a {0} credential; what that is: personas connector show {0}\n",
                       agents::clean_line(type, kMaxShownName));
  }
  if (made_from.trigger) {
    out += fmt::format("Meant to run {}\n", agents::clean_line(made_from.trigger->when, 300));
  }
  return out + fmt::format("Try it: personas run \"{}\" --follow\n", name);
}

Task<Result<void>> from_template(Context& context, NewOptions options) {
  Api api(context);
  CO_TRY(const auto all, co_await api.get<std::vector<catalog::Template>>("/api/templates"));
  const catalog::Template* chosen = nullptr;
  std::vector<std::string_view> known;
  for (const auto& one : all) {
    known.push_back(one.id);
    if (one.id == options.template_id) chosen = &one;
  }
  if (chosen == nullptr) {
    const auto near = closest(options.template_id, known);
    co_return fail(ErrorCode::kNotFound,
                   fmt::format("There is no template \"{}\"{}",
                               agents::clean_line(options.template_id, kMaxShownName),
                               near.empty() ? std::string("; see: personas new --list")
                                            : fmt::format("; did you mean \"{}\"?", near)));
  }
  boost::json::object body{{"template", options.template_id}};
  if (!options.name.empty()) body["name"] = options.name;
  CO_TRY(const auto response,
         co_await api.call("POST", "/api/personas/from-template", codec::serialize(body)));
  if (options.format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto persona, codec::parse<Persona>(response.body, kFromServer, kAnswerLimits));
  const auto name = agents::clean_line(persona.name, kMaxShownName);
  context.terminal.out(fmt::format("{} persona {} ({})\n",
                                   paint(context.terminal, Paint::kGreen, "created"), name,
                                   persona.id.str()));
  context.terminal.err(next_steps(*chosen, name));
  co_return Result<void>();
}

}  // namespace

Task<Result<void>> new_persona(Context& context, NewOptions options) {
  if (options.show == NewOptions::Show::kTemplates) {
    co_return co_await show_templates(context, options.format);
  }
  if (!options.description.empty()) {
    if (!options.template_id.empty()) {
      co_return fail(ErrorCode::kInvalidRequest, "Give either a description or --template");
    }
    co_return co_await design_persona(context, {.description = options.description,
                                                .persona = {},
                                                .name = options.name,
                                                .backend = options.backend,
                                                .model = options.model,
                                                .consent = options.consent,
                                                .format = options.format});
  }
  if (options.template_id.empty()) {
    co_return fail(ErrorCode::kInvalidRequest,
                   "Say what to make: personas new \"what it shall do\", or personas new "
                   "--template NAME; personas new --list shows the templates");
  }
  co_return co_await from_template(context, std::move(options));
}

}  // namespace personas::cli
