#include "connect.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/backends.hpp"
#include "personas/agents/untrusted.hpp"
#include "personas/cli/secret_input.hpp"
#include "personas/codec/json.hpp"

#include "api.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShown = 300;
constexpr std::string_view kTokenStart = "sk-ant-";

struct ProviderHelp {
  std::string_view name;
  std::string_view where;
};
constexpr ProviderHelp kProviders[] = {
    {"claude", "a token of `claude setup-token`, or an API key of console.anthropic.com"},
    {"codex", "an API key of platform.openai.com"},
    {"gemini", "an API key of aistudio.google.com"}};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool is_token_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// What is left of terminal output without escape sequences and carriage returns.
std::string without_escapes(std::string_view shown) {
  std::string text;
  text.reserve(shown.size());
  for (std::size_t at = 0; at < shown.size(); ++at) {
    if (shown[at] == '\r') continue;
    if (shown[at] != '\x1b') {
      text += shown[at];
      continue;
    }
    if (at + 1 < shown.size() && shown[at + 1] == '[') {
      at += 2;
      while (at < shown.size() && (shown[at] < '@' || shown[at] > '~')) ++at;
    } else {
      ++at;
    }
  }
  return text;
}

Result<Secret> from_setup(Context& context, const std::string& program) {
  context.terminal.err("claude setup-token asks you to log in; its token comes here by itself.\n");
  TRY(const auto shown, context.secrets->run_at_terminal({program, "setup-token"}));
  Secret token(token_in(shown.reveal()));
  if (!token.empty()) return token;
  context.terminal.err("It showed no token.\n");
  return context.secrets->ask("Paste the token (not shown): ");
}

Result<Secret> get_token(Context& context, const ConnectOptions& options,
                         const ProviderHelp& provider) {
  if (options.from == ConnectOptions::From::kStandardInput) {
    TRY(std::string text, context.read_file("-"));
    Secret token{std::string(trimmed(text))};
    wipe(text);
    return token;
  }
  if (context.secrets == nullptr || context.secrets->attached() != Attached::kTerminal) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("Nobody is here to be asked; give the token with: personas connect {} "
                            "--stdin",
                            provider.name));
  }
  const auto program = context.secrets->find_agent(provider.name);
  if (provider.name == "claude" && !program.empty()) return from_setup(context, program);
  context.terminal.err(fmt::format("Needed: {}.\n", provider.where));
  TRY(const auto typed, context.secrets->ask("Paste it (not shown): "));
  return Secret(std::string(trimmed(typed.reveal())));
}

Result<void> check_form(const Secret& token) {
  const auto text = token.reveal();
  if (text.empty()) return fail(ErrorCode::kInvalidRequest, "No token was given");
  if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c > '~'; })) {
    return fail(ErrorCode::kInvalidRequest,
                "This is no token: it has a space, a line break or a character outside ASCII");
  }
  return {};
}

struct Verdict {
  enum class Kind : std::uint8_t { kWorks, kRefused, kUnclear } kind = Kind::kUnclear;
  std::string words;
};

// What the last line of the CLI's JSON output says.
Verdict judge(const SecretInput::Trial& trial) {
  using Kind = Verdict::Kind;
  if (!trial.started)
    return {Kind::kUnclear, "the agent CLI could not be started; see: personas doctor"};
  if (!trial.in_time) return {Kind::kUnclear, "the provider did not answer in time"};
  const auto json = codec::parse_json(trimmed(trial.out));
  const auto* result = json ? json->if_object() : nullptr;
  if (result == nullptr) {
    const auto said = trimmed(trial.err).empty() ? trimmed(trial.out) : trimmed(trial.err);
    return {Kind::kUnclear, fmt::format("the agent CLI said: {}",
                                        agents::clean_line(std::string(said), kMaxShown))};
  }
  const auto* error = result->if_contains("is_error");
  if (error != nullptr && error->is_bool() && !error->get_bool() && trial.exit_code == 0) {
    return {Kind::kWorks, "it works"};
  }
  const auto* text = result->if_contains("result");
  const std::string words = text != nullptr && text->is_string()
                                ? agents::clean_line(std::string(text->get_string()), kMaxShown)
                                : fmt::format("the agent CLI ended with {}", trial.exit_code);
  const auto* status = result->if_contains("api_error_status");
  const std::int64_t code = status != nullptr && status->is_int64() ? status->get_int64() : 0;
  if (code == 401 || code == 403) return {Kind::kRefused, words};
  if (code == 429) return {Kind::kWorks, "it is known, but its usage limit is reached"};
  return {Kind::kUnclear, words};
}

// Only Claude Code is tried: one question, with the token in its environment alone.
Verdict try_out(Context& context, const ProviderHelp& provider, const Secret& token) {
  if (provider.name != "claude") return {Verdict::Kind::kUnclear, "it is not tried out here"};
  const auto program =
      context.secrets == nullptr ? std::string() : context.secrets->find_agent(provider.name);
  if (program.empty()) {
    return {Verdict::Kind::kUnclear, "there is no agent CLI here to try it with"};
  }
  std::map<std::string, std::string> variables{
      {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"},
      {"DISABLE_TELEMETRY", "1"},
      {"CLAUDE_CODE_MAX_RETRIES", "1"},
      {std::string(agents::token_variable(provider.name, token.reveal())),
       std::string(token.reveal())}};
  const auto trial = context.secrets->run_unseen(
      {program, "-p", "Reply with the word: ready", "--output-format", "json", "--max-turns", "1"},
      variables);
  for (auto& [name, value] : variables) wipe(value);
  return judge(trial);
}

std::string body_of(const ConnectOptions& options, const Secret& token) {
  std::string body;
  body.reserve(token.size() * 2 + 256);
  body = R"({"provider":)";
  codec::append_json_string(options.provider, body);
  if (!options.expires_at.empty()) {
    body += R"(,"expiresAt":)";
    codec::append_json_string(options.expires_at, body);
  }
  body += R"(,"token":)";
  codec::append_json_string(token.reveal(), body);
  return body + "}";
}

}  // namespace

std::string token_in(std::string_view shown) {
  std::string text = without_escapes(shown);
  std::string best;
  for (std::size_t at = text.find(kTokenStart); at != text.npos;
       at = text.find(kTokenStart, at + 1)) {
    std::string token;
    for (std::size_t line = at; line < text.size();) {
      std::size_t end = line;
      while (end < text.size() && is_token_character(text[end])) ++end;
      const bool fills_line = end < text.size() && text[end] == '\n';
      // A further line belongs to it if it is of nothing else: the terminal was too narrow.
      if (line != at && (end == line || !(fills_line || end == text.size()))) break;
      token.append(text, line, end - line);
      if (!fills_line) break;
      line = end + 1;
    }
    if (token.size() > best.size()) best = std::move(token);
  }
  wipe(text);
  constexpr std::size_t kShortest = 20;  // "sk-ant-oat01-…" in an explanation is no token
  if (best.size() < kShortest) best.clear();
  return best;
}

Task<Result<void>> connect(Context& context, ConnectOptions options) {
  const auto* provider = std::ranges::find(kProviders, options.provider, &ProviderHelp::name);
  if (provider == std::end(kProviders)) {
    co_return fail(ErrorCode::kInvalidRequest, "The providers are: claude, codex, gemini");
  }
  CO_TRY(const auto token, get_token(context, options, *provider));
  CO_TRY_VOID(check_form(token));
  Verdict verdict{Verdict::Kind::kUnclear, "it was not tried out, as you wished"};
  if (options.check == ConnectOptions::Check::kYes) verdict = try_out(context, *provider, token);
  if (verdict.kind == Verdict::Kind::kRefused) {
    co_return fail(ErrorCode::kUnauthorized,
                   fmt::format("The provider refuses this token ({}), so it was not stored; a "
                               "working one may be there already",
                               verdict.words));
  }
  Api api(context);
  std::string body = body_of(options, token);
  const auto response = co_await api.call("POST", "/api/token", body);
  wipe(body);
  if (!response) co_return fail(response.error());
  if (options.format == Format::kJson) {
    context.terminal.out(response->body + "\n");
    co_return Result<void>();
  }
  context.terminal.out(fmt::format("stored the token of {}: {}\n", provider->name, verdict.words));
  if (const auto state = codec::parse_json(response->body); state && state->is_object()) {
    const auto* end = state->get_object().if_contains("expiresAt");
    const auto* assumed = state->get_object().if_contains("expiryAssumed");
    if (end != nullptr && end->is_string()) {
      const std::string at = agents::clean_line(std::string(end->get_string()), kMaxShown);
      context.terminal.err(fmt::format(
          "it ends on {}{}\n", at.substr(0, std::string_view("2000-01-01").size()),
          assumed != nullptr && *assumed == true ? " (assumed; tell with --expires)" : ""));
    }
  }
  co_return Result<void>();
}

}  // namespace personas::cli
