// The body of a request with "Transfer-Encoding: chunked", decoded piece by piece and strictly:
// sizes of 1 to 16 hex digits, short extensions, exact line ends, no trailer fields. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace personas::net_beast {

// Nobody uses chunk extensions; what fits in this line is skipped, more is an attack.
inline constexpr std::size_t kMaxChunkLineBytes = 128;

class ChunkDecoder {
 public:
  enum class State : std::uint8_t { kMore, kDone, kMalformed, kTooLarge };

  explicit ChunkDecoder(std::size_t max_body_bytes) : room_(max_body_bytes) {}

  // Takes from the front of `input` what belongs to the body, appending data to `body`. After
  // kDone, `input` is what follows the body.
  State feed(std::string_view& input, std::string& body);

 private:
  enum class Step : std::uint8_t { kSizeLine, kData, kDataEnd, kFinalLine };

  State take_size_line(std::string_view& input);
  State take_exact_line_end(std::string_view& input);

  std::size_t room_;
  std::uint64_t left_ = 0;  // of the current chunk
  Step step_ = Step::kSizeLine;
  std::string line_;  // of the size line or a line end, while incomplete
};

}  // namespace personas::net_beast
