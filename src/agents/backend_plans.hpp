// What the plans of the backends share. Private to the module.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "personas/agents/backends.hpp"
#include "personas/base/error.hpp"

namespace personas::agents {

std::unexpected<Error> wrong_policy(std::string_view what);
// The permission policy; an empty object if there is none.
Result<boost::json::object> policy_of(const LaunchRequest& request);
// `mode` of the policy; `fallback` if it has none.
Result<std::string> mode_of(const boost::json::object& policy, std::string_view fallback);
Result<std::vector<std::string>> arguments(const boost::json::value& list, std::string_view field);
// Values that become arguments must not be taken for options.
Result<void> check_value(std::string_view name, std::string_view value);
Result<void> check_turns(std::int64_t max_turns);
// A limit that the CLI cannot keep is refused: a run that ignores it may cost what nobody allowed.
std::unexpected<Error> no_such_limit(const LaunchRequest& request, std::string_view field,
                                     std::string_view instead);

Result<Launch> plan_codex(const LaunchRequest& request);
Result<Launch> plan_gemini(const LaunchRequest& request);

}  // namespace personas::agents
