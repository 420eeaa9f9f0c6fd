// Sealed boxes, as libsodium's crypto_box_seal makes them: anybody who knows a public key can close
// one, only the holder of the private key opens it. Nothing tells who closed it, and there is no
// secrecy against a private key that is stolen later.
//
//   box = epk(32) ‖ crypto_box(m, nonce = BLAKE2b-192(epk ‖ rpk), rpk, esk)
#pragma once

#include "personas/base/bytes.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"

namespace personas::crypto {

inline constexpr std::size_t kBoxKeyBytes = 32;       // of X25519, public and private
inline constexpr std::size_t kBoxOverheadBytes = 48;  // the sender's key and the tag

// Of any 32 bytes as private key.
Bytes box_public_key(const Secret& private_key);

// kInvalidRequest if `public_key` is none. The key of the sender is drawn from `random` and wiped.
Result<Bytes> seal_box(ByteView public_key, ByteView plaintext, Random& random);

// kCorrupt if it was made for another key, or was changed.
Result<Secret> open_box(const Secret& private_key, ByteView box);

}  // namespace personas::crypto
