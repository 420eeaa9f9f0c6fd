// SHA-256 and what is built of it. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "personas/base/bytes.hpp"
#include "personas/base/secret.hpp"

namespace personas::crypto {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(ByteView data);
Digest hmac_sha256(ByteView key, ByteView message);

// RFC 5869 with SHA-256. `info` names what the key is for, so that keys of different uses are
// independent. At most 255 × 32 bytes.
Secret hkdf_sha256(ByteView secret, ByteView salt, std::string_view info, std::size_t size = 32);

// Takes as long for the first differing byte as for the last; lengths are not secret.
bool constant_time_equal(ByteView a, ByteView b);

}  // namespace personas::crypto
