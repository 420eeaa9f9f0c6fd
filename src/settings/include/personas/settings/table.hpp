// The table of settings: each is declared here and nowhere else.
//
// A new setting: a member of Settings, one row here, `cmake --build … && PERSONAS_UPDATE_DOCS=1
// settings_test` for docs/settings.md. Names of variables that earlier deployments use are kept
// (HTTP_PORT, DAC_DB_PATH, …); newer ones start with PERSONAS_.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "personas/settings/settings.hpp"

namespace personas::settings {

// The member that holds the value; its type decides how text is read and how it is documented.
using Member = std::variant<std::string Settings::*, std::int64_t Settings::*, Duration Settings::*,
                            Secret Settings::*, std::vector<std::string> Settings::*,
                            std::map<std::string, std::string> Settings::*, Switch Settings::*,
                            SandboxMode Settings::*, LogLevel Settings::*>;

struct Setting {
  std::string_view name;      // flag "--name" and key of the file
  std::string_view variable;  // of the environment and .env
  Member member;
  std::string_view fallback;  // default as text; "<data-dir>" and "<http-port>" stand for values
  std::uint8_t roles;         // bits of Role
  std::string_view doc;
  std::int64_t min = 0;  // integers, and durations in milliseconds
  std::int64_t max = std::numeric_limits<std::int64_t>::max();

  constexpr bool is_for(Role role) const { return (roles & static_cast<std::uint8_t>(role)) != 0; }
  // Secrets are never flags: the arguments of a process are public. "--<name>-file" is.
  constexpr bool is_secret() const { return std::holds_alternative<Secret Settings::*>(member); }
};

namespace detail {
inline constexpr std::uint8_t kUp = 1, kServe = 2, kWorker = 4, kClient = 8;
inline constexpr std::uint8_t kServers = kUp | kServe;
inline constexpr std::uint8_t kWorkers = kUp | kWorker;
inline constexpr std::uint8_t kAll = kServers | kWorker | kClient;
}  // namespace detail

// In the order of docs/settings.md.
inline constexpr std::array kSettings = {
    Setting{"config", "PERSONAS_CONFIG", &Settings::config, "<data-dir>/personas.yaml",
            detail::kAll, "File of settings (YAML, keys are the names of this table)"},
    Setting{"data-dir", "PERSONAS_DATA_DIR", &Settings::data_dir, "./data", detail::kAll,
            "Folder of the database, the generated keys and the file of settings"},
    Setting{"db-path", "DAC_DB_PATH", &Settings::db_path, "<data-dir>/personas.db",
            detail::kServers, "The SQLite database"},

    Setting{"http-port", "HTTP_PORT", &Settings::http_port, "3001",
            detail::kServers | detail::kClient, "Port of the HTTP API; 0 picks a free one", 0,
            65'535},
    Setting{"ws-port", "WS_PORT", &Settings::ws_port, "8443", detail::kServers,
            "Port workers connect to; 0 picks a free one", 0, 65'535},
    Setting{"bind", "PERSONAS_BIND", &Settings::bind, "127.0.0.1", detail::kServers,
            "Address to listen on; other than loopback needs TLS or allow-plaintext"},
    Setting{"tls-cert", "PERSONAS_TLS_CERT", &Settings::tls_cert, "", detail::kServers,
            "Certificate chain (PEM) for both ports"},
    Setting{"tls-key", "PERSONAS_TLS_KEY", &Settings::tls_key, "", detail::kServers,
            "Private key (PEM) of tls-cert"},
    Setting{"allow-plaintext", "PERSONAS_ALLOW_PLAINTEXT", &Settings::allow_plaintext, "off",
            detail::kServers | detail::kWorker,
            "Let keys and data cross the network unencrypted (behind a proxy that does TLS)"},
    Setting{"cors-origins", "CORS_ORIGINS", &Settings::cors_origins, "", detail::kServers,
            "Origins of web pages that may call the API"},
    Setting{"http-threads", "PERSONAS_HTTP_THREADS", &Settings::http_threads, "2", detail::kServers,
            "Threads that serve HTTP", 1, 64},
    Setting{"max-body-bytes", "PERSONAS_MAX_BODY_BYTES", &Settings::max_body_bytes, "4194304",
            detail::kServers, "Largest body of a request", 1'024, 64 * 1024 * 1024},
    Setting{"rate-limit", "PERSONAS_RATE_LIMIT", &Settings::rate_limit, "600000", detail::kServers,
            "Requests a minute of one key; 0 for no limit", 0, 100'000'000},
    Setting{"drain-timeout", "PERSONAS_DRAIN_TIMEOUT", &Settings::drain_timeout, "30s",
            detail::kServers | detail::kWorker,
            "How long running work may go on after a stop was asked for", 0, 3'600'000},

    Setting{"master-key", "MASTER_KEY", &Settings::master_key, "", detail::kServers,
            "64 hex digits; encrypts stored credentials"},
    Setting{"team-api-key", "TEAM_API_KEY", &Settings::team_api_key, "",
            detail::kServers | detail::kClient, "Bearer key of the HTTP API"},
    Setting{"worker-token", "WORKER_TOKEN", &Settings::worker_token, "",
            detail::kServers | detail::kWorker, "What workers prove themselves with"},
    Setting{"claude-token", "CLAUDE_TOKEN", &Settings::claude_token, "",
            detail::kServers | detail::kWorker, "OAuth token or API key for Claude Code"},
    Setting{"openai-api-key", "OPENAI_API_KEY", &Settings::openai_api_key, "",
            detail::kServers | detail::kWorker, "API key for Codex"},
    Setting{"gemini-api-key", "GEMINI_API_KEY", &Settings::gemini_api_key, "",
            detail::kServers | detail::kWorker, "API key for Gemini CLI"},

    Setting{"github-webhook-secret", "GITHUB_WEBHOOK_SECRET", &Settings::github_webhook_secret, "",
            detail::kServers, "What GitHub signs with for /api/github/webhook"},
    Setting{"gitlab-webhook-secret", "GITLAB_WEBHOOK_SECRET", &Settings::gitlab_webhook_secret, "",
            detail::kServers,
            "GitLab's secret token, or its signing token (whsec_…), for /api/gitlab/webhook"},
    Setting{"linear-webhook-secret", "LINEAR_WEBHOOK_SECRET", &Settings::linear_webhook_secret, "",
            detail::kServers, "What Linear signs with for /api/linear/webhook"},
    Setting{"slack-signing-secret", "SLACK_SIGNING_SECRET", &Settings::slack_signing_secret, "",
            detail::kServers, "What Slack signs with for /api/slack/webhook"},
    Setting{"standard-webhook-secret", "STANDARD_WEBHOOK_SECRET",
            &Settings::standard_webhook_secret, "", detail::kServers,
            "Secret (whsec_…) or public key (whpk_…) for /api/standard/webhook"},
    Setting{"stripe-webhook-secret", "STRIPE_WEBHOOK_SECRET", &Settings::stripe_webhook_secret, "",
            detail::kServers, "What Stripe signs with for /api/stripe/webhook"},

    Setting{
        "public-url", "PERSONAS_PUBLIC_URL", &Settings::public_url, "", detail::kServers,
        "Where people reach the HTTP API (https://…); notifications then carry links to reviews"},
    Setting{"smtp-url", "PERSONAS_SMTP_URL", &Settings::smtp_url, "", detail::kServers,
            "Server of e-mail sinks that name none: smtp:// (STARTTLS), smtps:// or smtp+plain://"},
    Setting{"smtp-user", "PERSONAS_SMTP_USER", &Settings::smtp_user, "", detail::kServers,
            "User at the server of smtp-url"},
    Setting{"smtp-password", "PERSONAS_SMTP_PASSWORD", &Settings::smtp_password, "",
            detail::kServers, "Password of smtp-user"},
    Setting{"smtp-from", "PERSONAS_SMTP_FROM", &Settings::smtp_from, "", detail::kServers,
            "Sender of e-mails: an address"},

    Setting{"tenant-max-concurrent", "PERSONAS_TENANT_MAX_CONCURRENT",
            &Settings::tenant_max_concurrent, "100", detail::kServers,
            "Executions of one tenant that may run at once; more wait", 1, 100'000},
    Setting{"tenant-max-queued", "PERSONAS_TENANT_MAX_QUEUED", &Settings::tenant_max_queued,
            "100000", detail::kServers, "Executions of one tenant that may wait; more are refused",
            1, 10'000'000},
    Setting{"lease", "PERSONAS_LEASE", &Settings::lease, "18s", detail::kServers,
            "How long a run belongs to a worker that is not heard of", 1'000, 600'000},
    Setting{"ping-interval", "PERSONAS_PING_INTERVAL", &Settings::ping_interval, "4s",
            detail::kServers, "How often a worker is asked for life", 100, 60'000},
    Setting{"dead-after", "PERSONAS_DEAD_AFTER", &Settings::dead_after, "11s", detail::kServers,
            "Silence after which a worker's connection is given up", 500, 300'000},
    Setting{"require-signed-frames", "PERSONAS_REQUIRE_SIGNED_FRAMES",
            &Settings::require_signed_frames, "off", detail::kServers,
            "Refuse workers that do not sign their frames"},
    Setting{"accept-legacy-signatures", "PERSONAS_ACCEPT_LEGACY_SIGNATURES",
            &Settings::accept_legacy_signatures, "off", detail::kServers,
            "Accept frames signed with the bare worker token, from workers that cannot change"},
    Setting{"allow-private-targets", "PERSONAS_ALLOW_PRIVATE_TARGETS",
            &Settings::allow_private_targets, "off", detail::kServers,
            "Let webhooks and polled URLs lead to this machine and to private networks"},
    Setting{"chain-rate", "PERSONAS_CHAIN_RATE", &Settings::chain_rate, "600", detail::kServers,
            "Events a minute of one chain of runs and events; more are kept as dead; 0: no limit",
            0, 1'000'000},

    Setting{"orchestrator-url", "ORCHESTRATOR_URL", &Settings::orchestrator_url,
            "ws://127.0.0.1:8443", detail::kWorker,
            "Where the worker connects to (ws:// or wss://)"},
    Setting{"worker-id", "WORKER_ID", &Settings::worker_id, "", detail::kWorkers,
            "Name of this worker; by default made from the host name"},
    Setting{"worker-slots", "PERSONAS_WORKER_SLOTS", &Settings::worker_slots, "2", detail::kWorkers,
            "Executions this worker runs at once; for up, 0 means no worker", 0, 64},
    Setting{"worker-labels", "PERSONAS_WORKER_LABELS", &Settings::worker_labels, "",
            detail::kWorkers, "Labels personas may ask for, as name=value"},
    Setting{"worker-capabilities", "PERSONAS_WORKER_CAPABILITIES", &Settings::worker_capabilities,
            "", detail::kWorkers, "Capabilities to announce beside those that are found"},
    Setting{"sandbox", "PERSONAS_SANDBOX", &Settings::sandbox, "auto", detail::kWorkers,
            "How agents are confined; auto takes the strongest this machine offers"},
    Setting{"claude-path", "CLAUDE_PATH", &Settings::claude_path, "", detail::kWorkers,
            "The Claude Code program; by default it is looked for on PATH"},
    Setting{"codex-path", "CODEX_PATH", &Settings::codex_path, "", detail::kWorkers,
            "The Codex program; by default it is looked for on PATH"},
    Setting{"gemini-path", "GEMINI_PATH", &Settings::gemini_path, "", detail::kWorkers,
            "The Gemini CLI program; by default it is looked for on PATH"},
    Setting{"anthropic-base-url", "ANTHROPIC_BASE_URL", &Settings::anthropic_base_url, "",
            detail::kWorkers, "Another endpoint of the Messages API for the agent"},
    Setting{"openai-base-url", "OPENAI_BASE_URL", &Settings::openai_base_url, "", detail::kWorkers,
            "Another endpoint of the Responses API for the agent, with its /v1"},
    Setting{"gemini-base-url", "GOOGLE_GEMINI_BASE_URL", &Settings::gemini_base_url, "",
            detail::kWorkers, "Another endpoint of the Gemini API for the agent"},
    Setting{"ca-file", "PERSONAS_CA_FILE", &Settings::ca_file, "", detail::kAll,
            "Certificates (PEM) to trust instead of the system's"},

    Setting{"url", "PERSONAS_URL", &Settings::url, "http://127.0.0.1:<http-port>", detail::kClient,
            "Where the API answers"},
    Setting{"log-level", "PERSONAS_LOG_LEVEL", &Settings::log_level, "info",
            detail::kServers | detail::kWorker, "Least important entries to log"},
};

// Null if there is no such setting.
const Setting* find_setting(std::string_view name);

// "an integer from 0 to 65535", "a duration", "on or off", …: for errors and documentation.
std::string expectation(const Setting& setting);

}  // namespace personas::settings
