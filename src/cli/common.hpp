// What the commands on events, subscriptions, triggers and webhooks share.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "personas/model/persona.hpp"

#include "by_end.hpp"
#include "format.hpp"
#include "registry.hpp"

namespace personas::cli {

inline constexpr int kSearched = 500;  // the API's largest page

// By their ids. Only to show names instead of ids: without them the answer is still right.
using PersonaNames = std::map<std::string, std::string>;
Task<PersonaNames> persona_names(Api& api);
std::string shown(const std::optional<PersonaId>& id, const PersonaNames& names);

// JSON as it is written on the command line: itself, @file that holds it, - for standard input.
// The error names the flag.
Result<boost::json::value> json_argument(Context& context, std::string_view flag,
                                         const std::string& text);
// RFC 3339, or a duration before now such as 2h.
Result<Timestamp> time_argument(Context& context, std::string_view flag, const std::string& text);

// "in 5m", "5m ago".
std::string when(Timestamp time, Timestamp now);
Cell status_cell(std::string_view status);
// Over several lines, cleaned.
std::string pretty(std::string_view json);
// "name: value" lines, of what has a value.
std::string facts(const Terminal& terminal,
                  const std::vector<std::pair<std::string_view, std::string>>& rows);
// A query of what has a value, beginning with "?limit=…".
std::string query_of(int limit,
                     const std::vector<std::pair<std::string_view, std::string>>& parameters);

// The answer as it came for programs, else `said` for people.
int print_answer(Context& context, Format format, const net::Response& response, std::string said);

template <class T>
Result<T> read_answer(const net::Response& response) {
  return codec::parse<T>(response.body, kFromServer, kAnswerLimits);
}

// The thing with this id, or the one of a list, newest first, that a part of its id names.
// `path` is where it stands, such as "/api/events"; `prefix` what its ids begin with.
struct Kind {
  std::string_view path;
  std::string_view prefix;
  std::string_view what;
  std::string_view see;
};
template <class T>
Task<Result<T>> find_thing(Api& api, Kind kind, std::string text, std::string list_query) {
  if (text.starts_with(kind.prefix)) {
    auto exact = co_await api.get<T>(fmt::format("{}/{}", kind.path, Api::escape(text)));
    if (exact || exact.error().code != ErrorCode::kNotFound) co_return exact;
  }
  CO_TRY(const auto listed,
         co_await api.get<std::vector<T>>(fmt::format("{}{}", kind.path, list_query)));
  co_return find_by_end(listed, text, kind.what, kind.see);
}

// The subcommands of one group; each keeps its options with its action.
template <class Options>
class Group {
 public:
  using Kept = std::shared_ptr<Options>;
  using Run = Task<Result<int>> (*)(Context&, Kept);

  Group(Registry& registry, CLI::App& parent) : registry_(registry), parent_(parent) {}

  std::pair<CLI::App&, Options&> add(const char* name, const char* description, Run run) {
    auto kept = std::make_shared<Options>();
    Options& options = *kept;
    auto& command = registry_.add(parent_, name, description, options.format,
                                  [run, kept](Context& context) { return run(context, kept); });
    if (std::string_view(name) == "ls") command.alias("list");
    return {command, options};
  }

 private:
  Registry& registry_;
  CLI::App& parent_;
};

}  // namespace personas::cli
