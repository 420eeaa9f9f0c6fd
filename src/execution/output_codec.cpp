#include "personas/execution/output_codec.hpp"

#include <zstd.h>

namespace personas::execution {

PackedOutput pack_output(std::string_view text) {
  if (text.size() >= kMinCompressed) {
    std::string packed(ZSTD_compressBound(text.size()), '\0');
    const std::size_t size =
        ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1);
    if (ZSTD_isError(size) == 0 && size < text.size()) {
      packed.resize(size);
      return {"zstd", std::move(packed)};
    }
  }
  return {"plain", std::string(text)};
}

Result<std::string> unpack_output(std::string_view codec, ByteView data, std::int64_t size) {
  const auto damaged = [] { return fail(ErrorCode::kCorrupt, "A block of output is damaged"); };
  if (size < 0 || static_cast<std::size_t>(size) > kMaxBlockBytes) return damaged();
  const auto expected = static_cast<std::size_t>(size);
  if (codec == "plain") {
    if (data.size() != expected) return damaged();
    return std::string(as_text(data));
  }
  if (codec != "zstd") return damaged();
  std::string text(expected, '\0');
  const std::size_t got = ZSTD_decompress(text.data(), text.size(), data.data(), data.size());
  if (ZSTD_isError(got) != 0 || got != expected) return damaged();
  return text;
}

}  // namespace personas::execution
