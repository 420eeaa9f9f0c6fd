// The keys of a deployment: taken from settings, from the data folder, or generated there.
#pragma once

#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"
#include "personas/settings/settings.hpp"

namespace personas::app {

// Fills the three keys of `settings` by the rule of settings/keys.hpp; `up` writes generated ones
// into the data folder with mode 0600.
Result<void> obtain_keys(settings::Role role, settings::Settings& settings, Random& random);

// The team key of a running installation, for the client commands; empty if it cannot be read.
Secret client_key(const settings::Settings& settings);

}  // namespace personas::app
