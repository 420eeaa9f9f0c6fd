// The designing agent's answer: read from its own words, and checked against what the platform
// takes and the tenant has. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/design/draft.hpp"
#include "personas/design/prompt.hpp"
#include "personas/model/persona.hpp"

namespace personas::design {

struct Answer {
  std::optional<codec::RawJson> json;  // as it was written, also when it is wrong
  std::vector<Problem> problems;       // all of them; none: it can be applied
};

// `existing`: the persona to be changed.
Answer read_answer(std::string_view words, const Vocabulary& vocabulary,
                   const std::optional<Persona>& existing);

// A draft that was checked before.
Result<Draft> parse_draft(const codec::RawJson& json);

}  // namespace personas::design
