#include "personas/crypto/token.hpp"

namespace personas::crypto {
namespace {

constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kPrefix = "orc_";
constexpr std::size_t kKindLength = 3;
constexpr std::size_t kRandomLength = 30;
constexpr std::size_t kChecksumLength = 6;  // 62^6 > 2^32
constexpr std::size_t kTokenLength =
    kPrefix.size() + kKindLength + 1 + kRandomLength + kChecksumLength;

constexpr std::array kKinds{TokenKind::kPersonal, TokenKind::kWorker, TokenKind::kRun,
                            TokenKind::kService};

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1) != 0 ? 0xEDB88320U ^ (value >> 1) : value >> 1;
    }
    table[i] = value;
  }
  return table;
}();

std::string checksum(std::string_view text) {
  std::uint32_t value = crc32(text);
  std::string digits(kChecksumLength, '0');
  for (auto it = digits.rbegin(); it != digits.rend(); ++it) {
    *it = kAlphabet[value % kAlphabet.size()];
    value /= static_cast<std::uint32_t>(kAlphabet.size());
  }
  return digits;
}

}  // namespace

std::string_view name_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::kPersonal:
      return "pat";
    case TokenKind::kWorker:
      return "wrk";
    case TokenKind::kRun:
      return "run";
    case TokenKind::kService:
      return "svc";
  }
  return "pat";
}

std::uint32_t crc32(std::string_view text) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : text) {
    crc = kCrcTable[(crc ^ static_cast<std::uint8_t>(c)) & 0xFFU] ^ (crc >> 8);
  }
  return ~crc;
}

Secret make_token(TokenKind kind, Random& random) {
  std::string text;
  text.reserve(kTokenLength);
  text.append(kPrefix).append(name_of(kind)).push_back('_');
  for (std::size_t i = 0; i < kRandomLength; ++i) text += kAlphabet[random.below(kAlphabet.size())];
  text += checksum(text);
  return Secret(std::move(text));
}

std::optional<TokenKind> token_kind(std::string_view text) {
  if (text.size() != kTokenLength || !text.starts_with(kPrefix)) return std::nullopt;
  if (text[kPrefix.size() + kKindLength] != '_') return std::nullopt;
  const auto body = text.substr(0, kTokenLength - kChecksumLength);
  if (body.find_first_not_of(kAlphabet, kPrefix.size() + kKindLength + 1) != body.npos ||
      text.substr(body.size()) != checksum(body)) {
    return std::nullopt;
  }
  for (const auto kind : kKinds) {
    if (text.substr(kPrefix.size(), kKindLength) == name_of(kind)) return kind;
  }
  return std::nullopt;
}

}  // namespace personas::crypto
