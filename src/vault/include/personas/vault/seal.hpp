// The client's half of a sealed upload (intake.hpp): closes a box for a deployment's public key.
#pragma once

#include <string>
#include <string_view>

#include "personas/base/bytes.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/time.hpp"

namespace personas::vault {

inline constexpr std::string_view kSealAlgorithm = "x25519-sealedbox";
inline constexpr std::size_t kMinSealNonce = 16;

// Names a public key: the beginning of its SHA-256.
std::string seal_key_id(ByteView public_key);

// What a client seals; `value_json` is a JSON text, of a string or an object.
struct SealRequest {
  std::string_view tenant;
  std::string_view name;
  std::string_view key_id;
  std::string_view value_json;
};
// The box in base64; kInvalidRequest if `public_key` is none.
Result<std::string> seal_for(ByteView public_key, const SealRequest& request, Timestamp now,
                             Random& random);

}  // namespace personas::vault
