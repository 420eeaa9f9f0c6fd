// How requests to addresses that users choose are guarded, by the settings.
#pragma once

#include "personas/net/guarded_client.hpp"
#include "personas/settings/settings.hpp"

namespace personas::app {

net::PrivateTargets private_targets(const settings::Settings& settings);
net::GuardOptions guard_options(const settings::Settings& settings);

}  // namespace personas::app
