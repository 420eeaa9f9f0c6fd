// Log lines: one JSON object each, {"at":…,"level":…,"message":…, fields…}.
//
// Text passes a Redactor before it is written, so that a secret that got into a message does not
// get out. Thread-safe; lines are written whole, one after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "personas/base/clock.hpp"
#include "personas/base/redactor.hpp"

namespace personas::telemetry {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };

// Longer values are cut: a log line is not a place for payloads.
inline constexpr std::size_t kMaxLogValue = 4'096;

struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double> value;
};

class Logger {
 public:
  // Takes one line without its line feed; called under the logger's lock.
  using Sink = std::function<void(std::string_view line)>;

  Logger(const Clock& clock, Level least, Sink sink)
      : clock_(clock), least_(least), sink_(std::move(sink)) {}

  void set_redactor(std::shared_ptr<const Redactor> redactor);
  bool enabled(Level level) const { return level >= least_; }

  void log(Level level, std::string_view message, std::initializer_list<LogField> fields = {});
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(Level::kDebug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(Level::kInfo, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(Level::kWarn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(Level::kError, message, fields);
  }

 private:
  const Clock& clock_;
  const Level least_;
  std::mutex mutex_;
  Sink sink_;
  std::shared_ptr<const Redactor> redactor_;
};

}  // namespace personas::telemetry
