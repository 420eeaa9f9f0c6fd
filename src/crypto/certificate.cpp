#include "personas/crypto/certificate.hpp"

#include <ctime>
#include <memory>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace personas::crypto {

Result<Timestamp> certificate_expiry(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr, &X509_free);
  std::tm parts{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &parts) != 1) {
    return fail(ErrorCode::kMisconfigured, "it does not begin with a certificate (PEM)");
  }
  return Timestamp{static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000};
}

}  // namespace personas::crypto
