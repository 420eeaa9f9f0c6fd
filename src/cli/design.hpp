// `personas new "…"` and `personas edit`: an agent drafts a persona from words; it is shown with
// what it would change and what is missing, and made when the person agrees. A draft that is not
// agreed to is kept.
#pragma once

#include <string>

#include "api.hpp"
#include "apply.hpp"
#include "follow.hpp"

namespace personas::cli {

struct DesignOptions {
  std::string description;
  std::string persona;  // to be changed: name or id; empty: a new one
  std::string name;     // another than the draft's
  std::string backend;
  std::string model;
  Consent consent = Consent::kAsk;
  Format format = Format::kText;
};

// kUnprocessable if what the agent wrote is no usable draft.
Task<Result<void>> design_persona(Context& context, DesignOptions options);

}  // namespace personas::cli
