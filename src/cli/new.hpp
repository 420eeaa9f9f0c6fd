// `personas new`: a persona made from something that is less than a file: a template's name.
#pragma once

#include <cstdint>
#include <string>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

struct NewOptions {
  std::string template_id;
  std::string name;  // empty: the template's
  enum class Show : std::uint8_t { kNothing, kTemplates } show = Show::kNothing;
  Format format = Format::kText;
};

Task<Result<void>> new_persona(Context& context, NewOptions options);

}  // namespace personas::cli
