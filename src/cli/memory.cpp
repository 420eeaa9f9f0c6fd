// `personas memory`: what agents remember, listed, read, added, changed and forgotten.
#include <memory>

#include "personas/model/signals.hpp"

#include "by_end.hpp"
#include "common.hpp"
#include "format.hpp"
#include "lists.hpp"
#include "registry.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShownContent = 50'000;
constexpr std::string_view kSee = "personas memory ls";

struct MemoryOptions {
  Format format = Format::kText;
  std::string id;
  std::string persona;  // id or name
  std::string query;
  bool shared = false;
  int limit = 50;
  std::string title;
  std::string content;
  std::string category;
  std::int64_t importance = 0;
  std::vector<std::string> tags;
};
using Options = std::shared_ptr<MemoryOptions>;

Task<Result<Memory>> find_memory(Api& api, std::string text) {
  if (text.starts_with("mem_")) {
    auto exact = co_await api.get<Memory>("/api/memories/" + Api::escape(text));
    if (exact || exact.error().code != ErrorCode::kNotFound) co_return exact;
  }
  CO_TRY(const auto recent,
         co_await api.get<std::vector<Memory>>(fmt::format("/api/memories?limit={}", kSearched)));
  co_return find_by_end(recent, text, "memory", kSee);
}

std::string owner_of(const Memory& memory, const PersonaNames& names) {
  if (!memory.persona_id) return "(all)";
  const auto name = names.find(memory.persona_id->str());
  return name == names.end() ? memory.persona_id->str() : name->second;
}

Task<Result<int>> list_memories(Context& context, Options options) {
  Api api(context);
  std::string path = fmt::format("/api/memories?limit={}", options->limit);
  if (!options->persona.empty()) {
    CO_TRY(const auto persona, co_await find_persona(api, options->persona));
    path += "&personaId=" + Api::escape(persona.id.str());
  }
  if (options->shared) path += "&shared=true";
  if (!options->query.empty()) path += "&q=" + Api::escape(options->query);
  CO_TRY(const auto response, co_await api.call("GET", path));
  if (options->format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return kExitDone;
  }
  CO_TRY(const auto memories,
         codec::parse<std::vector<Memory>>(response.body, kFromServer, kAnswerLimits));
  if (memories.empty()) {
    context.terminal.err("no memories\n");
    co_return kExitDone;
  }
  const auto names = co_await persona_names(api);
  Table table({"ID", "OF", "CATEGORY", "WEIGHT", "AGE", "MEMORY"});
  for (const auto& m : memories) {
    table.add({{m.id.str()},
               {owner_of(m, names)},
               {std::string(codec::name_of(m.category))},
               {std::to_string(m.importance)},
               {age(context.clock.wall() - m.created_at)},
               {fmt::format("{}: {}", m.title, m.content)}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return kExitDone;
}

std::string as_text(const Terminal& terminal, const Memory& m, std::string_view owner) {
  std::string out = paint(terminal, Paint::kBold, agents::clean_line(m.title, 500)) + "\n";
  std::string tags;
  for (const auto& tag : m.tags) tags += " #" + agents::clean_line(tag, 100);
  out += paint(terminal, Paint::kDim,
               fmt::format("{} · of {} · {} · weight {}{}\n", m.id.str(), owner,
                           codec::name_of(m.category), m.importance, tags));
  if (m.execution_id) {
    out += paint(terminal, Paint::kDim, "learnt in " + m.execution_id->str() + "\n");
  }
  return out + "\n" + agents::clean_text(std::string_view(m.content).substr(0, kMaxShownContent)) +
         "\n";
}

Task<Result<int>> show_memory(Context& context, Options options) {
  Api api(context);
  CO_TRY(const auto memory, co_await find_memory(api, options->id));
  if (options->format == Format::kJson) {
    context.terminal.out(codec::to_json(memory) + "\n");
    co_return kExitDone;
  }
  const auto names = co_await persona_names(api);
  context.terminal.out(as_text(context.terminal, memory, owner_of(memory, names)));
  co_return kExitDone;
}

// The fields the flags name.
boost::json::object changed_fields(const MemoryOptions& options) {
  boost::json::object body;
  if (!options.title.empty()) body["title"] = options.title;
  if (!options.content.empty()) body["content"] = options.content;
  if (!options.category.empty()) body["category"] = options.category;
  if (options.importance != 0) body["importance"] = options.importance;
  if (!options.tags.empty()) {
    body["tags"] = boost::json::array(options.tags.begin(), options.tags.end());
  }
  return body;
}

Task<Result<int>> send_memory(Context& context, std::string method, std::string path,
                              boost::json::object body, Format format, std::string_view done) {
  Api api(context);
  CO_TRY(const auto response,
         co_await api.call(std::move(method), std::move(path), codec::serialize(body)));
  if (format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return kExitDone;
  }
  CO_TRY(const auto memory, codec::parse<Memory>(response.body, kFromServer, kAnswerLimits));
  context.terminal.out(
      fmt::format("{} {}: {}\n", done, memory.id.str(), agents::clean_line(memory.title, 500)));
  co_return kExitDone;
}

Task<Result<int>> add_memory(Context& context, Options options) {
  Api api(context);
  auto body = changed_fields(*options);
  if (options->content == "-") {
    CO_TRY(body["content"], context.read_file("-"));
  }
  if (!options->shared) {
    if (options->persona.empty()) {
      co_return fail(ErrorCode::kInvalidRequest,
                     "Whose memory is it? Name --persona, or --shared for all");
    }
    CO_TRY(const auto persona, co_await find_persona(api, options->persona));
    body["personaId"] = persona.id.str();
  }
  co_return co_await send_memory(context, "POST", "/api/memories", std::move(body), options->format,
                                 "remembered");
}

Task<Result<int>> edit_memory(Context& context, Options options) {
  Api api(context);
  CO_TRY(const auto memory, co_await find_memory(api, options->id));
  auto body = changed_fields(*options);
  if (options->content == "-") {
    CO_TRY(body["content"], context.read_file("-"));
  }
  if (options->shared) body["personaId"] = nullptr;
  if (!options->persona.empty()) {
    CO_TRY(const auto persona, co_await find_persona(api, options->persona));
    body["personaId"] = persona.id.str();
  }
  if (body.empty()) {
    co_return fail(ErrorCode::kInvalidRequest,
                   "Nothing to change: name --title, --content, --category, --importance, --tag, "
                   "--persona or --shared");
  }
  co_return co_await send_memory(context, "PATCH", "/api/memories/" + memory.id.str(),
                                 std::move(body), options->format, "changed");
}

Task<Result<int>> forget_memory(Context& context, Options options) {
  Api api(context);
  CO_TRY(const auto memory, co_await find_memory(api, options->id));
  CO_TRY(const auto response, co_await api.call("DELETE", "/api/memories/" + memory.id.str()));
  context.terminal.out(options->format == Format::kJson
                           ? codec::to_json(memory) + "\n"
                           : fmt::format("forgotten: {}\n", agents::clean_line(memory.title, 500)));
  co_return kExitDone;
}

void add_fields(CLI::App& command, MemoryOptions& options) {
  command.add_option("--category", options.category, "What kind it is")
      ->check(CLI::IsMember({"learning", "preference", "fact", "procedure", "general"}));
  command
      .add_option("--importance", options.importance, "From 1 to 10; higher comes to prompts first")
      ->check(CLI::Range(1, 10));
  command.add_option("--tag", options.tags, "A tag; may be given more than once");
  command.add_option("--persona", options.persona, "Whose it is (name or id)");
  command.add_flag("--shared", options.shared, "It is for all personas");
}

}  // namespace

void add_memory_commands(Registry& registry) {
  auto& group = registry.add_group("memory", "What agents remember: list, show, add, edit, forget");
  const auto add =
      [&](const char* name, const char* description,
          Task<Result<int>> (*run)(Context&, Options)) -> std::pair<CLI::App&, Options> {
    auto options = std::make_shared<MemoryOptions>();
    auto& command =
        registry.add(group, name, description, options->format,
                     [run, options](Context& context) { return run(context, options); });
    return {command, options};
  };
  auto [ls, listed] = add("ls", "List and search memories, newest first", &list_memories);
  ls.add_option("--persona", listed->persona, "Those of this persona (name or id)");
  ls.add_flag("--shared", listed->shared, "Those for all personas; with --persona as well");
  ls.add_option("--query", listed->query, "With this text in the title or the content");
  ls.add_option("--limit", listed->limit, "At most so many")->check(CLI::Range(1, kSearched));

  auto [show, shown] = add("show", "Show a memory whole", &show_memory);
  show.add_option("memory", shown->id, "Its id, an end of it, or: last")->required();

  auto [added, made] = add("add", "Give a persona, or all, a memory", &add_memory);
  added.add_option("title", made->title, "What it is about")->required();
  added.add_option("content", made->content, "What is remembered; - reads it from standard input")
      ->required();
  add_fields(added, *made);

  auto [edit, edited] = add("edit", "Change a memory", &edit_memory);
  edit.add_option("memory", edited->id, "Its id, an end of it, or: last")->required();
  edit.add_option("--title", edited->title, "What it is about");
  edit.add_option("--content", edited->content,
                  "What is remembered; - reads it from standard input");
  add_fields(edit, *edited);

  auto [forget, forgotten] = add("forget", "Delete a memory", &forget_memory);
  forget.add_option("memory", forgotten->id, "Its id, an end of it, or: last")->required();
}

}  // namespace personas::cli
