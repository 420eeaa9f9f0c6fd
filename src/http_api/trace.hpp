// Names that follow a request through systems: X-Request-Id and the W3C traceparent.
#pragma once

#include <string>
#include <string_view>

#include "personas/base/clock.hpp"

namespace personas::http_api {

// The client's id if it is one (as ids are: letters, digits, "_.:-", at most 64), or a new one.
std::string request_id_of(std::string_view given, Timestamp now, Random& random);

// The traceparent of our part: a new span in the caller's trace, or in a new trace if `given` is
// absent or not valid.
std::string child_trace(std::string_view given, Random& random);

}  // namespace personas::http_api
