// Blocks of output: text or zstd, whichever is smaller.
#pragma once

#include <string>
#include <string_view>

#include "personas/base/bytes.hpp"
#include "personas/base/error.hpp"

namespace personas::execution {

// Below this a frame header eats what compression gains.
inline constexpr std::size_t kMinCompressed = 256;
// One block never unpacks to more; a larger batch is split.
inline constexpr std::size_t kMaxBlockBytes = 4 * 1024 * 1024;

struct PackedOutput {
  std::string_view codec;  // "plain" or "zstd"
  std::string data;
};

PackedOutput pack_output(std::string_view text);
// kCorrupt if it does not unpack to exactly `size` bytes.
Result<std::string> unpack_output(std::string_view codec, ByteView data, std::int64_t size);

}  // namespace personas::execution
