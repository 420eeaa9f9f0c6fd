#include "personas/vault/seal.hpp"

#include <fmt/format.h>

#include "personas/base/secret.hpp"
#include "personas/codec/json.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/crypto/sealed_box.hpp"

namespace personas::vault {
namespace {

constexpr std::int64_t kSealLifeSeconds = 600;

}  // namespace

std::string seal_key_id(ByteView public_key) {
  constexpr std::size_t kDigits = 16;
  return to_hex(crypto::sha256(public_key)).substr(0, kDigits);
}

Result<std::string> seal_for(ByteView public_key, const SealRequest& request, Timestamp now,
                             Random& random) {
  Bytes nonce(kMinSealNonce);
  random.fill(nonce);
  std::string plain = R"({"v":1,"tenant":)";
  const auto add = [&plain](std::string_view before, std::string_view text) {
    plain += before;
    codec::append_json_string(text, plain);
  };
  plain.reserve(request.value_json.size() + 512);  // so that it is not copied about
  add("", request.tenant);
  add(R"(,"name":)", request.name);
  add(R"(,"kid":)", request.key_id);
  const std::int64_t issued = now.micros / 1'000'000;
  plain += fmt::format(R"(,"iat":{},"exp":{},"nonce":"{}","value":)", issued,
                       issued + kSealLifeSeconds, to_hex(nonce));
  plain += request.value_json;
  plain += '}';
  auto box = crypto::seal_box(public_key, as_bytes(plain), random);
  wipe(plain);
  if (!box) return fail(std::move(box).error());
  return to_base64(*box);
}

}  // namespace personas::vault
