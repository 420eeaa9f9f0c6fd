// The three keys a deployment needs, and the files `up` keeps them in when nobody gives them.
//
// Rule: a configured value wins; else the file in the data folder; else `up` generates one on its
// first start and writes the file with mode 0600. Other roles never generate. A new master key is
// never generated beside an existing database: its credentials could not be read again.
// Pure: the application looks at the disk, generates and writes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
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
  // Whether a generated one ends with a check of itself. The master key is 64 digits and no more;
  // the database says whether it is the right one.
  enum class Check : std::uint8_t { kNone, kAtItsEnd } check;
};

inline constexpr std::size_t kRandomKeyBytes = 32;

inline constexpr KeyFile kMasterKeyFile{"master.key", "master-key", "MASTER_KEY",
                                        &Settings::master_key, KeyFile::Check::kNone};
inline constexpr KeyFile kTeamKeyFile{"team.key", "team-api-key", "TEAM_API_KEY",
                                      &Settings::team_api_key, KeyFile::Check::kAtItsEnd};
inline constexpr KeyFile kWorkerTokenFile{"worker.token", "worker-token", "WORKER_TOKEN",
                                          &Settings::worker_token, KeyFile::Check::kAtItsEnd};
inline constexpr std::array kKeyFiles{kMasterKeyFile, kTeamKeyFile, kWorkerTokenFile};

inline constexpr unsigned kKeyFileMode = 0600;

enum class Existence : std::uint8_t { kAbsent, kPresent };
enum class KeyFrom : std::uint8_t { kSetting, kFile, kGenerate };

std::string key_path(const Settings& settings, const KeyFile& key);

// Where the key is to come from. kMisconfigured with a cure when it can come from nowhere.
Result<KeyFrom> decide_key(Role role, const Settings& settings, const KeyFile& key,
                           Existence key_file, Existence database);

// A key of these random bytes: lower-case hex digits, and after them the check, which is part of
// the key, so that the file stays one line that can be pasted.
std::string make_key(const KeyFile& key, std::span<const std::uint8_t, kRandomKeyBytes> random);

// The key in the contents of a key file (one line); checked like a configured value. One without a
// check, of an earlier version or chosen by a person, is taken as it is.
Result<Secret> parse_key(const KeyFile& key, std::string_view contents);

}  // namespace personas::settings
