#include "value.hpp"

#include <algorithm>
#include <charconv>
#include <type_traits>

#include <fmt/format.h>

#include "personas/settings/key_files.hpp"

namespace personas::settings {
namespace {

constexpr std::size_t kMaxListEntries = 64;  // origins, labels, capabilities: a handful in practice
constexpr std::size_t kMaxTextBytes = 4096;  // a path or an address
constexpr std::size_t kMasterKeyDigits = 64;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> entries;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    if (const auto entry = trim(text.substr(0, comma)); !entry.empty()) entries.emplace_back(entry);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return entries;
}

std::unexpected<Error> expected(const Setting& setting) {
  return fail(ErrorCode::kMisconfigured, "expected " + expectation(setting));
}

struct Reader {
  const Setting& setting;
  std::string_view text;

  Result<void> read(std::string& out) const {
    const bool has_control = std::ranges::any_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (has_control || text.size() > kMaxTextBytes) return expected(setting);
    out = text;
    return {};
  }
  Result<void> read(std::int64_t& out) const {
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size()) return expected(setting);
    if (number < setting.min || number > setting.max) return expected(setting);
    out = number;
    return {};
  }
  Result<void> read(Duration& out) const {
    const auto duration = parse_duration(text);
    if (!duration || *duration < milliseconds(setting.min)) return expected(setting);
    if (*duration > milliseconds(setting.max)) return expected(setting);
    out = *duration;
    return {};
  }
  Result<void> read(Secret& out) const {
    TRY(out, read_secret(setting.name, text));
    return {};
  }
  Result<void> read(std::vector<std::string>& out) const {
    auto entries = split(text);
    if (entries.size() > kMaxListEntries) return expected(setting);
    out = std::move(entries);
    return {};
  }
  Result<void> read(std::map<std::string, std::string>& out) const {
    std::map<std::string, std::string> labels;
    for (const auto& entry : split(text)) {
      const auto equals = entry.find('=');
      if (equals == std::string::npos || equals == 0) return expected(setting);
      labels[std::string(trim(entry.substr(0, equals)))] = trim(entry.substr(equals + 1));
    }
    if (labels.size() > kMaxListEntries) return expected(setting);
    out = std::move(labels);
    return {};
  }
  Result<void> read(Switch& out) const {
    constexpr std::array on{"on", "true", "yes", "1"};
    constexpr std::array off{"off", "false", "no", "0"};
    if (std::ranges::find(on, text) != on.end()) {
      out = Switch::kOn;
    } else if (std::ranges::find(off, text) != off.end()) {
      out = Switch::kOff;
    } else {
      return expected(setting);
    }
    return {};
  }
  template <codec::DescribedEnum E>
  Result<void> read(E& out) const {
    if (!codec::value_of(text, out)) return expected(setting);
    return {};
  }
};

std::string join_choices(auto const& values) {
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += i + 1 == values.size() ? " or " : ", ";
    out += values[i].name;
  }
  return out;
}

std::string duration_text(std::int64_t millis) {
  if (millis % 60'000 == 0 && millis > 0) return fmt::format("{}m", millis / 60'000);
  if (millis % 1'000 == 0 && millis > 0) return fmt::format("{}s", millis / 1'000);
  return fmt::format("{}ms", millis);
}

}  // namespace

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

Result<Secret> read_secret(std::string_view setting_name, std::string_view text) {
  text = trim(text);
  const bool printable = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable || text.size() > kMaxTextBytes) {
    return fail(ErrorCode::kMisconfigured,
                "expected one word of printable characters without blanks");
  }
  if (setting_name == kMasterKeyFile.setting) {
    const bool hex = std::ranges::all_of(text, [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
    if (!hex || text.size() != kMasterKeyDigits) {
      return fail(ErrorCode::kMisconfigured,
                  "expected 64 hex digits; make one with: openssl rand -hex 32");
    }
  }
  return Secret(std::string(text));
}

Result<void> assign(Settings& settings, const Setting& setting, std::string_view text) {
  const Reader reader{setting, trim(text)};
  return std::visit([&](auto member) { return reader.read(settings.*member); }, setting.member);
}

const Setting* find_setting(std::string_view name) {
  for (const auto& setting : kSettings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::string expectation(const Setting& setting) {
  return std::visit(
      [&]<class T>(T Settings::*) -> std::string {
        if constexpr (std::is_same_v<T, std::int64_t>) {
          return fmt::format("an integer from {} to {}", setting.min, setting.max);
        } else if constexpr (std::is_same_v<T, Duration>) {
          return fmt::format("a duration from {} to {}, such as 500ms, 30s or 5m",
                             duration_text(setting.min), duration_text(setting.max));
        } else if constexpr (std::is_same_v<T, Secret>) {
          return "a secret";
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          return fmt::format("a comma-separated list of at most {}", kMaxListEntries);
        } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
          return fmt::format("a comma-separated list of at most {} name=value", kMaxListEntries);
        } else if constexpr (codec::DescribedEnum<T>) {
          return join_choices(codec::Described<T>::values);
        } else {
          return "one line of text";
        }
      },
      setting.member);
}

}  // namespace personas::settings
