#include "world.hpp"

#include <cerrno>
#include <unistd.h>
#include <utility>

#include "personas/os/files.hpp"

namespace personas::app {
void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;  // nobody reads any more; there is nobody to tell
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

Result<settings::Settings> load_settings(settings::Role role, const settings::Flags& flags,
                                         const World& world) {
  settings::Inputs inputs;
  inputs.flags = flags;
  inputs.environment = world.environment;
  inputs.read_file = [](const std::string& path) -> Result<std::optional<std::string>> {
    auto content = os::read_file(path, settings::kMaxFileBytes);
    if (content) return std::optional(std::move(*content));
    if (content.error().code == ErrorCode::kNotFound) return std::optional<std::string>();
    return fail(std::move(content).error());
  };
  return settings::load(role, inputs);
}

int report(const Error& error) {
  std::string text = "personas: " + error.message + "\n";
  for (const auto& field : error.fields) text += "  " + field.path + ": " + field.message + "\n";
  write_all(2, text);
  return info(error.code).exit_code;
}

telemetry::Level log_level(const settings::Settings& settings) {
  switch (settings.log_level) {
    case settings::LogLevel::kDebug:
      return telemetry::Level::kDebug;
    case settings::LogLevel::kInfo:
      return telemetry::Level::kInfo;
    case settings::LogLevel::kWarn:
      return telemetry::Level::kWarn;
    case settings::LogLevel::kError:
      return telemetry::Level::kError;
  }
  return telemetry::Level::kInfo;
}

telemetry::Logger::Sink stderr_sink() {
  return [](std::string_view line) { write_all(2, std::string(line) + "\n"); };
}

}  // namespace personas::app
