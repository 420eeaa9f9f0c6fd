#include "personas/delivery/filter.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"

namespace personas::delivery {
namespace {

constexpr std::array kFrequent{record::kExecutionOutput, record::kExecutionProgress,
                               record::kExecutionTurn};

bool matches(std::string_view filter, std::string_view type, bool frequent) {
  if (type.empty()) return false;
  if (!filter.ends_with('*')) return filter == type;
  return !frequent && type.starts_with(filter.substr(0, filter.size() - 1));
}

}  // namespace

bool wants(std::span<const std::string> filters, std::string_view type,
           std::string_view event_type) {
  const bool frequent = std::ranges::find(kFrequent, type) != kFrequent.end();
  return std::ranges::any_of(filters, [&](const std::string& filter) {
    return matches(filter, type, frequent) || matches(filter, event_type, false);
  });
}

Result<void> check_filters(std::span<const std::string> filters) {
  const auto wrong = [](std::size_t index, std::string why) {
    return fail(ErrorCode::kInvalidRequest, "An event filter " + why,
                {{fmt::format("/events/{}", index), why}});
  };
  for (std::size_t i = 0; i < filters.size(); ++i) {
    const std::string& filter = filters[i];
    if (filter.empty() || filter.size() > kMaxFilterChars) {
      return wrong(i, fmt::format("has 1 to {} characters", kMaxFilterChars));
    }
    if (filter.find('*') < filter.size() - 1) return wrong(i, "has '*' at its end only");
    if (std::ranges::any_of(filter, [](char c) { return c <= 0x20 || c == 0x7F; })) {
      return wrong(i, "has no spaces or control characters");
    }
  }
  return {};
}

std::string event_type_of(const store::JournalRecord& record) {
  if (record.type != record::kEventPublished) return {};
  auto data = codec::parse<record::EventPublished>(
      record.data(),
      {.unknown = codec::UnknownFields::kIgnore, .rules = codec::ReadOptions::Rules::kTrust});
  return data ? std::move(data->event_type) : std::string();
}

std::string body_of(std::string_view type, Timestamp at, std::string_view data) {
  std::string out = R"({"type":)";
  codec::append_json_string(type, out);
  out += R"(,"timestamp":")" + to_rfc3339(at) + R"(","data":)";
  out += data;
  out += '}';
  return out;
}

}  // namespace personas::delivery
