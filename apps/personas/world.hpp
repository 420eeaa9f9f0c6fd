// What every role of the process shares: its environment, clock, randomness, log and terminal.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/os/clock.hpp"
#include "personas/os/random.hpp"
#include "personas/settings/load.hpp"
#include "personas/settings/settings.hpp"
#include "personas/telemetry/log.hpp"

namespace personas::app {

struct World {
  os::SystemClock clock;
  os::SystemRandom random;
  std::map<std::string, std::string> environment;
};

// Settings of a role from all their sources; files are read here.
Result<settings::Settings> load_settings(settings::Role role, const settings::Flags& flags,
                                         const World& world);

// Writes an error with its fields to standard error; returns its exit code.
int report(const Error& error);

telemetry::Level log_level(const settings::Settings& settings);
// One JSON line each, to standard error.
telemetry::Logger::Sink stderr_sink();

// All of `text`, or as much as somebody reads.
void write_all(int fd, std::string_view text);

}  // namespace personas::app
