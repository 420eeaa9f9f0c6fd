// Errors as RFC 9457 shows them, with the top-level `error` of the first generation.
#pragma once

#include <string_view>

#include "personas/base/error.hpp"
#include "personas/net/http.hpp"

namespace personas::http_api {

net::Response problem_response(const Error& error, std::string_view request_id);

}  // namespace personas::http_api
