#include "apply.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/suggest.hpp"
#include "personas/codec/yaml.hpp"
#include "personas/model/persona.hpp"

#include "format.hpp"

namespace personas::cli {
namespace {

enum class Kind : std::uint8_t { kPersona, kTool };

constexpr std::array<std::string_view, 2> kKindNames{"Persona", "Tool"};
constexpr std::array<std::string_view, 2> kPaths{"/api/personas", "/api/tool-definitions"};

std::string_view name_of(Kind kind) {
  return kKindNames[static_cast<std::size_t>(kind)];
}
std::string path_of(Kind kind) {
  return std::string(kPaths[static_cast<std::size_t>(kind)]);
}

struct Wanted {
  Kind kind = Kind::kPersona;
  std::string id;  // empty: found by name
  std::string name;
  boost::json::object fields;
};

std::optional<Kind> read_kind(const std::string& file, const codec::YamlDocument& document,
                              boost::json::object& fields, std::vector<FieldError>& errors) {
  const auto it = fields.find("kind");
  if (it == fields.end()) return Kind::kPersona;
  const auto place = fmt::format("{}:{}", file, document.line_of("/kind"));
  std::string text;
  if (it->value().is_string()) text = std::string(it->value().get_string());
  fields.erase(it);
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    if (text == kKindNames[i]) return static_cast<Kind>(i);
  }
  const auto near = closest(text, kKindNames);
  errors.push_back({place, near.empty() ? "kind: expected Persona or Tool"
                                        : fmt::format("kind: did you mean \"{}\"?", near)});
  return std::nullopt;
}

template <class T>
void check(const std::string& file, const codec::YamlDocument& document,
           const boost::json::object& fields, Wanted& wanted, std::vector<FieldError>& errors) {
  const auto value = codec::from_json<T>(fields);
  if (value) {
    wanted.id = value->id.str();
    wanted.name = value->name;
    return;
  }
  for (const auto& field : value.error().fields) {
    std::string path = field.path.starts_with('/') ? field.path.substr(1) : field.path;
    std::ranges::replace(path, '/', '.');
    errors.push_back({fmt::format("{}:{}", file, document.line_of(field.path)),
                      path.empty() ? field.message : fmt::format("{}: {}", path, field.message)});
  }
  if (value.error().fields.empty()) {
    errors.push_back({fmt::format("{}:{}", file, document.line_of("")), value.error().message});
  }
}

void read_document(const std::string& file, codec::YamlDocument& document,
                   std::vector<Wanted>& wanted, std::vector<FieldError>& errors) {
  if (!document.json.is_object()) {
    errors.push_back({fmt::format("{}:{}", file, document.line_of("")),
                      "expected the fields of a persona, such as \"name: Reviewer\""});
    return;
  }
  Wanted one;
  one.fields = std::move(document.json.get_object());
  const auto kind = read_kind(file, document, one.fields, errors);
  if (!kind) return;
  one.kind = *kind;
  if (one.kind == Kind::kPersona) {
    check<Persona>(file, document, one.fields, one, errors);
  } else {
    check<ToolDefinition>(file, document, one.fields, one, errors);
  }
  wanted.push_back(std::move(one));
}

Result<std::vector<Wanted>> read_files(Context& context, const std::vector<std::string>& files) {
  std::vector<Wanted> wanted;
  std::vector<FieldError> errors;
  for (const auto& file : files) {
    TRY(const auto text, context.read_file(file));
    auto documents = codec::parse_yaml(text, file);
    if (!documents && documents.error().fields.empty()) return fail(documents.error());
    if (!documents) {
      std::ranges::move(documents.error().fields, std::back_inserter(errors));
      continue;
    }
    for (auto& document : *documents) read_document(file, document, wanted, errors);
  }
  if (!errors.empty()) {
    return fail(ErrorCode::kInvalidRequest, "Nothing was changed, because of", std::move(errors));
  }
  if (wanted.empty()) {
    return fail(ErrorCode::kInvalidRequest, "There is no persona and no tool in what was given");
  }
  return wanted;
}

template <class T>
const T* find_existing(const std::vector<T>& existing, const Wanted& wanted) {
  const auto it = std::ranges::find_if(existing, [&wanted](const T& entry) {
    return wanted.id.empty() ? entry.name == wanted.name : entry.id.str() == wanted.id;
  });
  return it == existing.end() ? nullptr : &*it;
}

// Whether the fields are what the server has already. A secret never comes back, so it cannot be
// compared and counts as different.
template <class T>
bool is_same(const T& existing, const boost::json::object& fields) {
  if (fields.contains("webhookSecret")) return false;
  T merged = existing;
  const codec::ReadOptions options{.completeness = codec::ReadOptions::Completeness::kPartial};
  if (!codec::read_into(fields, merged, options)) return false;
  return codec::to_json(merged) == codec::to_json(existing);
}

class Applier {
 public:
  Applier(Context& context, Format format) : context_(context), api_(context), format_(format) {}

  Task<Result<void>> run(std::vector<Wanted> all) {
    const auto any = [&all](Kind kind) {
      return std::ranges::any_of(all, [kind](const Wanted& w) { return w.kind == kind; });
    };
    if (any(Kind::kPersona)) {
      CO_TRY(personas_, co_await api_.all<Persona>(path_of(Kind::kPersona)));
    }
    if (any(Kind::kTool)) {
      CO_TRY(tools_, co_await api_.all<ToolDefinition>(path_of(Kind::kTool)));
    }
    for (auto& wanted : all) CO_TRY_VOID(co_await make(std::move(wanted)));
    co_return Result<void>();
  }

 private:
  Task<Result<void>> make(Wanted wanted) {
    if (wanted.kind == Kind::kPersona) co_return co_await make_so(personas_, std::move(wanted));
    co_return co_await make_so(tools_, std::move(wanted));
  }

  template <class T>
  Task<Result<void>> make_so(std::vector<T>& existing, Wanted wanted) {
    const T* found = find_existing(existing, wanted);
    if (found != nullptr && is_same(*found, wanted.fields)) {
      say(wanted, found->id.str(), "unchanged");
      co_return Result<void>();
    }
    const std::string verb = found == nullptr ? "created" : "updated";
    const std::string path =
        found == nullptr ? path_of(wanted.kind) : path_of(wanted.kind) + "/" + found->id.str();
    const std::string method = found == nullptr                ? "POST"
                               : wanted.kind == Kind::kPersona ? "PATCH"
                                                               : "PUT";
    auto response = co_await api_.call(method, path, codec::serialize(wanted.fields));
    if (!response) {
      auto error = response.error();
      error.message = fmt::format("{} {}: {}", name_of(wanted.kind), wanted.name, error.message);
      co_return fail(std::move(error));
    }
    auto answer = codec::parse<T>(response->body, kFromServer, kAnswerLimits);
    say(wanted, answer ? answer->id.str() : wanted.id, verb);
    // A later document of the same name meets what this one made.
    if (answer && found == nullptr) existing.push_back(std::move(*answer));
    if (answer && found != nullptr)
      existing[static_cast<std::size_t>(found - existing.data())] = std::move(*answer);
    co_return Result<void>();
  }

  void say(const Wanted& wanted, const std::string& id, std::string_view what) {
    if (format_ == Format::kJson) {
      const boost::json::object line{{"kind", std::string(name_of(wanted.kind))},
                                     {"name", wanted.name},
                                     {"id", id},
                                     {"result", std::string(what)}};
      context_.terminal.out(codec::serialize(line) + "\n");
      return;
    }
    const Paint colour = what == "unchanged" ? Paint::kDim : Paint::kGreen;
    context_.terminal.out(fmt::format("{} {} {} ({})\n", paint(context_.terminal, colour, what),
                                      wanted.kind == Kind::kPersona ? "persona" : "tool",
                                      agents::clean_line(wanted.name, 200), id));
  }

  Context& context_;
  Api api_;
  Format format_;
  std::vector<Persona> personas_;
  std::vector<ToolDefinition> tools_;
};

}  // namespace

Task<Result<void>> apply(Context& context, std::vector<std::string> files, Format format) {
  CO_TRY(auto wanted, read_files(context, files));
  Applier applier(context, format);
  co_return co_await applier.run(std::move(wanted));
}

}  // namespace personas::cli
