#include "personas/design/read.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "personas/agents/backends.hpp"
#include "personas/agents/transcript.hpp"
#include "personas/base/suggest.hpp"
#include "personas/codec/json.hpp"

namespace personas::design {
namespace {

namespace bj = boost::json;
using codec::ReadOptions;

class Checker {
 public:
  Checker(const Vocabulary& vocabulary, const std::optional<Persona>& existing)
      : vocabulary_(vocabulary), existing_(existing) {}

  std::vector<Problem> check(const codec::RawJson& json) {
    const auto draft = codec::parse<Draft>(json.text);
    if (!draft) add("", draft.error());
    // Its parts are looked at one by one even when the whole is wrong: all problems at once.
    const auto parsed = codec::parse_json(json.text);
    if (parsed && parsed->is_object()) {
      if (const auto* persona = parsed->as_object().if_contains("persona")) {
        check_persona(*persona);
      }
    }
    if (draft) check_tools(*draft);
    return std::move(problems_);
  }

 private:
  void add(std::string path, std::string message) {
    if (problems_.size() < codec::kMaxFieldErrors) {
      problems_.push_back({std::move(path), std::move(message)});
    }
  }
  void add(std::string_view prefix, const Error& error) {
    if (error.fields.empty()) add(std::string(prefix), error.message);
    for (const auto& field : error.fields) add(std::string(prefix) + field.path, field.message);
  }

  void check_persona(const bj::value& json) {
    if (!json.is_object()) {
      add("/persona", "expected an object");
      return;
    }
    bj::object known;
    for (const auto& member : json.as_object()) {
      const std::string_view name = member.key();
      if (std::ranges::find(kDesignable, name) != kDesignable.end()) {
        known.emplace(member.key(), member.value());
        continue;
      }
      const auto near = closest(name, kDesignable);
      add(fmt::format("/persona/{}", name),
          near.empty() ? "is not a field that a draft can set"
                       : fmt::format("is not a field; did you mean \"{}\"?", near));
    }
    Persona persona = existing_.value_or(Persona{});
    const ReadOptions options{.completeness = existing_ ? ReadOptions::Completeness::kPartial
                                                        : ReadOptions::Completeness::kFull};
    if (const auto read = codec::read_into(known, persona, options); !read) {
      add("/persona", read.error());
      return;
    }
    check_running(persona);
  }

  // Whether the backend can be started as the draft says.
  void check_running(const Persona& persona) {
    if (agents::find_backend(persona.backend) == nullptr) {
      std::string names;
      for (const auto& backend : agents::backends()) {
        names += fmt::format("{}{}", names.empty() ? "" : ", ", backend.name);
      }
      add("/persona/backend", "expected one of: " + names);
      return;
    }
    const auto launch = agents::launch_plan(
        {.backend = persona.backend,
         .prompt = {},
         .model = persona.model,
         .max_turns = persona.max_turns,
         .max_budget_usd = persona.max_budget_usd,
         .permission_policy = persona.permission_policy
                                  ? std::optional(persona.permission_policy->text)
                                  : std::nullopt,
         .programs = {.claude = "claude", .self = "personas"}});
    if (!launch) add("/persona", launch.error().message);
  }

  void check_tools(const Draft& draft) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < draft.tools.size(); ++i) {
      const auto& tool = draft.tools[i];
      const auto path = fmt::format("/tools/{}", i);
      if (tool.library.has_value() == tool.name.has_value()) {
        add(path, "needs either \"library\", the name of a tool that exists, or \"name\"");
        continue;
      }
      const std::string& name = tool.library ? *tool.library : *tool.name;
      if (!names.insert(name).second) add(path, "names the tool '" + name + "' a second time");
      if (tool.library) {
        check_library(path, name);
      } else if (tool.implementation_guide.empty()) {
        add(path + "/implementationGuide", "a new tool needs a guide");
      }
    }
  }

  void check_library(const std::string& path, const std::string& name) {
    const auto& tools = vocabulary_.tools;
    if (std::ranges::find(tools, name) != tools.end()) return;
    const std::vector<std::string_view> known(tools.begin(), tools.end());
    const auto near = closest(name, known);
    add(path + "/library",
        near.empty() ? fmt::format("there is no tool '{}'", name)
                     : fmt::format("there is no tool '{}'; did you mean \"{}\"?", name, near));
  }

  const Vocabulary& vocabulary_;
  const std::optional<Persona>& existing_;
  std::vector<Problem> problems_;
};

// ---- differences -------------------------------------------------------------------------------

using Fields = std::vector<std::pair<std::string, bj::value>>;

void flatten(const std::string& name, const bj::value& value, Fields& out) {
  const auto* object = value.if_object();
  if (object == nullptr || object->empty()) {
    if (!value.is_null()) out.emplace_back(name, value);
    return;
  }
  for (const auto& member : *object) {
    flatten(fmt::format("{}.{}", name, std::string_view(member.key())), member.value(), out);
  }
}

// A structured prompt travels as text; its sections are what people compare.
Fields fields_of(const Persona& persona) {
  Fields fields;
  const auto json = codec::parse_json(codec::to_json(persona));
  for (const auto name : kDesignable) {
    const auto* value = json->as_object().if_contains(name);
    if (value == nullptr) continue;
    if (name == "structuredPrompt" && value->is_string()) {
      const auto sections = codec::parse_json(std::string_view(value->get_string()));
      if (sections) {
        flatten(std::string(name), *sections, fields);
        continue;
      }
    }
    flatten(std::string(name), *value, fields);
  }
  return fields;
}

const bj::value* value_of(const Fields& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Fields::value_type::first);
  return found == fields.end() ? nullptr : &found->second;
}

codec::RawJson raw(const bj::value* value) {
  return codec::RawJson{value == nullptr ? std::string() : codec::serialize(*value)};
}

std::string name_of(const DraftTool& tool) {
  return tool.library ? *tool.library : tool.name.value_or("");
}

void tool_changes(const Draft& draft, const std::vector<std::string>& tools,
                  std::vector<FieldChange>& changes) {
  for (const auto& tool : draft.tools) {
    const std::string name = name_of(tool);
    if (std::ranges::find(tools, name) != tools.end()) continue;
    const std::string what = tool.library ? std::string("linked") : tool.description;
    changes.push_back({"tools." + name, {}, codec::RawJson{codec::to_json(what)}});
  }
  for (const auto& name : tools) {
    const bool kept = std::ranges::any_of(
        draft.tools, [&name](const DraftTool& tool) { return name_of(tool) == name; });
    if (!kept) changes.push_back({"tools." + name, codec::RawJson{R"("linked")"}, {}});
  }
}

}  // namespace

Answer read_answer(std::string_view words, const Vocabulary& vocabulary,
                   const std::optional<Persona>& existing) {
  Answer answer;
  auto found = agents::find_answer(words, kDraftKey);
  if (!found) {
    answer.problems.push_back({"", found.error().message});
    return answer;
  }
  if (found->text.size() > kMaxDraftBytes) {
    answer.problems.push_back({"", fmt::format("The draft has {} bytes, more than the {} allowed",
                                               found->text.size(), kMaxDraftBytes)});
    return answer;
  }
  answer.problems = Checker(vocabulary, existing).check(*found);
  answer.json = std::move(*found);
  return answer;
}

Result<Draft> parse_draft(const codec::RawJson& json) {
  return codec::parse<Draft>(
      json.text, {.unknown = codec::UnknownFields::kIgnore, .rules = ReadOptions::Rules::kTrust});
}

Result<Persona> resulting_persona(const Draft& draft, const std::optional<Persona>& existing) {
  Persona persona = existing.value_or(Persona{});
  TRY(const auto json, codec::parse_json(draft.persona.text));
  TRY_VOID(codec::read_into(json, persona, {.completeness = ReadOptions::Completeness::kPartial}));
  return persona;
}

Result<std::vector<FieldChange>> changes_of(const Draft& draft,
                                            const std::optional<Persona>& existing,
                                            const std::vector<std::string>& tools) {
  TRY(const auto persona, resulting_persona(draft, existing));
  const Fields before = fields_of(existing.value_or(Persona{}));
  const Fields after = fields_of(persona);
  std::vector<FieldChange> changes;
  for (const auto& [name, value] : after) {
    const auto* was = value_of(before, name);
    if (was != nullptr && *was == value) continue;
    if (was == nullptr && value.is_string() && value.get_string().empty()) continue;
    changes.push_back({name, raw(was), raw(&value)});
  }
  for (const auto& [name, value] : before) {
    if (value_of(after, name) == nullptr) changes.push_back({name, raw(&value), {}});
  }
  tool_changes(draft, tools, changes);
  return changes;
}

}  // namespace personas::design
