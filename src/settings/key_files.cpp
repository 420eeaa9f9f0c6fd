#include "personas/settings/key_files.hpp"

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

Result<Secret> parse_key(const KeyFile& key, std::string_view contents) {
  auto secret = read_secret(key.setting, contents);
  if (secret && secret->empty()) {
    return fail(ErrorCode::kMisconfigured, fmt::format("The file {} is empty", key.file));
  }
  return secret;
}

}  // namespace personas::settings
