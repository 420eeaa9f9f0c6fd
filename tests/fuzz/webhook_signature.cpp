// Incoming webhooks, headers and body as anybody may send them: nobody who does not know the secret
// gets through, whatever the bytes; what is refused has a reason; and a request that was signed
// rightly gets through, until one byte of what was signed is another.
//
// An input: the preset's number in the first line, then "Name: value" lines, an empty line, the
// body.
// "$id", "$now" and "$hex" in a value stand for an id, the time and a digest of the right length.
#include <algorithm>
#include <array>

#include "personas/base/bytes.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/webhook_auth/delivery.hpp"
#include "personas/webhook_auth/standard.hpp"

#include "support.hpp"

namespace personas::fuzz {
namespace {

using namespace webhook_auth;

constexpr std::int64_t kSecond = 1'700'000'000;
constexpr std::string_view kText = "an unguessable secret";
constexpr std::size_t kPresets = 7;
constexpr std::size_t kMostLines = 300;

struct Sent {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

void fill(std::string& value) {
  const std::array<std::pair<std::string_view, std::string>, 3> words{
      std::pair{std::string_view("$id"), std::string("msg_1")},
      std::pair{std::string_view("$now"), std::to_string(kSecond)},
      std::pair{std::string_view("$hex"), std::string(64, 'a')}};
  for (const auto& [word, text] : words) {
    if (const auto at = value.find(word); at != value.npos) value.replace(at, word.size(), text);
  }
}

Sent read_sent(std::string_view rest) {
  Sent sent;
  while (!rest.empty() && sent.headers.size() < kMostLines) {
    const auto line = take_line(rest);
    if (line.empty()) break;
    const auto colon = line.find(": ");
    std::string value(colon == line.npos ? std::string_view() : line.substr(colon + 2));
    fill(value);
    sent.headers.emplace_back(line.substr(0, colon), std::move(value));
  }
  sent.body = rest;
  return sent;
}

Secret secret_for(Preset preset) {
  const bool standard = preset == Preset::kStandard;
  return Secret(standard ? "whsec_" + to_base64(Bytes(32, 7)) : std::string(kText));
}

std::expected<Proof, Refusal> judge(Preset preset, const Sent& sent) {
  std::vector<HeaderField> fields;
  for (const auto& [name, value] : sent.headers) fields.push_back({name, value});
  const Secret secret = secret_for(preset);
  const Timestamp now{kSecond * 1'000'000};
  const Incoming incoming{fields, sent.body, now};
  auto proof = authenticate(preset, {&secret, 1}, incoming);
  if (!proof) {
    PERSONAS_FUZZ_CHECK(!reason_of(proof.error()).empty(), "a refusal has a reason");
    PERSONAS_FUZZ_CHECK(!authenticate(preset, {}, incoming), "nothing is proven without a secret");
  }
  const auto delivery = read_delivery(preset, proof.value_or(Proof{}), incoming);
  if (delivery) {
    PERSONAS_FUZZ_CHECK(!delivery->event_type.empty() &&
                            delivery->event_type.size() <= kMaxEventType &&
                            delivery->delivery_id.size() <= kMaxIdBytes &&
                            delivery->source.size() <= kMaxSource && is_utf8(delivery->source),
                        "within the bounds of an event");
  }
  return proof;
}

// The header a preset is proven by, made by hand and not by what is tested.
std::pair<std::string, std::string> signature_of(Preset preset, const std::string& body) {
  const auto hex = [](std::string_view text) {
    return to_hex(crypto::hmac_sha256(as_bytes(kText), as_bytes(text)));
  };
  const auto now = std::to_string(kSecond);
  switch (preset) {
    case Preset::kGithub:
      return {"X-Hub-Signature-256", "sha256=" + hex(body)};
    case Preset::kSlack:
      return {"X-Slack-Signature", "v0=" + hex("v0:" + now + ":" + body)};
    case Preset::kStripe:
      return {"Stripe-Signature", "t=" + now + ",v1=" + hex(now + "." + body)};
    case Preset::kLinear:
      return {"Linear-Signature", hex(body)};
    default:
      break;
  }
  const Bytes decoded(32, 7);
  const auto text = "msg_1." + now + "." + body;
  const auto key = preset == Preset::kStandard ? ByteView(decoded) : as_bytes(kText);
  return {"webhook-signature", "v1," + to_base64(crypto::hmac_sha256(key, as_bytes(text)))};
}

void check_signed(Preset preset, const std::string& body) {
  const auto now = std::to_string(kSecond);
  Sent sent{{{"webhook-id", "msg_1"},
             {"webhook-timestamp", now},
             {"X-Slack-Request-Timestamp", now},
             {"X-GitHub-Delivery", "msg_1"},
             {"Linear-Delivery", "msg_1"},
             signature_of(preset, body)},
            body};
  PERSONAS_FUZZ_CHECK(judge(preset, sent), "what is signed rightly gets through");
  const std::size_t at = body.size() / 2;
  if (sent.body.empty()) {
    sent.body = "x";
  } else {
    sent.body[at] = static_cast<char>(sent.body[at] ^ 1);
  }
  PERSONAS_FUZZ_CHECK(!judge(preset, sent), "until one byte is another");
}

// The input may hold the secret itself, or nothing else could ever be right.
bool gives_it_away(const Sent& sent) {
  return std::ranges::any_of(sent.headers,
                             [](const auto& header) { return header.second == kText; });
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  using namespace personas::fuzz;
  std::string_view rest = text_of(data, size);
  const auto preset =
      static_cast<webhook_auth::Preset>(number_of(take_line(rest), 1'000'000) % kPresets);
  const Sent sent = read_sent(rest);
  const auto proof = judge(preset, sent);
  PERSONAS_FUZZ_CHECK(!proof || gives_it_away(sent), "nobody gets through by guessing");
  check_signed(preset, sent.body);
  return 0;
}
