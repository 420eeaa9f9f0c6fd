// Scenarios as they stand in files: the `tests` of a persona's document. Pure.
#pragma once

#include <vector>

#include <boost/json.hpp>

#include "personas/base/error.hpp"
#include "personas/evaluation/scenario.hpp"

namespace personas::evaluation {

// All that is wrong at once; paths begin with "/tests/0".
Result<std::vector<Scenario>> read_tests(const boost::json::array& tests);

// A scenario as read_tests() takes it: without ids, times, and what has no value.
boost::json::object document_of(const Scenario& scenario);

}  // namespace personas::evaluation
