// The texts in which a secret value is likely to show up, so that each can be looked for.
//
// Exact forms must match byte for byte. Armoured ones are base64 and hexadecimal, which programs
// break into lines: they match across line breaks (PatternScan). Longer texts that hold the value
// encode it at any of three alignments in base64, so each alignment is a form of its own, made of
// the characters that the value alone decides.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace personas {

struct SecretForms {
  std::vector<std::string> exact;
  std::vector<std::string> armoured;
};

// Without duplicates; forms shorter than `min_length` are left out.
SecretForms forms_of(std::string_view value, std::size_t min_length);

}  // namespace personas
