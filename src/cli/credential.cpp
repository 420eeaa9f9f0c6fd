#include "credential.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"
#include "personas/cli/secret_input.hpp"
#include "personas/codec/json.hpp"
#include "personas/model/credential.hpp"
#include "personas/vault/seal.hpp"

#include "api.hpp"
#include "format.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShown = 200;

struct PublicKey {
  std::string kid;
  std::string alg;
  std::string public_key;
  std::string tenant;
};

}  // namespace
}  // namespace personas::cli

namespace personas::codec {
template <>
struct Described<cli::PublicKey> {
  using K = cli::PublicKey;
  static constexpr std::string_view name = "PublicKey";
  static constexpr auto fields = std::tuple{
      field("kid", &K::kid).required(), field("alg", &K::alg).required(),
      field("publicKey", &K::public_key).required(), field("tenant", &K::tenant).required()};
};
}  // namespace personas::codec

namespace personas::cli {
namespace {

struct NamedValue {
  std::string name;
  Secret value;
};

// Text that holds a secret and is overwritten when it goes.
struct WipedText {
  std::string text;
  WipedText() { text.reserve(4 * kMaxCredentialBytes); }  // so that growing leaves no copies
  ~WipedText() { wipe(text); }
  WipedText(const WipedText&) = delete;
  WipedText& operator=(const WipedText&) = delete;
};

Result<Secret> ask(Context& context, std::string_view question) {
  if (context.secrets == nullptr || context.secrets->attached() != Attached::kTerminal) {
    return fail(ErrorCode::kInvalidRequest,
                "Nobody is here to be asked; give the value with --stdin");
  }
  return context.secrets->ask(question);
}

// "name=value", or "name" alone, which is asked for without showing it.
Result<NamedValue> read_field(Context& context, const std::string& text) {
  const std::size_t equals = text.find('=');
  NamedValue field{text.substr(0, equals), {}};
  if (field.name.empty()) {
    return fail(ErrorCode::kInvalidRequest, "A field is given as name=value, or as its name alone");
  }
  if (equals != text.npos) {
    field.value = Secret(text.substr(equals + 1));
  } else {
    TRY(field.value, ask(context, fmt::format("{} (not shown): ", field.name)));
  }
  return field;
}

Result<Secret> from_standard_input(Context& context) {
  TRY(std::string text, context.read_file("-"));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return Secret(std::move(text));
}

// The JSON text of the value: a string, or an object of fields.
Result<void> read_value(Context& context, const AddCredentialOptions& options, std::string& json) {
  const bool has_fields = !options.fields.empty() || !options.plain_fields.empty();
  if (options.from == AddCredentialOptions::From::kStandardInput && has_fields) {
    return fail(ErrorCode::kInvalidRequest, "Give fields or --stdin, not both");
  }
  if (!has_fields) {
    Secret value;
    if (options.from == AddCredentialOptions::From::kStandardInput) {
      TRY(value, from_standard_input(context));
    } else {
      TRY(value, ask(context, fmt::format("Value of {} (not shown): ", options.name)));
    }
    codec::append_json_string(value.reveal(), json);
    return {};
  }
  json += '{';
  for (const auto* list : {&options.plain_fields, &options.fields}) {
    for (const auto& text : *list) {
      TRY(const auto field, read_field(context, text));
      if (json.size() > 1) json += ',';
      codec::append_json_string(field.name, json);
      json += ':';
      codec::append_json_string(field.value.reveal(), json);
    }
  }
  json += '}';
  return {};
}

bool is_this_machine(const std::string& url) {
  const auto parsed = net::parse_url(url);
  if (!parsed) return false;
  const auto& host = parsed->host;
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

void add_member(std::string_view name, std::string_view value, std::string& json) {
  json += json.size() > 1 ? "," : "";
  codec::append_json_string(name, json);
  json += ':';
  codec::append_json_string(value, json);
}

std::string metadata_of(const AddCredentialOptions& options) {
  boost::json::array names;
  for (const auto& text : options.plain_fields) {
    names.emplace_back(text.substr(0, text.find('=')));
  }
  return codec::serialize(boost::json::object{{"plainFields", std::move(names)}});
}

// Seals the value where others could read the request on its way.
Task<Result<void>> add_value(Api& api, Context& context, const std::string& name,
                             std::string_view value_json, std::string& body) {
  if (is_this_machine(context.url)) {
    body += value_json.starts_with('{') ? R"(,"fields":)" : R"(,"value":)";
    body += value_json;
    co_return Result<void>();
  }
  if (context.secrets == nullptr) {
    co_return fail(ErrorCode::kInternal, "Nothing can be sealed here");
  }
  CO_TRY(const auto key, co_await api.get<PublicKey>("/api/vault/public-key"));
  const auto bytes = from_base64(key.public_key);
  if (key.alg != vault::kSealAlgorithm || !bytes || vault::seal_key_id(*bytes) != key.kid) {
    co_return fail(ErrorCode::kInternal, "The server's public key is not understood");
  }
  CO_TRY(const auto sealed, vault::seal_for(*bytes, {key.tenant, name, key.kid, value_json},
                                            context.clock.wall(), context.secrets->random()));
  add_member("sealed", sealed, body);
  co_return Result<void>();
}

Task<Result<Credential>> find_credential(Api& api, std::string id_or_name) {
  CO_TRY(auto all, co_await api.all<Credential>("/api/credentials"));
  for (auto& credential : all) {
    if (credential.id.str() == id_or_name || credential.name == id_or_name) {
      co_return std::move(credential);
    }
  }
  co_return fail(ErrorCode::kNotFound,
                 fmt::format("There is no credential \"{}\"; see: personas credential ls",
                             agents::clean_line(id_or_name, kMaxShown)));
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void tell(Terminal& terminal, const Credential& credential) {
  terminal.out(fmt::format("stored: {} ({})\n", agents::clean_line(credential.name, kMaxShown),
                           credential.id.str()));
  if (!credential.unmasked_fields.empty()) {
    terminal.err(fmt::format("not masked in what agents write: {}\n",
                             agents::clean_line(joined(credential.unmasked_fields), kMaxShown)));
  }
  terminal.err(fmt::format("give it to a persona: personas credential link {} PERSONA\n",
                           agents::clean_line(credential.name, kMaxShown)));
}

}  // namespace

Task<Result<void>> add_credential(Context& context, AddCredentialOptions options) {
  Api api(context);
  std::string method = "POST";
  std::string path = "/api/credentials";
  if (options.existing == AddCredentialOptions::Existing::kReplace) {
    CO_TRY(const auto existing, co_await find_credential(api, options.name));
    method = "PUT";
    path += "/" + existing.id.str();
    options.name = existing.name;
  }
  WipedText value;
  CO_TRY_VOID(read_value(context, options, value.text));
  WipedText body;
  body.text = "{";
  add_member("name", options.name, body.text);
  if (!options.type.empty()) add_member("serviceType", options.type, body.text);
  if (!options.plain_fields.empty()) add_member("metadata", metadata_of(options), body.text);
  CO_TRY_VOID(co_await add_value(api, context, options.name, value.text, body.text));
  body.text += '}';
  CO_TRY(const auto response, co_await api.call(method, path, body.text));
  if (options.format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto stored, codec::parse<Credential>(response.body, kFromServer, kAnswerLimits));
  tell(context.terminal, stored);
  co_return Result<void>();
}

Task<Result<void>> list_credentials(Context& context, Format format) {
  Api api(context);
  if (format == Format::kJson) {
    CO_TRY(const auto response, co_await api.call("GET", "/api/credentials?limit=500"));
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto all, co_await api.all<Credential>("/api/credentials"));
  if (all.empty()) {
    context.terminal.err("no credentials; store one with: personas credential add NAME\n");
    co_return Result<void>();
  }
  Table table({"NAME", "TYPE", "FIELDS", "USED", "ID"});
  for (const auto& credential : all) {
    table.add(
        {{credential.name, Paint::kBold},
         {credential.service_type.empty() ? "–" : credential.service_type},
         {credential.fields.empty() ? "(one value)" : joined(credential.fields)},
         {credential.last_used_at ? age(context.clock.wall() - *credential.last_used_at) + " ago"
                                  : "never"},
         {credential.id.str()}});
  }
  context.terminal.out(table.render(context.terminal));
  co_return Result<void>();
}

Task<Result<void>> remove_credential(Context& context, std::string name, Force force) {
  Api api(context);
  CO_TRY(const auto credential, co_await find_credential(api, std::move(name)));
  CO_TRY_VOID(co_await api.call("DELETE", fmt::format("/api/credentials/{}{}", credential.id.str(),
                                                      force == Force::kYes ? "?force=true" : "")));
  context.terminal.out(
      fmt::format("deleted: {}\n", agents::clean_line(credential.name, kMaxShown)));
  co_return Result<void>();
}

Task<Result<void>> link_credential(Context& context, std::string name, std::string persona,
                                   Link link) {
  Api api(context);
  CO_TRY(const auto credential, co_await find_credential(api, std::move(name)));
  CO_TRY(const auto found, co_await find_persona(api, std::move(persona)));
  const auto path = fmt::format("/api/personas/{}/credentials", found.id.str());
  if (link == Link::kLink) {
    std::string body = "{";
    add_member("credentialId", credential.id.str(), body);
    CO_TRY_VOID(co_await api.call("POST", path, body + "}"));
  } else {
    CO_TRY_VOID(co_await api.call("DELETE", path + "/" + credential.id.str()));
  }
  context.terminal.out(fmt::format("{} {} {}\n", agents::clean_line(found.name, kMaxShown),
                                   link == Link::kLink ? "now has" : "no longer has",
                                   agents::clean_line(credential.name, kMaxShown)));
  co_return Result<void>();
}

}  // namespace personas::cli
