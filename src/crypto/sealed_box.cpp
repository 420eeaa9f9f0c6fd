#include "personas/crypto/sealed_box.hpp"

#include <array>
#include <cstdlib>

#include <sodium.h>

namespace personas::crypto {
namespace {

static_assert(kBoxKeyBytes == crypto_box_PUBLICKEYBYTES);
static_assert(kBoxKeyBytes == crypto_box_SECRETKEYBYTES);
static_assert(kBoxOverheadBytes == crypto_box_SEALBYTES);

void require(bool worked) {
  if (!worked) std::abort();
}

void initialise() {
  static const bool ready = sodium_init() >= 0;
  require(ready);
}

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

using BoxNonce = std::array<unsigned char, crypto_box_NONCEBYTES>;

BoxNonce nonce_of(ByteView sender, ByteView receiver) {
  BoxNonce nonce{};
  crypto_generichash_state state;
  require(crypto_generichash_init(&state, nullptr, 0, nonce.size()) == 0 &&
          crypto_generichash_update(&state, sender.data(), sender.size()) == 0 &&
          crypto_generichash_update(&state, receiver.data(), receiver.size()) == 0 &&
          crypto_generichash_final(&state, nonce.data(), nonce.size()) == 0);
  return nonce;
}

}  // namespace

Bytes box_public_key(const Secret& private_key) {
  initialise();
  require(private_key.size() == kBoxKeyBytes);
  Bytes key(kBoxKeyBytes);
  require(crypto_scalarmult_base(key.data(), raw(private_key.reveal())) == 0);
  return key;
}

Result<Bytes> seal_box(ByteView public_key, ByteView plaintext, Random& random) {
  initialise();
  const auto refused = [] {
    return fail(ErrorCode::kInvalidRequest, "this is not a public key of X25519");
  };
  if (public_key.size() != kBoxKeyBytes) return refused();
  std::string drawn(kBoxKeyBytes, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(drawn.data()), drawn.size()});
  const Secret sender(std::move(drawn));
  const Bytes sender_key = box_public_key(sender);
  Bytes box(plaintext.size() + kBoxOverheadBytes);
  std::copy(sender_key.begin(), sender_key.end(), box.begin());
  const auto nonce = nonce_of(sender_key, public_key);
  // It refuses public keys that give no secret.
  if (crypto_box_easy(box.data() + kBoxKeyBytes, plaintext.data(), plaintext.size(), nonce.data(),
                      public_key.data(), raw(sender.reveal())) != 0) {
    return refused();
  }
  return box;
}

Result<Secret> open_box(const Secret& private_key, ByteView box) {
  initialise();
  const auto refused = [] {
    return fail(ErrorCode::kCorrupt, "the sealed box is not for this key, or was changed");
  };
  if (box.size() < kBoxOverheadBytes) return refused();
  const Bytes public_key = box_public_key(private_key);
  std::string out(box.size() - kBoxOverheadBytes, '\0');
  if (crypto_box_seal_open(reinterpret_cast<unsigned char*>(out.data()), box.data(), box.size(),
                           public_key.data(), raw(private_key.reveal())) != 0) {
    wipe(out);
    return refused();
  }
  return Secret(std::move(out));
}

}  // namespace personas::crypto
