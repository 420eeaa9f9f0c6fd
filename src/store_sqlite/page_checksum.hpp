// The checksum of SQLite: of the frames of its log, and of pages in the format of its checksum VFS
// (8 reserved bytes at the end of each page, https://sqlite.org/cksumvfs.html). Each step is
// invertible, so a change within one pair of words always changes the result.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace personas::store_sqlite {

// Of every database we make; the two fixed parts of the log around each page.
inline constexpr int kPageBytes = 4096;
inline constexpr int kReservedBytes = 8;
inline constexpr int kLogHeaderBytes = 32;
inline constexpr int kFrameHeaderBytes = 24;
inline constexpr int kFrameBytes = kFrameHeaderBytes + kPageBytes;

static_assert(std::endian::native == std::endian::little,
              "SQLite writes the words of its log in the machine's order");

struct PageChecksum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  bool operator==(const PageChecksum&) const = default;

  // Goes on over `bytes`, a multiple of 8.
  PageChecksum over(std::span<const std::uint8_t> bytes) const {
    auto [a, b] = *this;
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      std::uint32_t words[2];
      std::memcpy(words, bytes.data() + at, sizeof words);
      a += words[0] + b;
      b += words[1] + a;
    }
    return {a, b};
  }
  void put_little_endian(std::uint8_t* bytes) const {
    std::memcpy(bytes, &first, 4);
    std::memcpy(bytes + 4, &second, 4);
  }
  // As it stands in a page; frames of the log store it with `big_endian`.
  static PageChecksum little_endian(const std::uint8_t* bytes) {
    PageChecksum out;
    std::memcpy(&out.first, bytes, 4);
    std::memcpy(&out.second, bytes + 4, 4);
    return out;
  }
  static PageChecksum big_endian(const std::uint8_t* bytes) {
    const auto stored = little_endian(bytes);
    return {__builtin_bswap32(stored.first), __builtin_bswap32(stored.second)};
  }
};

// Of a whole page, without the bytes that hold it.
inline PageChecksum checksum_of_page(const std::uint8_t* page) {
  return PageChecksum{}.over({page, std::size_t{kPageBytes - kReservedBytes}});
}

}  // namespace personas::store_sqlite
