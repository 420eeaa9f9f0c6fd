// `personas new "…"` and `personas edit`: an agent drafts a persona from words; it is shown with
// what it would change and what is missing, and made when the person agrees.
#pragma once

#include <string>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

struct DesignOptions {
  std::string description;
  std::string persona;  // to be changed: name or id; empty: a new one
  std::string name;     // another than the draft's
  std::string backend;
  std::string model;
  enum class Consent : std::uint8_t { kAsk, kGiven } consent = Consent::kAsk;
  Format format = Format::kText;
};

// Exit code 1 if there is no usable draft, or the person declined.
Task<Result<int>> design_persona(Context& context, DesignOptions options);

}  // namespace personas::cli
