// `personas new`: a persona made from something that is less than a file: a template's name, or a
// description in words.
#pragma once

#include <cstdint>
#include <string>

#include "api.hpp"
#include "apply.hpp"
#include "follow.hpp"

namespace personas::cli {

struct NewOptions {
  std::string template_id;
  std::string description;  // then an agent drafts it (design.hpp)
  std::string name;         // empty: the template's
  enum class Show : std::uint8_t { kNothing, kTemplates } show = Show::kNothing;
  std::string backend;  // of who drafts
  std::string model;
  Consent consent = Consent::kAsk;
  Format format = Format::kText;
};

Task<Result<void>> new_persona(Context& context, NewOptions options);

}  // namespace personas::cli
