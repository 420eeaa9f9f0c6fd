// The three keys a deployment needs, and the files `up` keeps them in when nobody gives them.
//
// Rule: a configured value wins; else the file in the data folder; else `up` generates one on its
// first start and writes the file with mode 0600. Other roles never generate. A new master key is
// never generated beside an existing database: its credentials could not be read again.
// Pure: the application looks at the disk, generates and writes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/settings/settings.hpp"

namespace personas::settings {

struct KeyFile {
  std::string_view file;  // in the data folder
  std::string_view setting;
  std::string_view variable;
  Secret Settings::* member;
  std::size_t random_bytes;  // generated: this many random bytes as lower-case hex
};

inline constexpr KeyFile kMasterKeyFile{"master.key", "master-key", "MASTER_KEY",
                                        &Settings::master_key, 32};
inline constexpr KeyFile kTeamKeyFile{"team.key", "team-api-key", "TEAM_API_KEY",
                                      &Settings::team_api_key, 32};
inline constexpr KeyFile kWorkerTokenFile{"worker.token", "worker-token", "WORKER_TOKEN",
                                          &Settings::worker_token, 32};
inline constexpr std::array kKeyFiles{kMasterKeyFile, kTeamKeyFile, kWorkerTokenFile};

inline constexpr unsigned kKeyFileMode = 0600;

enum class Existence : std::uint8_t { kAbsent, kPresent };
enum class KeyFrom : std::uint8_t { kSetting, kFile, kGenerate };

std::string key_path(const Settings& settings, const KeyFile& key);

// Where the key is to come from. kMisconfigured with a cure when it can come from nowhere.
Result<KeyFrom> decide_key(Role role, const Settings& settings, const KeyFile& key,
                           Existence key_file, Existence database);

// The key in the contents of a key file (one line); checked like a configured value.
Result<Secret> parse_key(const KeyFile& key, std::string_view contents);

}  // namespace personas::settings
