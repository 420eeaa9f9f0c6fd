#include "personas/crypto/hash.hpp"

#include <cstdlib>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

namespace personas::crypto {
namespace {

// A failure of the library itself: going on would mean to go on unprotected.
void require(bool worked) {
  if (!worked) std::abort();
}

OSSL_PARAM octets(const char* name, ByteView bytes) {
  // OpenSSL only reads through the pointer.
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()),
                                           bytes.size());
}

}  // namespace

Digest sha256(ByteView data) {
  // Fetching the algorithm and allocating a context cost more than hashing a small value.
  struct Hasher {
    std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> md{EVP_MD_fetch(nullptr, "SHA256", nullptr),
                                                       &EVP_MD_free};
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                    &EVP_MD_CTX_free};
  };
  static thread_local Hasher hasher;
  Digest out{};
  require(EVP_DigestInit_ex2(hasher.context.get(), hasher.md.get(), nullptr) == 1 &&
          EVP_DigestUpdate(hasher.context.get(), data.data(), data.size()) == 1 &&
          EVP_DigestFinal_ex(hasher.context.get(), out.data(), nullptr) == 1);
  return out;
}

Digest hmac_sha256(ByteView key, ByteView message) {
  Digest out{};
  unsigned size = 0;
  require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(),
               message.size(), out.data(), &size) != nullptr &&
          size == out.size());
  return out;
}

Secret hkdf_sha256(ByteView secret, ByteView salt, std::string_view info, std::size_t size) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(
      EVP_KDF_fetch(nullptr, "HKDF", nullptr), &EVP_KDF_free);
  require(kdf != nullptr);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(
      EVP_KDF_CTX_new(kdf.get()), &EVP_KDF_CTX_free);
  std::string digest = "SHA256";
  // RFC 5869: no salt is a salt of zeros.
  const Digest zeros{};
  const std::array parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      octets(OSSL_KDF_PARAM_KEY, secret),
      octets(OSSL_KDF_PARAM_SALT, salt.empty() ? ByteView(zeros) : salt),
      octets(OSSL_KDF_PARAM_INFO, as_bytes(info)), OSSL_PARAM_construct_end()};
  std::string key(size, '\0');
  require(EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(key.data()), key.size(),
                         parameters.data()) == 1);
  return Secret(std::move(key));
}

bool constant_time_equal(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace personas::crypto
