#include "personas/telemetry/log.hpp"

#include <array>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

namespace personas::telemetry {
namespace {

constexpr std::array kLevels{"debug", "info", "warn", "error"};

void append_text(std::string& line, std::string_view text, const Redactor* redactor) {
  // Redacted before it is cut, or a cut secret would no longer be recognised.
  const std::string safe = redactor != nullptr ? redactor->redact(text) : std::string(text);
  codec::append_json_string(utf8_prefix(safe, kMaxLogValue), line);
}

}  // namespace

void Logger::set_redactor(std::shared_ptr<const Redactor> redactor) {
  const std::lock_guard lock(mutex_);
  redactor_ = std::move(redactor);
}

void Logger::log(Level level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  const std::lock_guard lock(mutex_);
  std::string line =
      fmt::format(R"({{"at":"{}","level":"{}","message":)", to_rfc3339(clock_.wall()),
                  kLevels[static_cast<std::size_t>(level)]);
  append_text(line, message, redactor_.get());
  for (const auto& field : fields) {
    line += ',';
    codec::append_json_string(field.key, line);
    line += ':';
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      append_text(line, *text, redactor_.get());
    } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
      line += fmt::format("{}", *integer);
    } else {
      line += codec::to_json(std::get<double>(field.value));
    }
  }
  line += '}';
  sink_(line);
}

}  // namespace personas::telemetry
