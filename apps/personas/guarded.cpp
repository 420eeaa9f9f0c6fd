#include "guarded.hpp"

namespace personas::app {

net::PrivateTargets private_targets(const settings::Settings& settings) {
  return settings.allow_private_targets == settings::Switch::kOn ? net::PrivateTargets::kAllowed
                                                                 : net::PrivateTargets::kRefused;
}

net::GuardOptions guard_options(const settings::Settings& settings) {
  net::GuardOptions options;
  options.targets = private_targets(settings);
  options.ca_file = settings.ca_file;
  return options;
}

}  // namespace personas::app
