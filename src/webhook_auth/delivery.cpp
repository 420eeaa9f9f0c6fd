#include "personas/webhook_auth/delivery.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/webhook_auth/standard.hpp"

#include "schemes.hpp"

namespace personas::webhook_auth {
namespace {

namespace bj = boost::json;

// Follows members of objects; empty if there is none, or no string at the end.
std::string_view text_at(const bj::value& json, std::initializer_list<std::string_view> path) {
  const bj::value* at = &json;
  for (const auto name : path) {
    const auto* object = at->if_object();
    at = object == nullptr ? nullptr : object->if_contains(name);
    if (at == nullptr) return {};
  }
  const auto* text = at->if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::string_view first_of(std::initializer_list<std::string_view> texts) {
  for (const auto text : texts) {
    if (!text.empty()) return text;
  }
  return {};
}

std::string_view header(const Incoming& incoming, std::string_view name) {
  return only(incoming, name).value_or(std::string_view());
}

// What a sender says, for each of them.
struct Said {
  std::string_view type;  // without the sender's name before it
  std::string_view source;
  std::string_view id;
};

Said read_github(const bj::value& json, const Incoming& incoming) {
  return {.type = header(incoming, "X-GitHub-Event"),
          .source = first_of({text_at(json, {"repository", "full_name"}),
                              text_at(json, {"organization", "login"})}),
          .id = {}};
}

Said read_gitlab(const bj::value& json, const Incoming&) {
  return {
      .type = first_of({text_at(json, {"object_kind"}), text_at(json, {"event_name"})}),
      .source = first_of({text_at(json, {"project", "path_with_namespace"}),
                          text_at(json, {"path_with_namespace"}),
                          text_at(json, {"group", "full_path"}), text_at(json, {"group_path"})}),
      .id = {}};
}

// An event of the Events API is wrapped; commands and interactions are forms.
Said read_slack(const bj::value& json, const Incoming&) {
  const auto wrapped = text_at(json, {"event", "type"});
  const auto command = text_at(json, {"command"});
  const std::string_view kind = command.empty() ? std::string_view() : "slash_command";
  return {.type = first_of({wrapped, text_at(json, {"type"}), kind}),
          .source = first_of({text_at(json, {"team_id"}), text_at(json, {"team", "id"})}),
          .id = first_of({text_at(json, {"event_id"}), text_at(json, {"trigger_id"})})};
}

Said read_stripe(const bj::value& json, const Incoming&) {
  return {.type = text_at(json, {"type"}),
          .source = text_at(json, {"account"}),
          .id = text_at(json, {"id"})};
}

Said read_linear(const bj::value& json, const Incoming&) {
  return {.type = text_at(json, {"type"}),
          .source =
              first_of({text_at(json, {"data", "team", "key"}), text_at(json, {"organizationId"})}),
          .id = {}};
}

Said read_standard(const bj::value& json, const Incoming&) {
  const auto type = text_at(json, {"type"});
  return {.type = type.empty() ? "message" : type, .source = {}, .id = {}};
}

Said read_generic(const bj::value&, const Incoming&) {
  return {.type = "received", .source = {}, .id = {}};
}

struct Reader {
  Preset preset;
  std::string_view prefix;
  Said (*read)(const bj::value&, const Incoming&);
  // Where the sender names its delivery, the better one first.
  std::array<std::string_view, 2> id_headers;
};

constexpr std::array kReaders{
    Reader{Preset::kGeneric, "webhook_", &read_generic, {"webhook-id", "Idempotency-Key"}},
    Reader{Preset::kStandard, "standard_", &read_standard, {"webhook-id", ""}},
    Reader{Preset::kGithub, "github_", &read_github, {"X-GitHub-Delivery", ""}},
    Reader{Preset::kGitlab, "gitlab_", &read_gitlab, {"Idempotency-Key", "X-Gitlab-Event-UUID"}},
    Reader{Preset::kSlack, "slack_", &read_slack, {"", ""}},
    Reader{Preset::kStripe, "stripe_", &read_stripe, {"", ""}},
    Reader{Preset::kLinear, "linear_", &read_linear, {"Linear-Delivery", ""}}};
static_assert(std::ranges::all_of(kReaders, [](const Reader& reader) {
  return &reader == &kReaders[static_cast<std::size_t>(reader.preset)];
}));

// "a=b&c=d" as an object of strings; a field "payload" that holds JSON stands for all of it, as
// GitHub and Slack send it.
std::string form_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      if (const auto byte = from_hex(text.substr(i + 1, 2))) {
        out += static_cast<char>(byte->front());
        i += 2;
        continue;
      }
    }
    out += text[i] == '+' ? ' ' : text[i];
  }
  return to_valid_utf8(out);
}

std::optional<bj::value> read_form(std::string_view body) {
  bj::object fields;
  while (!body.empty()) {
    const auto end = std::min(body.find('&'), body.size());
    const auto item = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    const auto equals = item.find('=');
    if (equals == item.npos || fields.size() == codec::kMaxObjectMembers) return {};
    fields[form_text(item.substr(0, equals))] = form_text(item.substr(equals + 1));
  }
  if (fields.empty()) return {};
  if (const auto* payload = fields.if_contains("payload")) {
    auto json =
        codec::parse_json(std::string_view(payload->as_string()), {.max_bytes = kMaxBodyBytes});
    if (json) return std::move(*json);
    return {};
  }
  return bj::value(std::move(fields));
}

std::optional<bj::value> parse_body(Preset preset, const Incoming& incoming) {
  if (incoming.body.empty() && preset == Preset::kGeneric) return bj::value(bj::object());
  const auto type = header(incoming, "Content-Type");
  if (type.starts_with("application/x-www-form-urlencoded") &&
      (preset == Preset::kSlack || preset == Preset::kGithub)) {
    return read_form(incoming.body);
  }
  auto json = codec::parse_json(incoming.body, {.max_bytes = kMaxBodyBytes});
  if (!json) return {};
  return std::move(*json);
}

// The types of all senders are words; whatever else stands there must not look like another event.
bool is_type(std::string_view type, std::size_t most) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == ':';
  };
  return !type.empty() && type.size() <= most && std::ranges::all_of(type, is_word);
}

std::optional<Timestamp> linear_time(const bj::value& json) {
  constexpr std::int64_t kMaxMillis = 99'999'999'999'999;
  const auto* object = json.if_object();
  const auto* value = object == nullptr ? nullptr : object->if_contains("webhookTimestamp");
  const auto* millis = value == nullptr ? nullptr : value->if_int64();
  if (millis == nullptr || *millis < 0 || *millis > kMaxMillis) return {};
  return Timestamp{*millis * 1000};
}

std::expected<std::string, Refusal> delivery_id(const Reader& reader, const Proof& proof,
                                                std::string_view in_body,
                                                const Incoming& incoming) {
  if (!proof.delivery_id.empty()) return proof.delivery_id;
  if (!in_body.empty()) {
    if (in_body.size() > kMaxIdBytes || !is_visible_ascii(in_body)) {
      return std::unexpected(Refusal::kBodyMalformed);
    }
    return std::string(in_body);
  }
  for (const auto name : reader.id_headers) {
    if (name.empty()) continue;
    const auto id = optional_id(incoming, name);
    if (!id) return std::unexpected(id.error());
    if (!id->empty()) return std::string(*id);
  }
  return std::string();
}

}  // namespace

std::expected<Delivery, Refusal> read_delivery(Preset preset, const Proof& proof,
                                               const Incoming& incoming) {
  const Reader& reader = kReaders[static_cast<std::size_t>(preset)];
  const auto json = parse_body(preset, incoming);
  if (!json) return std::unexpected(Refusal::kBodyMalformed);
  Delivery delivery;
  delivery.sent_at = proof.sent_at;
  if (preset == Preset::kLinear) {
    delivery.sent_at = linear_time(*json);
    if (!delivery.sent_at) return std::unexpected(Refusal::kBodyMalformed);
    if (const auto refused = outside(*delivery.sent_at, incoming.now, kLinearTolerance)) {
      return std::unexpected(*refused);
    }
  }
  const auto said = reader.read(*json, incoming);
  if (!is_type(said.type, kMaxEventType - reader.prefix.size())) {
    return std::unexpected(Refusal::kBodyMalformed);
  }
  auto id = delivery_id(reader, proof, said.id, incoming);
  if (!id) return std::unexpected(id.error());
  delivery.delivery_id = std::move(*id);
  delivery.event_type = std::string(reader.prefix) + std::string(said.type);
  delivery.source = std::string(utf8_prefix(said.source, kMaxSource));
  if (preset == Preset::kSlack && said.type == "url_verification") {
    const auto challenge = text_at(*json, {"challenge"});
    if (challenge.empty() || challenge.size() > kMaxHeaderBytes) {
      return std::unexpected(Refusal::kBodyMalformed);
    }
    delivery.challenge = std::string(challenge);
  }
  delivery.payload = codec::serialize(*json);
  return delivery;
}

}  // namespace personas::webhook_auth
