#include "personas/design/prompt.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "personas/agents/backends.hpp"
#include "personas/agents/demo.hpp"
#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

namespace personas::design {
namespace {

using codec::FieldInfo;
using codec::Kind;
using codec::TypeInfo;

constexpr std::size_t kMaxName = 200;

// ---- schemas, from the descriptions ------------------------------------------------------------

const TypeInfo& without_optional(const TypeInfo& type) {
  return type.kind == Kind::kOptional ? type.container->element() : type;
}

std::string kind_name(const TypeInfo& outer) {
  const TypeInfo& type = without_optional(outer);
  switch (type.kind) {
    case Kind::kBool:
      return "true or false";
    case Kind::kInt32:
    case Kind::kInt64:
      return "integer";
    case Kind::kDouble:
      return "number";
    case Kind::kList:
      return "list of " + kind_name(type.container->element());
    case Kind::kMap:
      return "object of " + kind_name(type.container->element());
    case Kind::kEnum: {
      std::string names;
      for (const auto name : type.enumerators) {
        names += fmt::format("{}\"{}\"", names.empty() ? "" : " | ", name);
      }
      return names;
    }
    case Kind::kRawJson:
    case Kind::kJsonText:
    case Kind::kStruct:
      return "object";
    default:
      return "string";
  }
}

std::string rules_of(const codec::FieldRules& rules) {
  std::string out;
  if (rules.required) out += ", required";
  if (rules.min != std::numeric_limits<std::int64_t>::min()) {
    out += fmt::format(", {} to {}", rules.min, rules.max);
  }
  if (rules.max_length != std::numeric_limits<std::size_t>::max() && rules.max_length < 1'000) {
    out += fmt::format(", at most {}", rules.max_length);
  }
  return out;
}

void describe(const TypeInfo& type, std::string_view indent, std::string& out);

void describe(const FieldInfo& field, std::string_view indent, std::string& out) {
  const TypeInfo& type = without_optional(field.type());
  out += fmt::format("{}- `{}` ({}{}){}{}\n", indent, field.rules.name, kind_name(type),
                     rules_of(field.rules), field.rules.doc.empty() ? "" : ": ", field.rules.doc);
  const TypeInfo& inner = type.kind == Kind::kList ? type.container->element() : type;
  if (inner.kind == Kind::kStruct) describe(inner, std::string(indent) + "  ", out);
}

void describe(const TypeInfo& type, std::string_view indent, std::string& out) {
  for (const auto& field : type.fields) describe(field, indent, out);
}

std::string persona_schema() {
  std::string out;
  for (const auto& field : codec::type_info<Persona>().fields) {
    if (std::ranges::find(kDesignable, field.rules.name) == kDesignable.end()) continue;
    describe(field, "  ", out);
  }
  return out;
}

// The parts of an answer, with the persona's own fields in place of its "object".
std::string answer_schema() {
  std::string out;
  for (const auto& field : codec::type_info<Draft>().fields) {
    describe(field, "", out);
    if (field.rules.name == "persona") out += persona_schema();
  }
  return out;
}

// ---- the sections ------------------------------------------------------------------------------

std::string names(const std::vector<std::string>& all) {
  std::string out;
  const std::size_t shown = std::min(all.size(), kMaxNamesTold);
  for (std::size_t i = 0; i < shown; ++i) {
    out += fmt::format("{}`{}`", i == 0 ? "" : ", ", agents::clean_line(all[i], kMaxName));
  }
  if (shown < all.size()) out += fmt::format(" and {} more", all.size() - shown);
  return all.empty() ? "none" : out;
}

std::string vocabulary_section(const Vocabulary& vocabulary) {
  std::string backends;
  for (const auto& backend : agents::backends()) {
    backends += fmt::format("- `{}`: {}\n", backend.name, backend.description);
  }
  return fmt::format(
      "## The platform\n\n"
      "A *persona* is the definition of an agent: who it is, its instructions, its limits. It runs "
      "unattended in a private, empty folder on Linux, with a shell and curl; nobody answers while "
      "it runs, but it can ask a human for a decision and goes on when that is answered. A *tool* "
      "is a guide that teaches the agent how to use something. A *connector* is a credential that "
      "the agent gets as environment variables `CONNECTOR_<NAME>_<FIELD>`; secrets never stand in "
      "a persona or a tool. A *trigger* starts it: `schedule` (config.cron, such as \"0 9 * * "
      "1-5\" or \"every 30m\"), `webhook`, `polling` (config.interval_seconds), `chain` "
      "(config.event_type: after another persona published that event), `manual`.\n\n"
      "Backends:\n{}\n"
      "Tools that exist: {}.\nTools that can be installed, named like those that exist: {}.\n"
      "Connectors that exist: {}.\nTypes of connectors that are well known: {}.\n\n",
      backends, names(vocabulary.tools), names(vocabulary.library), names(vocabulary.connectors),
      names(vocabulary.connector_types));
}

// As the API shows it, without what a draft may not set.
std::string persona_json(const Persona& persona, const std::vector<std::string>& tools) {
  auto json = codec::parse_json(codec::to_json(persona));
  boost::json::object shown;
  for (const auto name : kDesignable) {
    const auto* value = json->as_object().if_contains(name);
    if (value != nullptr && !value->is_null()) shown.emplace(name, *value);
  }
  boost::json::array named;
  for (const auto& tool : tools) named.emplace_back(tool);
  return codec::serialize(boost::json::object{{"persona", shown}, {"tools", named}});
}

std::string persona_section(const DesignRequest& request) {
  if (!request.persona) return {};
  return fmt::format(
      "## The persona as it is\n\nIt is to be changed: set only the fields that change, and list "
      "in `tools` all tools it shall have afterwards, those it keeps as {{\"library\": name}}.\n\n"
      "```json\n{}\n```\n\n",
      persona_json(*request.persona, request.persona_tools));
}

std::string draft_section(const DesignRequest& request, const agents::DataFence& fence) {
  if (!request.draft && request.problems.empty()) return {};
  std::string out = "## The draft before\n\n";
  if (request.draft) {
    out += fence.explanation() + "\n" +
           fence.enclose("Draft of another agent", request.draft->text, kMaxDraftBytes) + "\n";
  }
  if (!request.problems.empty()) {
    std::string problems;
    for (const auto& problem : request.problems) {
      problems += fmt::format("{}: {}\n", problem.path.empty() ? "/" : problem.path,
                              agents::clean_line(problem.message, 1'000));
    }
    if (!request.draft) out += fence.explanation() + "\n";
    out += "It was refused; correct all of this:\n\n" +
           fence.enclose("Problems", problems, kMaxDraftBytes) + "\n";
  }
  return out + "Write the whole draft again, improved.\n\n";
}

std::string wanted(const DesignRequest& request) {
  std::string out(utf8_prefix(request.description, kMaxDescription));
  if (!request.feedback.empty()) {
    out += fmt::format("\n\nAnd about the draft before:\n\n{}",
                       utf8_prefix(std::string_view(request.feedback), kMaxDescription));
  }
  return out;
}

}  // namespace

std::string design_prompt(const DesignRequest& request, Random& random) {
  const agents::DataFence fence(random);
  std::string out(agents::kDesignTitle);
  out +=
      "\nYou design agents for a platform. Turn what the user wants into a persona that does "
      "it well. Write instructions that an agent can follow alone: the goal, the steps, what to "
      "do when something fails, when to ask a human, when it is done. Build on tools and "
      "connectors that exist. Do not do the task itself, and change nothing outside.\n\n";
  out += vocabulary_section(request.vocabulary);
  out += persona_section(request);
  out += draft_section(request, fence);
  out += std::string(agents::kDesignLabel) + wanted(request) + std::string(agents::kDesignEnd);
  out += fmt::format(
      "\nOne JSON object, {{\"{}\": {{…}}}}, with these members; leave out what you do not need, "
      "and add no others:\n\n{}\n"
      "`structuredPrompt` is an object of texts: identity, instructions, toolGuidance, examples, "
      "errorHandling, webSearch, customSections ([{{title, content}}]). Be honest in "
      "`feasibility`: what will not work, what is risky, what you had to guess.\n",
      kDraftKey, answer_schema());
  return out;
}

}  // namespace personas::design
