// Ed25519 signatures (RFC 8032). Pure; any thread.
#pragma once

#include "personas/base/bytes.hpp"
#include "personas/base/secret.hpp"

namespace personas::crypto {

inline constexpr std::size_t kSigningSeedBytes = 32;
inline constexpr std::size_t kVerifyingKeyBytes = 32;
inline constexpr std::size_t kSignatureBytes = 64;

// `seed` has kSigningSeedBytes bytes; all of the private key follows from it.
Bytes verifying_key(const Secret& seed);
Bytes sign_ed25519(const Secret& seed, ByteView message);

// False for keys and signatures of another size, and for points of small order too.
bool verify_ed25519(ByteView key, ByteView message, ByteView signature);

}  // namespace personas::crypto
