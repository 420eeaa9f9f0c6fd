#include "personas/crypto/aead.hpp"

#include <cstdlib>
#include <limits>
#include <memory>

#include <openssl/evp.h>

namespace personas::crypto {
namespace {

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

void require(bool worked) {
  if (!worked) std::abort();
}

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

int size_of(ByteView bytes) {
  require(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  return static_cast<int>(bytes.size());
}

// Feeding nothing is skipped: to OpenSSL a null input means "finish".
bool update(EVP_CIPHER_CTX* context, unsigned char* out, ByteView in) {
  int written = 0;
  return in.empty() || EVP_CipherUpdate(context, out, &written, in.data(), size_of(in)) == 1;
}

Context make_context() {
  Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  require(context != nullptr);
  return context;
}

}  // namespace

Nonce make_nonce(Random& random) {
  Nonce nonce{};
  random.fill(nonce);
  return nonce;
}

Bytes seal(const Secret& key, const Nonce& nonce, ByteView plaintext, ByteView associated) {
  require(key.size() == kKeyBytes);
  const Context context = make_context();
  Bytes out(plaintext.size() + kTagBytes);
  int written = 0;
  require(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(key.reveal()),
                             nonce.data()) == 1 &&
          update(context.get(), nullptr, associated) &&
          update(context.get(), out.data(), plaintext) &&
          EVP_EncryptFinal_ex(context.get(), out.data() + plaintext.size(), &written) == 1 &&
          EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                              out.data() + plaintext.size()) == 1);
  return out;
}

Result<Secret> open_foreign(const Secret& key, ByteView nonce, ByteView sealed,
                            ByteView associated) {
  const auto refused = [] {
    return fail(ErrorCode::kCorrupt, "the sealed value does not fit this key, or was changed");
  };
  require(key.size() == kKeyBytes);
  if (sealed.size() < kTagBytes || nonce.size() < kMinForeignNonceBytes ||
      nonce.size() > kMaxForeignNonceBytes) {
    return refused();
  }
  const auto ciphertext = sealed.first(sealed.size() - kTagBytes);
  Bytes tag(sealed.end() - kTagBytes, sealed.end());
  const Context context = make_context();
  std::string out(ciphertext.size(), '\0');
  auto* const plain = reinterpret_cast<unsigned char*>(out.data());
  int written = 0;
  require(
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_IVLEN, size_of(nonce), nullptr) == 1 &&
      EVP_DecryptInit_ex(context.get(), nullptr, nullptr, raw(key.reveal()), nonce.data()) == 1 &&
      update(context.get(), nullptr, associated) && update(context.get(), plain, ciphertext) &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1);
  if (EVP_DecryptFinal_ex(context.get(), plain + ciphertext.size(), &written) != 1) {
    wipe(out);
    return refused();
  }
  return Secret(std::move(out));
}

Result<Secret> open(const Secret& key, const Nonce& nonce, ByteView sealed, ByteView associated) {
  return open_foreign(key, nonce, sealed, associated);
}

}  // namespace personas::crypto
