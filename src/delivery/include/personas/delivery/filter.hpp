// Which records an endpoint wants, and the body that tells of one. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/base/time.hpp"
#include "personas/store/journal.hpp"

namespace personas::delivery {

inline constexpr std::size_t kMaxFilters = 100;
inline constexpr std::size_t kMaxFilterChars = 200;

// "execution.status", "review.*", "*": types of journal records, or of the events that an
// event.published record tells of. A wildcard matches none of the types that a run writes many of
// (output, progress, turns): those are named in full.
bool wants(std::span<const std::string> filters, std::string_view type,
           std::string_view event_type);

// What is wrong with the filters, at the entry with that index.
Result<void> check_filters(std::span<const std::string> filters);

// The type of the event that an event.published record tells of; empty for other records.
std::string event_type_of(const store::JournalRecord& record);

// {"type":…,"timestamp":…,"data":…} as Standard Webhooks has it.
std::string body_of(std::string_view type, Timestamp at, std::string_view data);

}  // namespace personas::delivery
