// Credentials as clients send them: plain, sealed to the deployment's key, or encrypted under its
// master key. What nobody sealed never opens; what was sealed opens for its tenant, name and time
// alone, and gives back what went in; no error repeats a secret; what is kept is read back.
//
// The first line of an input says what the rest is: value, box, payload, master.
#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/crypto/sealed_box.hpp"
#include "personas/model/credential.hpp"
#include "personas/vault/credential_value.hpp"
#include "personas/vault/intake.hpp"
#include "personas/vault/seal.hpp"

#include "support.hpp"

namespace personas::fuzz {
namespace {

constexpr Timestamp kNow{1'800'000'000'000'000};
const TenantId kTenant("ten_1");

const vault::Intake& intake() {
  static const vault::Intake instance(*vault::MasterKey::parse(std::string(64, '5')));
  return instance;
}

void check_value(std::string_view text) {
  const auto value = vault::read_credential(Secret(std::string(text)));
  if (!value) {
    check_error(value.error());
    PERSONAS_FUZZ_CHECK(!value.error().message.empty(), "a sentence");
    return;
  }
  PERSONAS_FUZZ_CHECK(!value->fields.empty(), "a value");
  const auto again = vault::unpack(vault::pack(*value));
  PERSONAS_FUZZ_CHECK(again && again->fields.size() == value->fields.size(),
                      "what is kept is read");
  for (std::size_t i = 0; i < value->fields.size(); ++i) {
    PERSONAS_FUZZ_CHECK(again->fields[i].name == value->fields[i].name &&
                            again->fields[i].value.equals(value->fields[i].value.reveal()),
                        "as the same field", value->fields[i].name);
  }
  Credential credential;
  credential.name = "c";
  const auto described = vault::describe_values(*value, {}, credential);
  if (!described) return check_error(described.error());
  for (const auto& name : vault::connector_variables(credential)) {
    for (const char c : name) {
      PERSONAS_FUZZ_CHECK((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_',
                          "the name of a variable", name);
    }
  }
}

void check_box(std::string_view text) {
  const auto opened = intake().open_box(text, kTenant, "c", kNow);
  PERSONAS_FUZZ_CHECK(!opened && opened.error() == vault::Intake::wrong_box().error(),
                      "a box that nobody sealed, with the same words");
  const auto packed = vault::unpack(Secret(std::string(text)));
  if (!packed) check_error(packed.error());
}

// Somebody who has the public key seals what he likes.
void check_payload(std::string_view text) {
  SeededRandom random(3);
  const auto box = crypto::seal_box(intake().public_key(), as_bytes(text), random);
  PERSONAS_FUZZ_CHECK(box.has_value(), "a box");
  const auto opened = intake().open_box(to_base64(*box), kTenant, "c", kNow);
  if (opened) {
    const auto json = codec::parse_json(text);
    PERSONAS_FUZZ_CHECK(json && json->as_object().at("tenant").as_string() == kTenant.str() &&
                            json->as_object().at("name").as_string() == "c" &&
                            json->as_object().at("kid").as_string() == intake().key_id(),
                        "only what is meant for it");
    PERSONAS_FUZZ_CHECK(opened->expires > kNow && opened->nonce.size() >= vault::kMinSealNonce,
                        "only what is fresh");
  }
  // The same text as the value of a well-made box.
  if (!is_utf8(text)) return;
  std::string value;
  codec::append_json_string(text, value);
  const auto sealed = vault::seal_for(
      intake().public_key(),
      {.tenant = kTenant.str(), .name = "c", .key_id = intake().key_id(), .value_json = value},
      kNow, random);
  PERSONAS_FUZZ_CHECK(sealed.has_value(), "a value is sealed");
  const auto mine = intake().open_box(*sealed, kTenant, "c", kNow);
  PERSONAS_FUZZ_CHECK(mine && mine->value.equals(text), "and opened again");
  PERSONAS_FUZZ_CHECK(!intake().open_box(*sealed, kTenant, "d", kNow), "not for another name");
  PERSONAS_FUZZ_CHECK(!intake().open_box(*sealed, TenantId("ten_2"), "c", kNow), "nor tenant");
  PERSONAS_FUZZ_CHECK(!intake().open_box(*sealed, kTenant, "c", kNow + hours(25)), "nor later");
}

void check_master(std::string_view text) {
  const auto data = take_line(text);
  const auto iv = take_line(text);
  const auto tag = take_line(text);
  const auto opened = intake().open_master_sealed({data, iv, tag});
  PERSONAS_FUZZ_CHECK(!opened, "nobody encrypted it");
  check_error(opened.error());
  PERSONAS_FUZZ_CHECK(!opened.error().fields.empty(), "the error names a part");
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas::fuzz;
  std::string_view rest = text_of(data, size);
  const auto kind = take_line(rest);
  if (kind == "box") {
    check_box(rest);
  } else if (kind == "payload") {
    check_payload(rest);
  } else if (kind == "master") {
    check_master(rest);
  } else {
    check_value(rest);
  }
  return 0;
}
