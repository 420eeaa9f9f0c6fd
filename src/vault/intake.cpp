#include "personas/vault/intake.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/crypto/aead.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/crypto/sealed_box.hpp"

namespace personas::vault {
namespace {

namespace bj = boost::json;

std::string_view text_of(const bj::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

std::optional<Timestamp> time_of(const bj::object& object, std::string_view name) {
  constexpr std::int64_t kLatest = 253'402'300'799;  // the year 9999
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  const std::int64_t at = value->get_int64();
  if (at < 0 || at > kLatest) return std::nullopt;
  return Timestamp{at * 1'000'000};
}

bool is_known(std::string_view name) {
  constexpr std::string_view kMembers[] = {"v",   "tenant", "name", "kid",  "iat",
                                           "exp", "nonce",  "use",  "value"};
  return std::ranges::find(kMembers, name) != std::end(kMembers);
}

// A text, or the JSON of an object.
std::optional<std::string> value_of(const bj::object& object) {
  const auto* value = object.if_contains("value");
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return std::string(value->get_string());
  if (value->is_object()) return codec::serialize(*value);
  return std::nullopt;
}

// What encrypted data, iv and tag must be; the error names the field.
Result<Bytes> hex_field(std::string_view text, std::string_view name, std::size_t least,
                        std::size_t most) {
  auto bytes = from_hex(text);
  if (bytes && bytes->size() >= least && bytes->size() <= most) return bytes;
  const std::string why =
      least == most ? fmt::format("must be {} hexadecimal digits", 2 * least)
                    : fmt::format("must be {} to {} hexadecimal digits", 2 * least, 2 * most);
  return fail(ErrorCode::kInvalidRequest, fmt::format("{} {}", name, why),
              {{"/" + std::string(name), why}});
}

constexpr std::size_t kMaxMasterSealed = 256 * 1024;

}  // namespace

Intake::Intake(const MasterKey& key)
    : master_key_(key.raw().clone()),
      private_key_(key.derive(key_labels::kSealing)),
      public_key_(crypto::box_public_key(private_key_)),
      key_id_(seal_key_id(public_key_)) {}

std::unexpected<Error> Intake::wrong_box() {
  return fail(ErrorCode::kUnprocessable,
              "The sealed value cannot be used. Get the public key again, and seal the value anew "
              "for this tenant and name",
              {{"/sealed", "is not a fresh sealed value for this tenant, name and key"}});
}

Result<Intake::Opened> Intake::open_box(std::string_view sealed_base64, const TenantId& tenant,
                                        std::string_view name, Timestamp now) const {
  const auto box = from_base64(sealed_base64);
  if (!box) return wrong_box();
  const auto plain = crypto::open_box(private_key_, *box);
  if (!plain) return wrong_box();
  const auto json = codec::parse_json(plain->reveal());
  if (!json || !json->is_object()) return wrong_box();
  const auto& object = json->get_object();
  for (const auto& member : object) {
    if (!is_known(member.key())) return wrong_box();
  }
  const auto* version = object.if_contains("v");
  const auto issued = time_of(object, "iat");
  const auto expires = time_of(object, "exp");
  auto value = value_of(object);
  const std::string_view nonce = text_of(object, "nonce");
  const bool is_ours = version != nullptr && version->is_int64() && version->get_int64() == 1 &&
                       text_of(object, "tenant") == tenant.str() &&
                       text_of(object, "name") == name && text_of(object, "kid") == key_id_;
  const bool is_fresh = issued && expires && *issued <= now + kSealClockSkew && *expires > now &&
                        *issued < *expires && *expires - *issued <= kMaxSealLife;
  const bool has_nonce = nonce.size() >= kMinSealNonce && nonce.size() <= kMaxSealNonce;
  if (!is_ours || !is_fresh || !has_nonce || !value) return wrong_box();
  const auto* use = object.if_contains("use");
  return Opened{Secret(std::move(*value)), use == nullptr ? "" : codec::serialize(*use),
                std::string(nonce), *expires};
}

Result<Secret> Intake::open_master_sealed(const MasterSealed& sealed) const {
  TRY(const auto iv,
      hex_field(sealed.iv, "iv", crypto::kMinForeignNonceBytes, crypto::kMaxForeignNonceBytes));
  TRY(const auto tag, hex_field(sealed.tag, "tag", crypto::kTagBytes, crypto::kTagBytes));
  TRY(auto data, hex_field(sealed.data, "encryptedData", 1, kMaxMasterSealed));
  data.insert(data.end(), tag.begin(), tag.end());
  auto opened = crypto::open_foreign(master_key_, iv, data, {});
  if (opened) return opened;
  return fail(ErrorCode::kInvalidRequest,
              "encryptedData cannot be decrypted: seal it with AES-256-GCM under this deployment's "
              "MASTER_KEY, and send its iv and tag unchanged",
              {{"/tag", "does not fit encryptedData, iv and MASTER_KEY"}});
}

}  // namespace personas::vault
