// Text ↔ the typed members of Settings.
#pragma once

#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/settings/table.hpp"

namespace personas::settings {

// Reads `text` into the member. The error's message says what was expected; it never repeats the
// text of a secret.
Result<void> assign(Settings& settings, const Setting& setting, std::string_view text);

// A key as it must be: one word of printable ASCII; the master key 64 hex digits.
Result<Secret> read_secret(std::string_view setting_name, std::string_view text);

std::string_view trim(std::string_view text);

}  // namespace personas::settings
