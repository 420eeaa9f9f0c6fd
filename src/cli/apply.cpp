#include "apply.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/catalog/documents.hpp"
#include "personas/codec/yaml.hpp"
#include "personas/evaluation/documents.hpp"
#include "personas/model/persona.hpp"

#include "changes.hpp"
#include "format.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShownName = 200;

void check_document(const std::string& file, const codec::YamlDocument& document,
                    std::vector<FieldError>& errors) {
  const auto read = catalog::read_document(document.json);
  const auto tests = read && read->tests ? evaluation::read_tests(*read->tests)
                                         : Result<std::vector<evaluation::Scenario>>();
  if (read && tests) return;
  for (const auto& field : (read ? tests.error() : read.error()).fields) {
    std::string path = field.path.starts_with('/') ? field.path.substr(1) : field.path;
    std::ranges::replace(path, '/', '.');
    errors.push_back({fmt::format("{}:{}", file, document.line_of(field.path)),
                      path.empty() ? field.message : fmt::format("{}: {}", path, field.message)});
  }
}

// The documents of the files as the JSON list that the server takes.
Result<boost::json::array> read_files(Context& context, const std::vector<std::string>& files) {
  boost::json::array wanted;
  std::vector<FieldError> errors;
  for (const auto& file : files) {
    TRY(const auto text, context.read_file(file));
    auto documents = codec::parse_yaml(text, file);
    if (!documents && documents.error().fields.empty()) return fail(documents.error());
    if (!documents) {
      std::ranges::move(documents.error().fields, std::back_inserter(errors));
      continue;
    }
    for (auto& document : *documents) {
      check_document(file, document, errors);
      wanted.push_back(std::move(document.json));
    }
  }
  if (!errors.empty()) {
    return fail(ErrorCode::kInvalidRequest, "Nothing was changed, because of", std::move(errors));
  }
  if (wanted.empty()) {
    return fail(ErrorCode::kInvalidRequest, "There is no persona and no tool in what was given");
  }
  return wanted;
}

std::string member(const boost::json::value& thing, std::string_view name) {
  const auto* object = thing.if_object();
  const auto* value = object == nullptr ? nullptr : object->if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

struct Shown {
  enum class Changes : std::uint8_t { kNo, kYes } changes = Changes::kNo;
  Format format = Format::kText;
};

Result<void> show_thing(Context& context, const boost::json::value& thing, const Shown& shown) {
  const std::string kind = member(thing, "kind");
  const std::string result = member(thing, "result");
  if (shown.format == Format::kJson) {
    boost::json::object line{{"kind", kind},
                             {"name", member(thing, "name")},
                             {"id", member(thing, "id")},
                             {"result", result}};
    if (shown.changes == Shown::Changes::kYes) line["changes"] = thing.as_object().at("changes");
    context.terminal.out(codec::serialize(line) + "\n");
    return {};
  }
  const std::string noun = kind == "Persona" ? "persona" : kind == "Tool" ? "tool" : "group";
  const std::string id = member(thing, "id");
  const Paint colour = result == "unchanged" ? Paint::kDim : Paint::kGreen;
  context.terminal.out(fmt::format("{} {} {}{}\n", paint(context.terminal, colour, result), noun,
                                   agents::clean_line(member(thing, "name"), kMaxShownName),
                                   id.empty() ? "" : fmt::format(" ({})", id)));
  const auto* changes = thing.if_object() ? thing.get_object().if_contains("changes") : nullptr;
  if (shown.changes == Shown::Changes::kNo || changes == nullptr || result != "updated") return {};
  TRY(const auto list, codec::from_json<std::vector<catalog::FieldChange>>(*changes));
  context.terminal.out(show_changes(context.terminal, list));
  return {};
}

// The server's answer, after it has been shown.
Task<Result<boost::json::value>> send(Context& context, const boost::json::object& body,
                                      Shown shown) {
  Api api(context);
  CO_TRY(const auto response, co_await api.call("POST", "/api/import", codec::serialize(body)));
  CO_TRY(auto answer, codec::parse_json(response.body, kAnswerLimits));
  const auto* things = answer.if_object() ? answer.get_object().if_contains("things") : nullptr;
  if (things == nullptr || !things->is_array()) {
    co_return fail(ErrorCode::kInternal, "The server's answer is not understood");
  }
  for (const auto& thing : things->get_array()) CO_TRY_VOID(show_thing(context, thing, shown));
  co_return std::move(answer);
}

bool changes_something(const boost::json::value& answer) {
  return std::ranges::any_of(answer.as_object().at("things").as_array(), [](const auto& thing) {
    return member(thing, "result") != "unchanged";
  });
}

}  // namespace

Task<Result<void>> apply(Context& context, std::vector<std::string> files, Format format) {
  CO_TRY(auto documents, read_files(context, files));
  const boost::json::object body{{"documents", std::move(documents)}};
  const Shown shown{.changes = Shown::Changes::kNo, .format = format};
  CO_TRY_VOID(co_await send(context, body, shown));
  co_return Result<void>();
}

Task<Result<void>> import_file(Context& context, std::string file, Consent consent, Format format) {
  const std::vector<std::string> files{file};
  CO_TRY(auto documents, read_files(context, files));
  boost::json::object body{{"documents", std::move(documents)}, {"mode", "replace"}};
  Shown shown{.changes = Shown::Changes::kYes, .format = format};
  if (consent == Consent::kAsk) {
    body["dryRun"] = true;
    CO_TRY(const auto answer, co_await send(context, body, shown));
    context.terminal.err(changes_something(answer)
                             ? "nothing was changed yet; to make it so, add: --yes\n"
                             : "there is nothing to change\n");
    co_return Result<void>();
  }
  body["note"] = "imported from " + agents::clean_line(file, kMaxShownName);
  CO_TRY(const auto answer, co_await send(context, body, shown));
  const auto* types = answer.as_object().if_contains("connectors");
  if (format == Format::kJson || types == nullptr || !types->is_array()) co_return Result<void>();
  for (const auto& type : types->get_array()) {
    if (!type.is_string()) continue;
    context.terminal.err(
        fmt::format("it needs a {0} credential; what that is: personas connector show {0}\n",
                    agents::clean_line(std::string(type.get_string()), kMaxShownName)));
  }
  co_return Result<void>();
}

Task<Result<void>> export_persona(Context& context, std::string persona, std::string file) {
  Api api(context);
  CO_TRY(const auto found, co_await find_persona(api, std::move(persona)));
  CO_TRY(const auto response,
         co_await api.call("GET", fmt::format("/api/personas/{}/export", found.id.str())));
  if (file == "-") {
    context.terminal.out(response.body);
    co_return Result<void>();
  }
  CO_TRY_VOID(context.write_file(file, response.body));
  context.terminal.err(fmt::format("wrote {}\n", file));
  co_return Result<void>();
}

}  // namespace personas::cli
