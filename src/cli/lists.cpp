#include "lists.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/suggest.hpp"
#include "personas/catalog/types.hpp"
#include "personas/model/signals.hpp"

#include "format.hpp"

namespace personas::cli {
namespace {

using Names = std::map<std::string, std::string>;  // of personas, by id

std::string shown(const std::optional<PersonaId>& id, const Names& names) {
  if (!id) return "–";
  const auto it = names.find(id->str());
  return it == names.end() ? id->str() : it->second;
}

template <class E>
Cell status_cell(E status) {
  const std::string text(codec::name_of(status));
  return {text, paint_of_status(text)};
}

class Lister {
 public:
  Lister(Context& context, ListOptions options)
      : context_(context), api_(context), options_(std::move(options)) {}

  Task<Result<void>> run() {
    if (!options_.persona.empty()) {
      CO_TRY(auto persona, co_await find_persona(api_, options_.persona));
      persona_ = persona.id;
      names_[persona.id.str()] = persona.name;
    }
    CO_TRY_VOID(co_await find_group());
    CO_TRY(const auto path, path_of_kind());
    CO_TRY(auto response, co_await api_.call("GET", path));
    if (options_.format == Format::kJson) {
      context_.terminal.out(response.body + "\n");
      co_return Result<void>();
    }
    if (names_.empty() && options_.kind != "personas" && options_.kind != "groups" &&
        options_.kind != "tools") {
      // Only to show names instead of ids; without them the list is still right.
      const auto personas = co_await api_.all<Persona>("/api/personas");
      if (personas) {
        for (const auto& persona : *personas) names_[persona.id.str()] = persona.name;
      }
    }
    co_return show(response);
  }

 private:
  // The id of the group that was named; a value that names none may be of the first generation.
  Task<Result<void>> find_group() {
    if (options_.group.empty()) co_return Result<void>();
    if (options_.kind == "executions") options_.kind = "personas";  // nothing else was named
    if (options_.kind != "personas") {
      co_return fail(ErrorCode::kInvalidRequest, "--group filters personas: personas ls personas");
    }
    CO_TRY(const auto groups, co_await api_.get<std::vector<catalog::Group>>("/api/groups"));
    for (const auto& group : groups) {
      if (group.name == options_.group) options_.group = group.id.str();
    }
    co_return Result<void>();
  }

  Result<std::string> path_of_kind() const {
    const auto limit = fmt::format("?limit={}", options_.limit);
    const auto& kind = options_.kind;
    if (kind != "executions" && kind != "events" && !options_.status.empty()) {
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("--status filters executions and events, not {}", kind));
    }
    if (kind == "executions") {
      std::string query = limit;
      if (persona_) query += "&personaId=" + Api::escape(persona_->str());
      if (!options_.status.empty()) query += "&status=" + Api::escape(options_.status);
      return "/api/executions" + query;
    }
    if (kind == "personas") {
      return "/api/personas" + limit +
             (options_.group.empty() ? "" : "&groupId=" + Api::escape(options_.group));
    }
    if (kind == "groups") return std::string("/api/groups");
    if (kind == "tools") return "/api/tool-definitions" + limit;
    if (kind == "events") return "/api/events" + limit;
    if (kind == "messages") return "/api/messages" + limit;
    if (kind == "reviews") return std::string("/api/reviews/pending") + limit;
    if (!persona_) {
      return fail(ErrorCode::kInvalidRequest,
                  "Memories belong to a persona; name it: personas ls memories --persona NAME");
    }
    return fmt::format("/api/personas/{}/memories{}", persona_->str(), limit);
  }

  template <class T>
  Result<std::vector<T>> read(const net::Response& response) const {
    auto entries = codec::parse<std::vector<T>>(response.body, kFromServer, kAnswerLimits);
    if (entries) return entries;
    return fail(ErrorCode::kInternal,
                "The server's answer is not understood: " + entries.error().describe());
  }

  // Of lists that the server does not filter by persona.
  bool is_other_persona(const std::optional<PersonaId>& id) const {
    return persona_ && id != persona_;
  }
  std::string since(Timestamp time) const { return age(context_.clock.wall() - time); }

  Result<void> show(const net::Response& response) {
    const auto& kind = options_.kind;
    Result<Table> table = kind == "executions" ? executions(response)
                          : kind == "personas" ? personas(response)
                          : kind == "groups"   ? groups(response)
                          : kind == "tools"    ? tools(response)
                          : kind == "events"   ? events(response)
                          : kind == "messages" ? messages(response)
                          : kind == "reviews"  ? reviews(response)
                                               : memories(response);
    if (!table) return fail(table.error());
    if (table->empty()) {
      context_.terminal.err(kind == "executions"
                                ? "no executions; start one with: personas run demo \"Say hello\"\n"
                                : fmt::format("no {}\n", kind));
      return {};
    }
    context_.terminal.out(table->render(context_.terminal));
    if (!response.headers.get("X-Next-Cursor").empty()) {
      context_.terminal.err(paint(context_.terminal, Paint::kDim, "there are more; raise --limit") +
                            "\n");
    }
    return {};
  }

  Result<Table> executions(const net::Response& response) {
    TRY(const auto entries, read<Execution>(response));
    Table table({"ID", "PERSONA", "STATUS", "AGE", "TOOK", "COST", "PROMPT"});
    for (const auto& e : entries) {
      Cell status = status_cell(e.status);
      if (e.status == ExecutionStatus::kCompleted && e.outcome && !e.outcome->accomplished) {
        status = {"not accomplished", Paint::kYellow};
      }
      table.add({{e.id.str()},
                 {shown(e.persona_id, names_)},
                 status,
                 {since(e.created_at)},
                 {e.duration_ms ? long_duration(milliseconds(*e.duration_ms)) : "–"},
                 {e.cost_usd ? dollars(*e.cost_usd) : "–"},
                 {e.waiting_for ? fmt::format("[{}] {}", *e.waiting_for, e.prompt) : e.prompt}});
    }
    return table;
  }

  Result<Table> personas(const net::Response& response) {
    TRY(const auto entries, read<Persona>(response));
    Table table({"NAME", "ENABLED", "BACKEND", "MODEL", "ID", "DESCRIPTION"});
    for (const auto& p : entries) {
      table.add({{p.name, Paint::kBold},
                 {p.enabled ? "yes" : "no", p.enabled ? Paint::kGreen : Paint::kDim},
                 {p.backend},
                 {p.model.value_or("–")},
                 {p.id.str()},
                 {p.description}});
    }
    return table;
  }

  Result<Table> groups(const net::Response& response) {
    TRY(const auto entries, read<catalog::Group>(response));
    Table table({"NAME", "ID", "DESCRIPTION"});
    for (const auto& g : entries) {
      table.add({{g.name, Paint::kBold}, {g.id.str()}, {g.description}});
    }
    return table;
  }

  Result<Table> tools(const net::Response& response) {
    TRY(const auto entries, read<ToolDefinition>(response));
    Table table({"NAME", "CATEGORY", "ID", "DESCRIPTION"});
    for (const auto& t : entries) {
      table.add({{t.name, Paint::kBold}, {t.category}, {t.id.str()}, {t.description}});
    }
    return table;
  }

  Result<Table> events(const net::Response& response) {
    TRY(const auto entries, read<Event>(response));
    Table table({"ID", "TYPE", "STATUS", "AGE", "TARGET", "SOURCE"});
    for (const auto& e : entries) {
      const std::string_view status = codec::name_of(e.status);
      if (!options_.status.empty() && status != options_.status) continue;
      if (is_other_persona(e.target_persona_id)) continue;
      table.add({{e.id.str()},
                 {e.event_type},
                 status_cell(e.status),
                 {since(e.created_at)},
                 {shown(e.target_persona_id, names_)},
                 {fmt::format("{} {}", e.source_type, e.source_id.value_or(""))}});
    }
    return table;
  }

  Result<Table> messages(const net::Response& response) {
    TRY(const auto entries, read<Message>(response));
    Table table({"AGE", "PERSONA", "TYPE", "MESSAGE"});
    for (const auto& m : entries) {
      if (is_other_persona(m.persona_id)) continue;
      const Paint colour = m.content_type == ContentType::kError     ? Paint::kRed
                           : m.content_type == ContentType::kWarning ? Paint::kYellow
                           : m.content_type == ContentType::kSuccess ? Paint::kGreen
                                                                     : Paint::kNone;
      table.add({{since(m.created_at)},
                 {shown(m.persona_id, names_)},
                 {std::string(codec::name_of(m.content_type)), colour},
                 {m.title ? fmt::format("{}: {}", *m.title, m.content) : m.content}});
    }
    return table;
  }

  Result<Table> reviews(const net::Response& response) {
    TRY(const auto entries, read<Review>(response));
    Table table({"ID", "SEVERITY", "PERSONA", "AGE", "QUESTION"});
    for (const auto& r : entries) {
      if (is_other_persona(r.persona_id)) continue;
      const bool urgent = r.severity == Severity::kHigh || r.severity == Severity::kCritical;
      table.add({{r.id.str()},
                 {std::string(codec::name_of(r.severity)), urgent ? Paint::kRed : Paint::kNone},
                 {shown(r.persona_id, names_)},
                 {since(r.created_at)},
                 {r.title}});
    }
    return table;
  }

  Result<Table> memories(const net::Response& response) {
    TRY(const auto entries, read<Memory>(response));
    Table table({"ID", "CATEGORY", "WEIGHT", "AGE", "MEMORY"});
    for (const auto& m : entries) {
      table.add({{m.id.str()},
                 {std::string(codec::name_of(m.category))},
                 {std::to_string(m.importance)},
                 {since(m.created_at)},
                 {fmt::format("{}: {}", m.title, m.content)}});
    }
    return table;
  }

  Context& context_;
  Api api_;
  ListOptions options_;
  std::optional<PersonaId> persona_;
  Names names_;
};

// As a name is typed in haste: "Web Researcher" is also web-researcher.
std::string folded(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      result += static_cast<char>(c - 'A' + 'a');
    } else {
      result += c == ' ' || c == '_' ? '-' : c;
    }
  }
  return result;
}

}  // namespace

Task<Result<void>> list(Context& context, ListOptions options) {
  Lister lister(context, std::move(options));
  co_return co_await lister.run();
}

Task<Result<Persona>> find_persona(Api& api, std::string id_or_name) {
  CO_TRY(auto personas, co_await api.all<Persona>("/api/personas"));
  for (auto& persona : personas) {
    if (persona.id.str() == id_or_name) co_return std::move(persona);
  }
  for (auto& persona : personas) {
    if (persona.name == id_or_name) co_return std::move(persona);
  }
  const auto alike = [&id_or_name](const Persona& persona) {
    return folded(persona.name) == folded(id_or_name);
  };
  if (std::ranges::count_if(personas, alike) == 1) {
    co_return std::move(*std::ranges::find_if(personas, alike));
  }
  const std::vector<std::string_view> known = [&personas] {
    std::vector<std::string_view> names;
    for (const auto& persona : personas) names.push_back(persona.name);
    return names;
  }();
  const auto near = closest(id_or_name, known);
  co_return fail(ErrorCode::kNotFound,
                 fmt::format("There is no persona \"{}\"{}", agents::clean_line(id_or_name, 200),
                             near.empty() ? std::string("; see: personas ls personas")
                                          : fmt::format("; did you mean \"{}\"?", near)));
}

}  // namespace personas::cli
