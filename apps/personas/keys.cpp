#include "keys.hpp"

#include <array>
#include <optional>

#include "personas/base/bytes.hpp"
#include "personas/os/files.hpp"
#include "personas/settings/key_files.hpp"

namespace personas::app {
namespace {

constexpr std::size_t kMaxKeyFile = 4 * 1024;

settings::Existence existence(const std::string& path) {
  const auto content = os::read_file(path, 1);
  const bool absent = !content && content.error().code == ErrorCode::kNotFound;
  return absent ? settings::Existence::kAbsent : settings::Existence::kPresent;
}

Result<Secret> generate(const settings::KeyFile& key, const std::string& path, Random& random) {
  std::array<std::uint8_t, settings::kRandomKeyBytes> bytes{};
  random.fill(bytes);
  std::string text = settings::make_key(key, bytes);
  TRY_VOID(os::write_private_file(path, text + "\n"));
  return Secret(std::move(text));
}

Result<Secret> read_key(const settings::KeyFile& key, const std::string& path) {
  TRY(std::string content, os::read_file(path, kMaxKeyFile));
  auto parsed = settings::parse_key(key, content);
  wipe(content);
  return parsed;
}

Result<void> obtain_key(settings::Role role, settings::Settings& settings,
                        const settings::KeyFile& key, Random& random) {
  const std::string path = settings::key_path(settings, key);
  TRY(const auto from,
      settings::decide_key(role, settings, key, existence(path), existence(settings.db_path)));
  Secret& value = settings.*key.member;
  if (from == settings::KeyFrom::kFile) {
    TRY(value, read_key(key, path));
  } else if (from == settings::KeyFrom::kGenerate) {
    TRY(value, generate(key, path, random));
  }
  return {};
}

}  // namespace

Result<void> obtain_keys(settings::Role role, settings::Settings& settings, Random& random) {
  // All that is wrong at once: nobody likes to start a server three times to learn three names.
  std::optional<Error> problem;
  for (const auto& key : settings::kKeyFiles) {
    auto obtained = obtain_key(role, settings, key, random);
    if (obtained) continue;
    const std::string path(key.variable);
    FieldError field{path, obtained.error().message};
    if (!problem) problem = Error{obtained.error().code, "The keys are not complete", {}};
    problem->fields.push_back(std::move(field));
  }
  if (problem) return fail(std::move(*problem));
  return {};
}

Secret client_key(const settings::Settings& settings) {
  if (!settings.team_api_key.empty()) return settings.team_api_key.clone();
  auto key = read_key(settings::kTeamKeyFile, settings::key_path(settings, settings::kTeamKeyFile));
  return key ? std::move(*key) : Secret();
}

}  // namespace personas::app
