#include "personas/settings/load.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/settings/table.hpp"
#include "personas/settings/webhook_secrets.hpp"

#include "file.hpp"
#include "value.hpp"

namespace personas::settings {
namespace {

constexpr std::string_view kDotEnvPath = ".env";

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

std::string_view host_of(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
  }
  url = url.substr(0, url.find_first_of("/?#"));
  if (url.starts_with('[')) return url.substr(0, url.find(']') + 1);
  return url.substr(0, url.find(':'));
}

// One place that may hold a value, as text or as the path of a file that holds it.
struct Found {
  SourceKind kind = SourceKind::kDefault;
  std::string place;
  std::string text;
  enum class Form : std::uint8_t { kValue, kPathOfValue } form = Form::kValue;
};

class Loader {
 public:
  Loader(Role role, const Inputs& inputs) : role_(role), inputs_(inputs) {}

  Result<Settings> run() {
    read_dot_env();
    take(*find_setting("data-dir"));
    take(*find_setting("config"));
    read_file();
    for (const auto& setting : kSettings) {
      if (!setting.is_for(role_) || setting.name == "config") continue;
      if (setting.name == "data-dir" && !found_in_file("data-dir")) continue;
      take(setting);
    }
    // Of values that are wrong by themselves, nothing can be said together.
    if (errors_.empty()) check_relations();
    if (!errors_.empty()) {
      return fail(ErrorCode::kMisconfigured, "The settings are not valid", std::move(errors_));
    }
    return std::move(settings_);
  }

 private:
  void refuse(std::string place, std::string message) {
    errors_.push_back({std::move(place), std::move(message)});
  }
  void refuse(Error error) {
    if (error.fields.empty()) error.fields.push_back({"file", error.message});
    std::ranges::move(error.fields, std::back_inserter(errors_));
  }

  Result<std::optional<std::string>> contents(const std::string& path) {
    TRY(auto text, inputs_.read_file(path));
    if (text && text->size() > kMaxFileBytes) {
      return fail(ErrorCode::kMisconfigured,
                  fmt::format("{} is larger than {} bytes", path, kMaxFileBytes));
    }
    return text;
  }

  void read_dot_env() {
    auto text = contents(std::string(kDotEnvPath));
    if (!text) return refuse(std::string(kDotEnvPath), text.error().message);
    if (!*text) return;
    auto entries = parse_dot_env(**text);
    if (!entries) return refuse(std::move(entries.error()));
    for (auto& entry : *entries) dot_env_[entry.name] = {std::move(entry.value), entry.line};
  }

  void read_file() {
    const bool asked_for = settings_.origins.at("config").kind != SourceKind::kDefault;
    auto text = contents(settings_.config);
    if (!text) return refuse(settings_.config, text.error().message);
    if (!*text) {
      if (asked_for) refuse(settings_.origins.at("config").place, "there is no such file");
      return;
    }
    auto entries = parse_file(**text, settings_.config);
    if (!entries) return refuse(std::move(entries.error()));
    file_ = std::move(*entries);
    if (file_.contains("config")) refuse(file_place("config"), "a file cannot name another file");
    if (!asked_for && file_.contains("data-dir")) {
      refuse(file_place("data-dir"),
             "this file is found through the data folder, so it cannot "
             "move it; name the file with --config");
    }
  }

  bool found_in_file(const std::string& key) const {
    return file_.contains(key) && settings_.origins.at(key).kind == SourceKind::kDefault;
  }
  std::string file_place(const std::string& key) const {
    return fmt::format("{} from {}:{}", key, settings_.config, file_.at(key).line);
  }

  std::optional<Found> in_flags(const std::string& key, Found::Form form) const {
    const auto it = inputs_.flags.find(key);
    if (it == inputs_.flags.end()) return std::nullopt;
    return Found{SourceKind::kFlag, "--" + key, it->second, form};
  }
  std::optional<Found> in_environment(const std::string& key, Found::Form form) const {
    const auto it = inputs_.environment.find(key);
    if (it == inputs_.environment.end() || it->second.empty()) return std::nullopt;
    return Found{SourceKind::kEnvironment, key + " from environment", it->second, form};
  }
  std::optional<Found> in_dot_env(const std::string& key, Found::Form form) const {
    const auto it = dot_env_.find(key);
    if (it == dot_env_.end() || it->second.text.empty()) return std::nullopt;
    return Found{SourceKind::kDotEnv, fmt::format("{} from .env:{}", key, it->second.line),
                 it->second.text, form};
  }
  std::optional<Found> in_file(const std::string& key, Found::Form form) const {
    const auto it = file_.find(key);
    if (it == file_.end()) return std::nullopt;
    return Found{SourceKind::kFile, file_place(key), it->second.text, form};
  }

  // The strongest source that has the setting. Within one source, value and file exclude another.
  Found find(const Setting& setting) {
    const std::string name(setting.name);
    const std::string variable(setting.variable);
    using Form = Found::Form;
    using Look = std::optional<Found> (Loader::*)(const std::string&, Form) const;
    struct Source {
      Look look;
      const std::string& key;
      std::string_view file_suffix;
    };
    const Source sources[] = {{&Loader::in_flags, name, "-file"},
                              {&Loader::in_environment, variable, "_FILE"},
                              {&Loader::in_dot_env, variable, "_FILE"},
                              {&Loader::in_file, name, "-file"}};
    for (const auto& source : sources) {
      auto value = (this->*source.look)(source.key, Form::kValue);
      std::optional<Found> path;
      if (setting.is_secret()) {
        path =
            (this->*source.look)(source.key + std::string(source.file_suffix), Form::kPathOfValue);
      }
      if (value && path) refuse(value->place, "give the value or the file, not both");
      if (value) return std::move(*value);
      if (path) return std::move(*path);
    }
    return {SourceKind::kDefault, "default", fallback(setting), Form::kValue};
  }

  std::string fallback(const Setting& setting) const {
    std::string text(setting.fallback);
    const auto substitute = [&text](std::string_view mark, const std::string& value) {
      if (const auto at = text.find(mark); at != std::string::npos) {
        text.replace(at, mark.size(), value);
      }
    };
    substitute("<data-dir>", settings_.data_dir);
    substitute("<http-port>", std::to_string(settings_.http_port));
    return text;
  }

  void take(const Setting& setting) {
    Found found = find(setting);
    settings_.origins.insert_or_assign(std::string(setting.name), Origin{found.kind, found.place});
    if (found.form == Found::Form::kPathOfValue) {
      auto text = contents(found.text);
      if (!text) return refuse(found.place, text.error().message);
      if (!*text) return refuse(found.place, "there is no such file");
      found.text = std::move(**text);
      if (trim(found.text).empty()) return refuse(found.place, "the file is empty");
    }
    // The members begin empty; an empty default is no value to check.
    if (found.kind == SourceKind::kDefault && found.text.empty()) return;
    const auto read = assign(settings_, setting, found.text);
    if (!read) refuse(found.place, read.error().message);
  }

  const std::string& place(const std::string& name) const {
    return settings_.origins.at(name).place;
  }
  // How to name the setting in an error about a relation.
  std::string named(const std::string& name) const {
    return settings_.origins.at(name).kind == SourceKind::kDefault ? "--" + name : place(name);
  }

  void check_relations() {
    if (role_ == Role::kUp || role_ == Role::kServe) check_server();
    if (role_ == Role::kWorker) check_worker();
  }

  // With an empty secret everybody could sign, so a variable that is there and empty is a mistake
  // and not a wish.
  void check_webhook_secrets() {
    for (const auto& row : kWebhookSecrets) {
      const Secret& secret = settings_.*row.member;
      const std::string name(row.setting);
      const std::string variable(find_setting(row.setting)->variable);
      if (!secret.empty()) {
        const auto checked = webhook_auth::check_secret(row.preset, secret.reveal());
        if (!checked) refuse(place(name), checked.error().message);
        continue;
      }
      const bool named = inputs_.environment.contains(variable) || dot_env_.contains(variable) ||
                         file_.contains(name);
      if (named) {
        refuse(variable, "is empty; give the secret that the sender shows, or leave it away");
      }
    }
  }

  void check_server() {
    const Settings& s = settings_;
    check_webhook_secrets();
    if (s.tls_cert.empty() != s.tls_key.empty()) {
      refuse(named(s.tls_cert.empty() ? "tls-key" : "tls-cert"),
             "tls-cert and tls-key are needed together");
    }
    if (!is_loopback(s.bind) && s.tls_cert.empty() && s.allow_plaintext == Switch::kOff) {
      refuse(named("bind"),
             "keys would cross the network unencrypted; give tls-cert and tls-key, or "
             "--allow-plaintext if a proxy in front does TLS");
    }
    if (s.dead_after >= s.lease) {
      refuse(named("dead-after"),
             "must be shorter than lease, or a run would be given away "
             "while its worker still holds it");
    }
    if (s.ping_interval * 2 > s.dead_after) {
      refuse(named("ping-interval"),
             "at most half of dead-after, or one lost ping would end a connection");
    }
    check_notifications();
    if (s.http_port != 0 && s.http_port == s.ws_port) {
      refuse(named("ws-port"), "http-port and ws-port must differ");
    }
  }

  void check_notifications() {
    const Settings& s = settings_;
    const std::string_view url = s.public_url;
    const bool web = url.starts_with("https://") || url.starts_with("http://");
    if (!url.empty() &&
        (!web || host_of(url).empty() || url.find_first_of("?#<>|\"") != url.npos)) {
      refuse(named("public-url"), "expected an address such as https://personas.example.com");
    }
    const std::string_view server = s.smtp_url;
    const bool plain = server.starts_with("smtp+plain://");
    if (!server.empty() && !plain && !server.starts_with("smtp://") &&
        !server.starts_with("smtps://")) {
      refuse(named("smtp-url"),
             "expected smtp://host:port (STARTTLS), smtps:// (TLS) or smtp+plain:// (neither)");
    }
    if (s.smtp_user.empty() != s.smtp_password.empty()) {
      refuse(named(s.smtp_user.empty() ? "smtp-user" : "smtp-password"),
             "smtp-user and smtp-password are needed together");
    }
    if (!s.smtp_user.empty() && (server.empty() || plain)) {
      refuse(named("smtp-url"), "a password needs a server with TLS: smtp:// or smtps://");
    }
    if (!server.empty() && s.smtp_from.empty()) {
      refuse(named("smtp-from"), "smtp-url needs a sender, such as personas@example.com");
    }
  }

  void check_worker() {
    if (settings_.worker_slots == 0) refuse(named("worker-slots"), "a worker needs at least one");
    const std::string_view url = settings_.orchestrator_url;
    const bool plain = url.starts_with("ws://");
    if (!plain && !url.starts_with("wss://")) {
      refuse(named("orchestrator-url"), "expected an address that starts with ws:// or wss://");
    } else if (plain && !is_loopback(host_of(url)) && settings_.allow_plaintext == Switch::kOff) {
      refuse(named("orchestrator-url"),
             "the worker token would cross the network unencrypted; use wss://, or "
             "--allow-plaintext");
    }
  }

  Role role_;
  const Inputs& inputs_;
  Settings settings_;
  std::map<std::string, FileEntry> dot_env_;
  std::map<std::string, FileEntry> file_;
  std::vector<FieldError> errors_;
};

}  // namespace

Result<Settings> load(Role role, const Inputs& inputs) {
  return Loader(role, inputs).run();
}

}  // namespace personas::settings
