// What a TLS certificate says of itself.
#pragma once

#include <string_view>

#include "personas/base/error.hpp"
#include "personas/base/time.hpp"

namespace personas::crypto {

// When the first certificate of a PEM chain is no longer valid.
Result<Timestamp> certificate_expiry(std::string_view pem);

}  // namespace personas::crypto
