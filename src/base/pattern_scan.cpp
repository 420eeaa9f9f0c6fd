#include "pattern_scan.hpp"

#include <algorithm>

namespace personas {
namespace {

bool is_blank(char c) {
  return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

}  // namespace

PatternScan::PatternScan(const std::vector<Pattern>& exact, const std::vector<Pattern>& armoured)
    : exact_(exact), armoured_(armoured), window_(kGapDepth) {
  for (const auto* patterns : {&exact, &armoured}) {
    for (const auto& pattern : *patterns) window_ = std::min(window_, pattern.text.size());
  }
  const auto furthest = static_cast<std::uint8_t>(window_ - kBlock + 1);
  shift_.assign(std::size_t{1} << kTableBits, furthest);
  for (const auto* patterns : {&exact, &armoured}) {
    for (const auto& pattern : *patterns) {
      for (std::size_t end = kBlock; end <= window_; ++end) {
        auto& shift = shift_[block_of(pattern.text.data() + end - kBlock)];
        shift = std::min(shift, static_cast<std::uint8_t>(window_ - end));
      }
    }
  }
}

std::size_t PatternScan::block_of(const char* at) {
  const auto byte = [at](int i) { return std::uint32_t{static_cast<unsigned char>(at[i])}; };
  const std::uint32_t block = byte(0) | byte(1) << 8 | byte(2) << 16;
  return (block * 0x9E3779B1U) >> (32 - kTableBits);
}

// The first position from `at` on where a form may begin, as far as whole windows tell.
std::size_t PatternScan::skip(std::string_view piece, std::size_t at) const {
  while (at + window_ <= piece.size()) {
    const std::size_t shift = shift_[block_of(piece.data() + at + window_ - kBlock)];
    if (shift == 0) return at;
    at += shift;
  }
  return at;
}

void PatternScan::scan(std::string_view piece, Progress& progress) const {
  const std::uint64_t base = progress.offset;
  std::size_t at = 0;
  std::size_t run_began = 0;
  while (at < piece.size()) {
    const std::size_t hope =
        std::max(exact_.depth(progress.exact), armoured_.depth(progress.armoured));
    // One byte of hope is worth less than the table: go back to that byte and ask it. Each run
    // takes at least two bytes, so this is linear.
    const bool may_skip = hope == 0 || (hope == 1 && at >= run_began + 2);
    if (may_skip) {
      at = skip(piece, at - hope);
      progress.exact = PatternSet::kStart;
      leave_armour(progress);
      run_began = at;
      if (at >= piece.size()) break;
    }
    progress.offset = base + at + 1;
    step(piece[at], progress);
    ++at;
  }
  progress.offset = base + piece.size();
  progress.settled = earliest_begin(progress);
}

void PatternScan::step(char c, Progress& progress) const {
  progress.exact = exact_.step(progress.exact, c);
  if (const auto& match = exact_.match(progress.exact); match.length > 0) {
    found(progress.offset - match.length, progress.offset, match.owner, progress);
  }
  step_armoured(c, progress);
}

void PatternScan::step_armoured(char c, Progress& progress) const {
  if (armoured_.depth(progress.armoured) >= kGapDepth && take_gap(c, progress) == Taken::kYes) {
    return;
  }
  if (progress.gap > 0) {
    // Those that have left the form behind are forgotten, or an endless text would gather them.
    const auto depth = armoured_.depth(progress.armoured);
    std::erase_if(progress.gaps, [&](const Progress::Gap& gap) {
      return gap.before + depth <= progress.characters;
    });
    progress.gaps.push_back({progress.characters, progress.gap});
    progress.gap = 0;
  }
  progress.armoured = armoured_.step(progress.armoured, c);
  ++progress.characters;
  const auto depth = armoured_.depth(progress.armoured);
  if (depth == 0) {
    leave_armour(progress);
    return;
  }
  if (!progress.gaps.empty() && gaps_within(progress, depth) > depth / 4 + kGapAllowance) {
    leave_armour(progress);
    return;
  }
  if (const auto& match = armoured_.match(progress.armoured); match.length > 0) {
    found(progress.offset - match.length - gaps_within(progress, match.length), progress.offset,
          match.owner, progress);
  }
}

// Whether `c` belongs to a line break within an armoured form. A break may be written as \n, with
// as many backslashes as there are strings around it.
PatternScan::Taken PatternScan::take_gap(char c, Progress& progress) const {
  const bool ends_escape = progress.backslashes > 0 && (c == 'n' || c == 'r');
  if (progress.backslashes > 0 && c != '\\' && !ends_escape) {
    leave_armour(progress);  // an escape of something else
    return Taken::kNo;
  }
  if (!ends_escape && c != '\\' && !is_blank(c)) return Taken::kNo;
  progress.backslashes = c == '\\' ? progress.backslashes + 1 : 0;
  if (++progress.gap > kMaxGap) leave_armour(progress);
  return Taken::kYes;
}

void PatternScan::leave_armour(Progress& progress) const {
  progress.armoured = PatternSet::kStart;
  progress.gap = 0;
  progress.backslashes = 0;
  progress.gaps.clear();
}

// Bytes of gaps inside the last `depth` characters.
std::uint64_t PatternScan::gaps_within(const Progress& progress, std::uint64_t depth) {
  std::uint64_t bytes = 0;
  for (auto gap = progress.gaps.rbegin(); gap != progress.gaps.rend(); ++gap) {
    if (gap->before + depth <= progress.characters) break;
    bytes += gap->size;
  }
  return bytes;
}

void PatternScan::found(std::uint64_t begin, std::uint64_t end, std::uint32_t owner,
                        Progress& progress) {
  Span span{begin, end, owner};
  auto& spans = progress.spans;
  while (!spans.empty() && span.begin < spans.back().end) {
    if (spans.back().begin < span.begin) {
      span.begin = spans.back().begin;
      span.owner = spans.back().owner;
    }
    spans.pop_back();
  }
  spans.push_back(span);
}

std::uint64_t PatternScan::earliest_begin(const Progress& progress) const {
  const auto armour = armoured_.depth(progress.armoured);
  return progress.offset -
         std::max<std::uint64_t>(exact_.depth(progress.exact),
                                 armour + gaps_within(progress, armour) + progress.gap);
}

}  // namespace personas
