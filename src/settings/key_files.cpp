#include "personas/settings/key_files.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "value.hpp"

namespace personas::settings {

std::string key_path(const Settings& settings, const KeyFile& key) {
  return fmt::format("{}/{}", settings.data_dir, key.file);
}

Result<KeyFrom> decide_key(Role role, const Settings& settings, const KeyFile& key,
                           Existence key_file, Existence database) {
  if (!(settings.*key.member).empty()) return KeyFrom::kSetting;
  if (key_file == Existence::kPresent) return KeyFrom::kFile;
  const auto path = key_path(settings, key);
  if (role != Role::kUp) {
    return fail(ErrorCode::kMisconfigured,
                fmt::format("{0} is not set and there is no {1}. Set {0} in the environment, or "
                            "give --{2}-file",
                            key.variable, path, key.setting));
  }
  if (key.setting == kMasterKeyFile.setting && database == Existence::kPresent) {
    return fail(ErrorCode::kMisconfigured,
                fmt::format("The database {} exists, but {} is gone and MASTER_KEY is not set. A "
                            "new key could not read the stored credentials: restore the key from "
                            "your backup, or move the database away to start afresh",
                            settings.db_path, path));
  }
  return KeyFrom::kGenerate;
}

namespace {

// One that `up` generated has 64 lower-case hex digits; this is such a one with a piece missing or
// a character changed. What a person wrote into the file may be anything.
bool was_generated_and_changed(std::string_view text) {
  const auto digits = static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }));
  constexpr std::size_t kDigits = 64;
  const bool cut = digits == text.size() && digits > kDigits / 2 && digits < kDigits &&
                   digits != 3 * kDigits / 4;  // 24 bytes are a usual key
  const bool changed = digits + 1 == text.size() && (digits == kDigits - 1 || digits == kDigits);
  return cut || changed;
}

std::unexpected<Error> damaged(const KeyFile& key, std::string_view what) {
  const auto cure = key.setting == kMasterKeyFile.setting
                        ? "Restore it from your backup; a new key could not read the stored "
                          "credentials"
                        : "Restore it from your backup; or delete it, `personas up` makes a new "
                          "one, and give that to all who use it";
  return fail(ErrorCode::kMisconfigured, fmt::format("The file {} {}. {}", key.file, what, cure));
}

}  // namespace

Result<Secret> parse_key(const KeyFile& key, std::string_view contents) {
  auto secret = read_secret(key.setting, contents);
  if (!secret) return damaged(key, "is damaged: " + secret.error().message);
  if (secret->empty()) return damaged(key, "is empty");
  if (was_generated_and_changed(secret->reveal())) {
    return damaged(key, "is damaged: it held 64 hex digits");
  }
  return secret;
}

}  // namespace personas::settings
