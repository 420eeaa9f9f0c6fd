// The values every role of the program is started with, typed, each knowing where it came from.
//
// Precedence: flag > environment > .env in the working directory > file > default. The file is
// --config, or <data-dir>/personas.yaml if that exists. table.hpp declares each setting once;
// flags, environment, file, help and docs/settings.md are derived from it.
//
// Plain values: filled once at start by load(), then read only; any thread. Move-only, for it owns
// secrets.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas::settings {

// What the program is started as.
enum class Role : std::uint8_t { kUp = 1, kServe = 2, kWorker = 4, kClient = 8 };

enum class Switch : std::uint8_t { kOff, kOn };
enum class SandboxMode : std::uint8_t { kAuto, kNamespaces, kNone };
enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

enum class SourceKind : std::uint8_t { kDefault, kFile, kDotEnv, kEnvironment, kFlag };

// Where a value came from. `place` is what the user wrote it as: "--http-port",
// "HTTP_PORT from environment", "http-port from data/personas.yaml:3". Never a value.
struct Origin {
  SourceKind kind = SourceKind::kDefault;
  std::string place = "default";
};

struct Settings {
  std::string config;
  std::string data_dir;
  std::string db_path;

  std::int64_t http_port = 0;
  std::int64_t ws_port = 0;
  std::string bind;
  std::string tls_cert;
  std::string tls_key;
  Switch allow_plaintext = Switch::kOff;
  std::vector<std::string> cors_origins;
  std::int64_t http_threads = 0;
  std::int64_t max_body_bytes = 0;
  std::int64_t rate_limit = 0;
  Duration drain_timeout{};

  Secret master_key;
  Secret team_api_key;
  Secret worker_token;
  Secret claude_token;
  Secret openai_api_key;
  Secret gemini_api_key;

  Secret github_webhook_secret;
  Secret gitlab_webhook_secret;
  Secret linear_webhook_secret;
  Secret slack_signing_secret;
  Secret standard_webhook_secret;
  Secret stripe_webhook_secret;

  std::string public_url;
  std::string smtp_url;
  std::string smtp_user;
  Secret smtp_password;
  std::string smtp_from;

  std::int64_t tenant_max_concurrent = 0;
  std::int64_t tenant_max_queued = 0;
  Duration lease{};
  Duration ping_interval{};
  Duration dead_after{};
  Switch require_signed_frames = Switch::kOff;
  Switch accept_legacy_signatures = Switch::kOff;
  Switch allow_private_targets = Switch::kOff;
  std::int64_t chain_rate = 0;

  std::string orchestrator_url;
  std::string worker_id;
  std::int64_t worker_slots = 0;
  std::map<std::string, std::string> worker_labels;
  std::vector<std::string> worker_capabilities;
  SandboxMode sandbox = SandboxMode::kAuto;
  std::string claude_path;
  std::string codex_path;
  std::string gemini_path;
  std::string anthropic_base_url;
  std::string openai_base_url;
  std::string gemini_base_url;
  std::string ca_file;

  std::string url;
  LogLevel log_level = LogLevel::kInfo;

  // By setting name, for every setting of the role.
  std::map<std::string, Origin, std::less<>> origins;
};

}  // namespace personas::settings

namespace personas::codec {

template <>
struct Described<settings::Switch> {
  static constexpr std::string_view name = "Switch";
  static constexpr std::array values{value("off", settings::Switch::kOff),
                                     value("on", settings::Switch::kOn)};
};

template <>
struct Described<settings::SandboxMode> {
  static constexpr std::string_view name = "SandboxMode";
  static constexpr std::array values{value("auto", settings::SandboxMode::kAuto),
                                     value("namespaces", settings::SandboxMode::kNamespaces),
                                     value("none", settings::SandboxMode::kNone)};
};

template <>
struct Described<settings::LogLevel> {
  static constexpr std::string_view name = "LogLevel";
  static constexpr std::array values{
      value("debug", settings::LogLevel::kDebug), value("info", settings::LogLevel::kInfo),
      value("warn", settings::LogLevel::kWarn), value("error", settings::LogLevel::kError)};
};

}  // namespace personas::codec
