#include "common.hpp"

#include "personas/agents/untrusted.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxPretty = 200'000;
constexpr std::size_t kMaxFact = 2'000;

void append_pretty(const boost::json::value& value, std::string& out, std::size_t indent) {
  const std::string margin(indent + 2, ' ');
  const auto close = [&out, indent](char end) {
    out += "\n" + std::string(indent, ' ');
    out += end;
  };
  if (value.is_object() && !value.get_object().empty()) {
    out += '{';
    bool first = true;
    for (const auto& member : value.get_object()) {
      out += (first ? "\n" : ",\n") + margin;
      first = false;
      codec::append_json_string(std::string_view(member.key()), out);
      out += ": ";
      append_pretty(member.value(), out, indent + 2);
    }
    close('}');
  } else if (value.is_array() && !value.get_array().empty()) {
    out += '[';
    bool first = true;
    for (const auto& entry : value.get_array()) {
      out += (first ? "\n" : ",\n") + margin;
      first = false;
      append_pretty(entry, out, indent + 2);
    }
    close(']');
  } else {
    out += codec::serialize(value);
  }
}

std::unexpected<Error> wrong_flag(std::string_view flag, const Error& error) {
  return fail(ErrorCode::kInvalidRequest, fmt::format("{}: {}", flag, error.message), error.fields);
}

}  // namespace

Task<PersonaNames> persona_names(Api& api) {
  PersonaNames names;
  const auto personas = co_await api.all<Persona>("/api/personas");
  if (!personas) co_return names;
  for (const auto& persona : *personas) names[persona.id.str()] = persona.name;
  co_return names;
}

std::string shown(const std::optional<PersonaId>& id, const PersonaNames& names) {
  if (!id) return "–";
  const auto it = names.find(id->str());
  return it == names.end() ? id->str() : it->second;
}

Result<boost::json::value> json_argument(Context& context, std::string_view flag,
                                         const std::string& text) {
  std::string json = text;
  if (text == "-" || text.starts_with('@')) {
    TRY(json, context.read_file(text == "-" ? text : text.substr(1)));
  }
  auto value = codec::parse_json(json);
  if (!value) return wrong_flag(flag, value.error());
  return value;
}

Result<Timestamp> time_argument(Context& context, std::string_view flag, const std::string& text) {
  if (const auto ago = parse_duration(text)) return context.clock.wall() - *ago;
  if (auto time = parse_rfc3339(text)) return *time;
  return fail(ErrorCode::kInvalidRequest,
              fmt::format("{}: expected a time such as 2027-01-31T09:00:00Z, or how long ago, such "
                          "as 2h",
                          flag));
}

std::string when(Timestamp time, Timestamp now) {
  return time > now ? "in " + age(time - now) : age(now - time) + " ago";
}

Cell status_cell(std::string_view status) {
  return {std::string(status), paint_of_status(status)};
}

std::string pretty(std::string_view json) {
  const auto value = codec::parse_json(json, kAnswerLimits);
  if (!value) return agents::clean_text(json.substr(0, kMaxPretty));
  std::string out;
  append_pretty(*value, out, 0);
  return agents::clean_text(std::string_view(out).substr(0, kMaxPretty));
}

std::string facts(const Terminal& terminal,
                  const std::vector<std::pair<std::string_view, std::string>>& rows) {
  std::string out;
  for (const auto& [name, value] : rows) {
    if (value.empty()) continue;
    const std::string first = fmt::format("{}: ", name);
    out += wrapped(paint(terminal, Paint::kDim, first), agents::clean_line(value, kMaxFact),
                   first.size(), terminal.width());
  }
  return out;
}

std::string query_of(int limit,
                     const std::vector<std::pair<std::string_view, std::string>>& parameters) {
  std::string query = fmt::format("?limit={}", limit);
  for (const auto& [name, value] : parameters) {
    if (!value.empty()) query += fmt::format("&{}={}", name, Api::escape(value));
  }
  return query;
}

int print_answer(Context& context, Format format, const net::Response& response, std::string said) {
  context.terminal.out(format == Format::kJson ? response.body + "\n" : std::move(said));
  return kExitDone;
}

}  // namespace personas::cli
