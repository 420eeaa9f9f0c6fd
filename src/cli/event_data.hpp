// Members of a JSON object from the server, as far as they are what they should be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "personas/base/time.hpp"

namespace personas::cli {

// Empty, 0 or nothing if there is no such member or it is of another type.
std::string text_of(const boost::json::object& data, std::string_view name);
std::string line_of(const boost::json::object& data, std::string_view name);  // cleaned, one line
std::int64_t integer_of(const boost::json::object& data, std::string_view name);
std::optional<Timestamp> time_of(const boost::json::object& data, std::string_view name);

}  // namespace personas::cli
