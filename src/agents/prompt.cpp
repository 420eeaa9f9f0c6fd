#include "personas/agents/prompt.hpp"

#include <algorithm>
#include <array>
#include <span>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/agents/protocols.hpp"
#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

namespace personas::agents {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMaxNameBytes = 500;  // of titles, types, sources: anything on one line

struct Context {
  const PromptInput& input;
  const Persona& persona;
  const DataFence& fence;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// ---- the structured prompt ---------------------------------------------------------------------

struct StructuredSection {
  std::string_view heading;
  std::array<std::string_view, 2> keys;  // the API's name, and the one of older exports
};

constexpr StructuredSection kWebSearch = {"Web Search", {"webSearch", "web_search"}};
constexpr std::array kStructuredSections = {
    StructuredSection{"Identity", {"identity", "identity"}},
    StructuredSection{"Instructions", {"instructions", "instructions"}},
    StructuredSection{"Tool Guidance", {"toolGuidance", "tool_guidance"}},
    StructuredSection{"Examples", {"examples", "examples"}},
    StructuredSection{"Error Handling", {"errorHandling", "error_handling"}},
};
constexpr std::array<std::string_view, 2> kCustomSections = {"customSections", "custom_sections"};
constexpr std::array<std::string_view, 4> kCustomTitles = {"title", "label", "name", "key"};

const bj::value* first_of(const bj::object& object, std::span<const std::string_view> keys) {
  for (const auto key : keys) {
    if (const auto* value = object.if_contains(key); value != nullptr && !value->is_null()) {
      return value;
    }
  }
  return nullptr;
}

// Texts as they are, lists as bullets, anything else as JSON.
std::string words_of(const bj::value* value) {
  if (value == nullptr) return {};
  if (const auto* text = value->if_string()) return std::string(trimmed(*text));
  if (const auto* list = value->if_array()) {
    std::string out;
    for (const auto& entry : *list) out += fmt::format("- {}\n", words_of(&entry));
    return std::string(trimmed(out));
  }
  return codec::serialize(*value);
}

void add_section(std::string& out, std::string_view heading, std::string_view body) {
  if (!body.empty()) out += fmt::format("## {}\n\n{}\n\n", heading, body);
}

void add_custom_sections(std::string& out, const bj::object& prompt) {
  const auto* value = first_of(prompt, kCustomSections);
  const auto* sections = value == nullptr ? nullptr : value->if_array();
  if (sections == nullptr) return;
  for (const auto& entry : *sections) {
    const auto* section = entry.if_object();
    if (section == nullptr) continue;
    const std::string title = words_of(first_of(*section, kCustomTitles));
    add_section(out, title.empty() ? "Further Instructions" : clean_line(title, kMaxNameBytes),
                words_of(section->if_contains("content")));
  }
}

// Empty if there is no valid structured prompt.
std::string structured_prompt(const Persona& persona) {
  if (!persona.structured_prompt || persona.structured_prompt->text.empty()) return {};
  const auto json = codec::parse_json(persona.structured_prompt->text);
  if (!json || !json->is_object()) return {};
  const auto& prompt = json->as_object();
  std::string out;
  for (const auto& section : kStructuredSections) {
    add_section(out, section.heading, words_of(first_of(prompt, section.keys)));
  }
  add_custom_sections(out, prompt);
  add_section(out, kWebSearch.heading, words_of(first_of(prompt, kWebSearch.keys)));
  return out;
}

// ---- the sections ------------------------------------------------------------------------------

std::string write_persona(const Context& context) {
  const Persona& persona = context.persona;
  std::string out = fmt::format("# Persona: {}\n\n", persona.name);
  if (const auto text = trimmed(persona.description); !text.empty()) {
    out += fmt::format("{}\n\n", text);
  }
  const std::string structured = structured_prompt(persona);
  if (!structured.empty()) return out + structured;
  if (const auto text = trimmed(persona.system_prompt); !text.empty()) {
    out += fmt::format("{}\n\n", text);
  }
  return out;
}

std::string write_tools(const Context& context) {
  std::string out;
  for (const auto& tool : context.input.tools) {
    out += fmt::format("### {}\n\n", tool.name);
    if (!tool.description.empty()) out += fmt::format("{}\n\n", trimmed(tool.description));
    if (!tool.implementation_guide.empty()) {
      out += fmt::format("{}\n\n", trimmed(tool.implementation_guide));
    }
    if (!tool.script_path.empty()) out += fmt::format("Script: `{}`\n\n", tool.script_path);
    if (tool.input_schema && !tool.input_schema->text.empty()) {
      out += fmt::format("Input schema: `{}`\n\n", tool.input_schema->text);
    }
    if (tool.requires_credential_type) {
      out += fmt::format("Needs a credential of type {}.\n\n", *tool.requires_credential_type);
    }
  }
  return out;
}

std::string write_environment(const Context& context) {
  return fmt::format(
      "You run unattended on Linux in a private, empty working directory that is thrown away "
      "afterwards. Use the shell (bash), curl and what is installed; other hosts may be out of "
      "reach by policy. Nobody answers while you run: standard input is closed, so never wait for "
      "a reply; use `manual_review` to ask. The time is {}.\n\n",
      to_rfc3339(context.input.time));
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string write_credentials(const Context& context) {
  std::string names;
  for (const auto& name : context.input.credential_names) {
    if (is_variable_name(name)) names += fmt::format("- `{}`\n", name);
  }
  if (names.empty()) return {};
  return "These environment variables hold credentials. Use them where a tool needs them; never "
         "print, store or send their values anywhere else.\n\n" +
         names + "\n";
}

std::string write_protocols(const Context&) {
  return protocol_documentation() + "\n";
}

std::string write_memories(const Context& context) {
  const auto& memories = context.input.memories;
  std::string notes;
  for (std::size_t i = 0; i < std::min(memories.size(), kMaxMemories); ++i) {
    const Memory& memory = memories[i];
    std::string tags;
    for (const auto& tag : memory.tags) tags += " #" + clean_line(tag, kMaxNameBytes);
    const auto content = utf8_prefix(memory.content, kMaxMemoryBytes);
    notes += fmt::format("- [{}, importance {}] {}: {}{}{}\n", codec::name_of(memory.category),
                         memory.importance, clean_line(memory.title, kMaxNameBytes), content,
                         content.size() < memory.content.size() ? "…" : "", tags);
  }
  if (notes.empty()) return {};
  return context.fence.explanation() + "\n" +
         context.fence.enclose("Notes from earlier runs, perhaps of other personas", notes,
                               kMaxMemories * kMaxMemoryBytes * 2) +
         "\n";
}

// JSON in one spelling, so that escapes hide nothing from cleaning; other text as it is.
std::string normalised(std::string_view text) {
  const auto json = codec::parse_json(text);
  return json ? codec::serialize(*json) : std::string(text);
}

struct InputPart {
  std::string_view label;
  std::array<std::string_view, 3> keys;
};
constexpr std::array kInputParts = {
    InputPart{"Use case", {"useCase", "use_case", "_use_case"}},
    InputPart{"Time filter: consider only what falls into it",
              {"timeFilter", "time_filter", "_time_filter"}},
};

std::string input_data(const Context& context, std::string_view text) {
  auto json = codec::parse_json(text);
  if (!json || !json->is_object()) {
    return context.fence.enclose("Input", normalised(text), kMaxInputDataBytes) + "\n";
  }
  auto& object = json->as_object();
  std::string parts;
  for (const auto& part : kInputParts) {
    const auto* value = first_of(object, part.keys);
    if (value == nullptr) continue;
    const auto* words = value->if_string();
    parts += context.fence.enclose(
                 part.label, words != nullptr ? std::string(*words) : codec::serialize(*value),
                 kMaxInputDataBytes / 4) +
             "\n";
    for (const auto key : part.keys) object.erase(key);
  }
  if (object.empty()) return parts;
  return context.fence.enclose("Input", codec::serialize(*json), kMaxInputDataBytes) + "\n" + parts;
}

std::string write_input(const Context& context) {
  std::string out;
  if (const auto& event = context.input.event) {
    out += context.fence.enclose(
               "Event that started this run",
               fmt::format("type: {}\nsource: {}\npayload: {}\n",
                           clean_line(event->type, kMaxNameBytes),
                           clean_line(event->source, kMaxNameBytes), normalised(event->payload)),
               kMaxPayloadBytes) +
           "\n";
  }
  if (context.input.input_data && !trimmed(*context.input.input_data).empty()) {
    out += input_data(context, *context.input.input_data);
  }
  return out.empty() ? out : context.fence.explanation() + "\n" + out;
}

std::string write_task(const Context& context) {
  const auto task = trimmed(context.input.prompt);
  std::string out =
      "Begin now, and carry the work through to the end. When you are done, write an "
      "`outcome_assessment` line.\n\n";
  if (task.empty()) return out + "Do what your instructions say about the input above.\n";
  return out + std::string(kTaskLabel) + "\n" + std::string(task) + "\n";
}

struct Section {
  std::string_view heading;  // with its line end; empty: the body brings its own
  std::string (*write)(const Context& context);
};

// The order is the contract. A section without a body is left out.
constexpr std::array kSections = {
    Section{"", &write_persona},
    Section{"## Available Tools\n", &write_tools},
    Section{"## Execution Environment\n", &write_environment},
    Section{"## Available Credentials\n", &write_credentials},
    Section{"## Communication Protocols\n", &write_protocols},
    Section{"## Relevant Memories\n", &write_memories},
    Section{"## Input Data\n", &write_input},
    Section{kExecuteNowHeading, &write_task},
};

}  // namespace

Result<std::string> assemble_prompt(const PromptInput& input, Random& random) {
  const DataFence fence(random);
  std::string out;
  if (!input.persona) {
    if (trimmed(input.prompt).empty()) {
      return fail(ErrorCode::kInvalidRequest, "give a prompt, or a persona to run");
    }
    out = input.prompt;
  } else {
    const Context context{input, *input.persona, fence};
    for (const auto& section : kSections) {
      const std::string body = section.write(context);
      if (body.empty()) continue;
      if (!section.heading.empty()) out += fmt::format("{}\n", section.heading);
      out += body;
    }
  }
  if (input.continuation) {
    out += out.ends_with('\n') ? "\n" : "\n\n";
    out += continuation_section(*input.continuation, fence);
  }
  if (out.size() > kMaxPromptBytes) {
    return fail(ErrorCode::kPayloadTooLarge,
                fmt::format("the assembled prompt has {} bytes, more than the {} allowed; shorten "
                            "the persona, its tools or the prompt",
                            out.size(), kMaxPromptBytes));
  }
  return out;
}

}  // namespace personas::agents
