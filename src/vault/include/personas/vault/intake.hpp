// Opens what clients sealed for the deployment: sealed boxes to its X25519 key, and AES-256-GCM
// under the master key itself, which the first clients use. Immutable; any thread.
//
// The plaintext of a sealed box says what it is for, so that one that was caught on its way is good
// for nothing else:
//
//   {"v":1,"tenant":…,"name":…,"kid":…,"iat":…,"exp":…,"nonce":…,"use":{…},"value":…}
//
// Times are seconds since the epoch; `value` is a text, or an object of fields. Whatever is wrong
// with a box, the answer is the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "personas/base/bytes.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"
#include "personas/vault/master_key.hpp"
#include "personas/vault/seal.hpp"

namespace personas::vault {

// Longest time between iat and exp: an upload is sent at once. Its nonce is remembered as long.
inline constexpr Duration kMaxSealLife = hours(1);
inline constexpr Duration kSealClockSkew = minutes(5);  // of the client's clock before ours
inline constexpr std::size_t kMaxSealNonce = 128;

class Intake {
 public:
  explicit Intake(const MasterKey& key);

  const Bytes& public_key() const { return public_key_; }
  // Names the public key: a client that has an old one is told nothing but "wrong".
  const std::string& key_id() const { return key_id_; }

  struct Opened {
    Secret value;     // text, or JSON of an object
    std::string use;  // JSON: where the value may be sent; empty if it does not say
    std::string nonce;
    Timestamp expires;
  };
  // kUnprocessable, always with the same words. Whether the nonce is new is the caller's to ask.
  Result<Opened> open_box(std::string_view sealed_base64, const TenantId& tenant,
                          std::string_view name, Timestamp now) const;
  static std::unexpected<Error> wrong_box();

  struct MasterSealed {
    std::string_view data;  // all three in hexadecimal
    std::string_view iv;
    std::string_view tag;
  };
  // kInvalidRequest says which part is wrong.
  Result<Secret> open_master_sealed(const MasterSealed& sealed) const;

 private:
  Secret master_key_;
  Secret private_key_;
  Bytes public_key_;
  std::string key_id_;
};

}  // namespace personas::vault
