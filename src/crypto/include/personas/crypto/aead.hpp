// AES-256-GCM. The same key must never see the same nonce twice: take nonces from Random, and
// seal at most 2^32 times under one key (NIST SP 800-38D §8.3).
#pragma once

#include <array>
#include <cstdint>

#include "personas/base/bytes.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"

namespace personas::crypto {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kTagBytes = 16;

using Nonce = std::array<std::uint8_t, kNonceBytes>;
Nonce make_nonce(Random& random);

// Ciphertext followed by the tag. `key` has kKeyBytes bytes. `associated` is bound to the
// ciphertext but not stored with it.
Bytes seal(const Secret& key, const Nonce& nonce, ByteView plaintext, ByteView associated);

// kCorrupt if anything differs from what was sealed: key, nonce, ciphertext, tag, associated data.
Result<Secret> open(const Secret& key, const Nonce& nonce, ByteView sealed, ByteView associated);

// The same for what others sealed, with a nonce of any length that AES-GCM knows. Never empty.
inline constexpr std::size_t kMinForeignNonceBytes = 8;
inline constexpr std::size_t kMaxForeignNonceBytes = 64;
Result<Secret> open_foreign(const Secret& key, ByteView nonce, ByteView sealed,
                            ByteView associated);

}  // namespace personas::crypto
