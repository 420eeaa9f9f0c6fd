// API tokens: orc_<kind>_ + 30 random characters of [0-9A-Za-z] + 6 characters of checksum.
//
// The checksum is CRC-32 over everything before it, kind included, in the same alphabet. It is no
// protection: it lets clients, scanners and log redactors tell a token from other text, and a
// mistyped one be refused, without asking a database. 30 characters carry 178 bits, so a token
// needs no slow hash: its SHA-256 is what is stored.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "personas/base/clock.hpp"
#include "personas/base/secret.hpp"

namespace personas::crypto {

enum class TokenKind : std::uint8_t {
  kPersonal,  // pat: the API, for a person or a program
  kWorker,    // wrk: a worker's connection
  kRun,       // run: one execution
  kService,   // svc: one service to another
};

std::string_view name_of(TokenKind kind);

Secret make_token(TokenKind kind, Random& random);

// The kind of a well-formed token with a right checksum.
std::optional<TokenKind> token_kind(std::string_view text);

// CRC-32 (IEEE 802.3), as in zlib.
std::uint32_t crc32(std::string_view text);

}  // namespace personas::crypto
