#include "chunk_decoder.hpp"

#include <algorithm>
#include <charconv>

namespace personas::net_beast {
namespace {

constexpr std::size_t kMaxSizeDigits = 16;  // 64 bits

}  // namespace

ChunkDecoder::State ChunkDecoder::feed(std::string_view& input, std::string& body) {
  while (!input.empty()) {
    State state = State::kMore;
    switch (step_) {
      case Step::kSizeLine:
        state = take_size_line(input);
        break;
      case Step::kData: {
        const std::size_t take = std::min<std::uint64_t>(left_, input.size());
        body.append(input.substr(0, take));
        input.remove_prefix(take);
        left_ -= take;
        if (left_ == 0) step_ = Step::kDataEnd;
        break;
      }
      case Step::kDataEnd:
      case Step::kFinalLine:
        state = take_exact_line_end(input);
        break;
    }
    if (state != State::kMore) return state;
  }
  return State::kMore;
}

ChunkDecoder::State ChunkDecoder::take_size_line(std::string_view& input) {
  const std::size_t newline = input.find('\n');
  const std::size_t take = newline == std::string_view::npos ? input.size() : newline + 1;
  if (line_.size() + take > kMaxChunkLineBytes) return State::kMalformed;
  line_.append(input.substr(0, take));
  input.remove_prefix(take);
  if (newline == std::string_view::npos) return State::kMore;
  if (!line_.ends_with("\r\n")) return State::kMalformed;

  const std::string_view line = std::string_view(line_).substr(0, line_.size() - 2);
  const std::string_view digits = line.substr(0, line.find(';'));
  const std::string_view extension = line.substr(digits.size());
  if (digits.empty() || digits.size() > kMaxSizeDigits) return State::kMalformed;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return State::kMalformed;
  const bool plain =
      std::ranges::all_of(extension, [](char c) { return c == '\t' || (c >= 0x20 && c < 0x7F); });
  if (!plain) return State::kMalformed;
  if (left_ > room_) return State::kTooLarge;
  room_ -= left_;
  step_ = left_ == 0 ? Step::kFinalLine : Step::kData;
  line_.clear();
  return State::kMore;
}

ChunkDecoder::State ChunkDecoder::take_exact_line_end(std::string_view& input) {
  constexpr std::string_view kLineEnd = "\r\n";
  while (!input.empty() && line_.size() < kLineEnd.size()) {
    if (input.front() != kLineEnd[line_.size()]) return State::kMalformed;
    line_.push_back(input.front());
    input.remove_prefix(1);
  }
  if (line_.size() < kLineEnd.size()) return State::kMore;
  line_.clear();
  if (step_ == Step::kFinalLine) return State::kDone;
  step_ = Step::kSizeLine;
  return State::kMore;
}

}  // namespace personas::net_beast
