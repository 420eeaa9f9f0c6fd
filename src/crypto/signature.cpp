#include "personas/crypto/signature.hpp"

#include <array>
#include <cstdlib>

#include <sodium.h>

namespace personas::crypto {
namespace {

static_assert(kSigningSeedBytes == crypto_sign_SEEDBYTES);
static_assert(kVerifyingKeyBytes == crypto_sign_PUBLICKEYBYTES);
static_assert(kSignatureBytes == crypto_sign_BYTES);

void require(bool worked) {
  if (!worked) std::abort();
}

void initialise() {
  static const bool ready = sodium_init() >= 0;
  require(ready);
}

// Both halves of a key, wiped when they go.
struct KeyPair {
  explicit KeyPair(const Secret& seed) {
    initialise();
    require(seed.size() == kSigningSeedBytes);
    const auto* bytes = reinterpret_cast<const unsigned char*>(seed.reveal().data());
    require(crypto_sign_seed_keypair(open.data(), hidden.data(), bytes) == 0);
  }
  ~KeyPair() { sodium_memzero(hidden.data(), hidden.size()); }
  KeyPair(const KeyPair&) = delete;
  KeyPair& operator=(const KeyPair&) = delete;

  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> open{};
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> hidden{};
};

}  // namespace

Bytes verifying_key(const Secret& seed) {
  const KeyPair keys(seed);
  return {keys.open.begin(), keys.open.end()};
}

Bytes sign_ed25519(const Secret& seed, ByteView message) {
  const KeyPair keys(seed);
  Bytes signature(kSignatureBytes);
  require(crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(),
                               keys.hidden.data()) == 0);
  return signature;
}

bool verify_ed25519(ByteView key, ByteView message, ByteView signature) {
  initialise();
  if (key.size() != kVerifyingKeyBytes || signature.size() != kSignatureBytes) return false;
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                     key.data()) == 0;
}

}  // namespace personas::crypto
