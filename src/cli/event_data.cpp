#include "event_data.hpp"

#include "personas/agents/untrusted.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShownLine = 500;

}  // namespace

std::string text_of(const boost::json::object& data, std::string_view name) {
  const auto* member = data.if_contains(name);
  if (member == nullptr || !member->is_string()) return {};
  return std::string(member->get_string());
}

std::string line_of(const boost::json::object& data, std::string_view name) {
  return agents::clean_line(text_of(data, name), kMaxShownLine);
}

std::int64_t integer_of(const boost::json::object& data, std::string_view name) {
  const auto* member = data.if_contains(name);
  return member != nullptr && member->is_int64() ? member->get_int64() : 0;
}

std::optional<Timestamp> time_of(const boost::json::object& data, std::string_view name) {
  const auto time = parse_rfc3339(text_of(data, name));
  return time ? std::optional(*time) : std::nullopt;
}

}  // namespace personas::cli
