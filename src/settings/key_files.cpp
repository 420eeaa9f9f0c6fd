#include "personas/settings/key_files.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/crypto/hash.hpp"

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

constexpr std::size_t kDigits = 2 * kRandomKeyBytes;
constexpr std::size_t kCheckDigits = 8;

bool is_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

std::string check_of(const KeyFile& key, std::string_view digits) {
  const auto digest = crypto::sha256(as_bytes(fmt::format("personas {} {}", key.file, digits)));
  return to_hex(ByteView(digest).first(kCheckDigits / 2));
}

// One that `up` generated has 64 lower-case hex digits, or 72 with its check; this is such a one
// with a piece missing or a character changed. What a person wrote into the file may be anything.
bool was_generated_and_changed(const KeyFile& key, std::string_view text) {
  const auto digits = static_cast<std::size_t>(std::ranges::count_if(text, is_digit));
  const std::size_t whole = key.check == KeyFile::Check::kNone ? kDigits : kDigits + kCheckDigits;
  if (digits == text.size() && digits == kDigits + kCheckDigits) {
    return text.substr(kDigits) != check_of(key, text.substr(0, kDigits));
  }
  const bool cut = digits == text.size() && digits > kDigits / 2 && digits < whole &&
                   digits != kDigits && digits != 3 * kDigits / 4;  // 24 bytes are a usual key
  const bool changed = digits + 1 == text.size() && (digits == kDigits - 1 || digits == kDigits ||
                                                     digits + 1 == whole || digits == whole);
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

std::string make_key(const KeyFile& key, std::span<const std::uint8_t, kRandomKeyBytes> random) {
  std::string text = to_hex(random);
  if (key.check == KeyFile::Check::kAtItsEnd) text += check_of(key, text);
  return text;
}

Result<Secret> parse_key(const KeyFile& key, std::string_view contents) {
  auto secret = read_secret(key.setting, contents);
  if (!secret) return damaged(key, "is damaged: " + secret.error().message);
  if (secret->empty()) return damaged(key, "is empty");
  if (was_generated_and_changed(key, secret->reveal())) {
    return damaged(key, "is damaged: it does not hold what was generated");
  }
  return secret;
}

}  // namespace personas::settings
