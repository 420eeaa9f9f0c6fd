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
    std::vector<std::string_view> known(vocabulary_.tools.begin(), vocabulary_.tools.end());
    known.insert(known.end(), vocabulary_.library.begin(), vocabulary_.library.end());
    if (std::ranges::find(known, name) != known.end()) return;
    const auto near = closest(name, known);
    add(path + "/library",
        near.empty() ? fmt::format("there is no tool '{}'", name)
                     : fmt::format("there is no tool '{}'; did you mean \"{}\"?", name, near));
  }

  const Vocabulary& vocabulary_;
  const std::optional<Persona>& existing_;
  std::vector<Problem> problems_;
};

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

}  // namespace personas::design
