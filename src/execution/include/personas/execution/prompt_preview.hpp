// The prompt an execution would get if it were claimed now, without one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/model/persona.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

struct PreviewRequest {
  Persona persona;
  std::string prompt;
  std::optional<codec::RawJson> input_data;
  std::vector<std::string> variables = {};  // names of the secrets that the run would get
  Timestamp now;
};

// By the same code as an assignment; the marks around data are as random as there.
Result<std::string> preview_prompt(store::Transaction& tx, const TenantId& tenant,
                                   PreviewRequest request, Random& random);

}  // namespace personas::execution
