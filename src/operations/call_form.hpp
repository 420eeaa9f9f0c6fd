// What belongs to a persona as an endpoint, and is asked where personas are saved too.
#pragma once

#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "personas/base/error.hpp"
#include "personas/model/persona.hpp"

namespace personas::operations {

// A schema that no call could satisfy, or that is none, is refused when the persona is saved.
// 400 with the place in /inputSchema.
Result<void> check_input_schema(const Persona& persona);
// 400 with every wrong field of the input.
Result<void> check_input(const Persona& persona, const boost::json::object& input);

// An input of the form that a schema asks for, from its own examples where it has some. For people:
// where a schema says with patterns or conditions what it wants, it may not fit.
boost::json::object example_input(const Persona& persona);
// A call with that input for a POSIX shell.
std::string curl_line(std::string_view url, const boost::json::object& input);

}  // namespace personas::operations
