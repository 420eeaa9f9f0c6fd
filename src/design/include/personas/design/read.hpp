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

// The persona as it would be. Fields that the draft does not set stay as they are.
Result<Persona> resulting_persona(const Draft& draft, const std::optional<Persona>& existing);

// What applying the draft changes. `tools` are those the persona has.
Result<std::vector<FieldChange>> changes_of(const Draft& draft,
                                            const std::optional<Persona>& existing,
                                            const std::vector<std::string>& tools);

}  // namespace personas::design
