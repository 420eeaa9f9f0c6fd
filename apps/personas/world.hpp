// What every role of the process shares: its environment, clock, randomness, log and terminal.
#pragma once

#include <map>
#include <string>

#include "personas/base/error.hpp"
#include "personas/cli/terminal.hpp"
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

// Standard output and error of this process as the port of the client commands.
class StandardTerminal final : public cli::Terminal {
 public:
  explicit StandardTerminal(const World& world);
  void out(std::string_view text) override;
  void err(std::string_view text) override;
  cli::Attached attached() const override { return attached_; }
  std::size_t width() const override;
  cli::Colours colours() const override { return colours_; }

 private:
  cli::Attached attached_;
  cli::Colours colours_;
};

}  // namespace personas::app
