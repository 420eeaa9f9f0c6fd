#include "personas/store/journal.hpp"

#include <cassert>
#include <memory>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "personas/codec/json.hpp"
#include "personas/store/sql.hpp"

namespace personas::store {

namespace {

constexpr std::string_view kDataMember = R"(,"data":)";
constexpr std::uint8_t kCursorVersion = 1;
constexpr std::size_t kTagBytes = 8;
constexpr std::size_t kCursorBytes = 1 + kTagBytes + sizeof(std::int64_t);

using Digest = std::array<std::uint8_t, 32>;

Digest hmac(ByteView key, ByteView message) {
  Digest out{};
  unsigned size = 0;
  const auto* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(),
                          message.size(), out.data(), &size);
  assert(done != nullptr && size == out.size());
  static_cast<void>(done);
  return out;
}

void append_big_endian(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

std::uint64_t read_big_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (const auto byte : bytes.first(8)) value = value << 8 | byte;
  return value;
}

// tenant ‖ 0; ids hold no zero byte, so what follows cannot be mistaken for a part of the tenant.
Bytes message_of(const TenantId& tenant) {
  const auto text = as_bytes(tenant.str());
  Bytes message(text.begin(), text.end());
  message.push_back(0);
  return message;
}

Digest tag_of(ByteView key, const TenantId& tenant, std::uint64_t position) {
  auto message = message_of(tenant);
  append_big_endian(message, position);
  return hmac(key, message);
}

std::uint64_t mask_of(ByteView key, const TenantId& tenant, ByteView tag) {
  auto message = message_of(tenant);
  message.insert(message.end(), tag.begin(), tag.end());
  return read_big_endian(hmac(key, message));
}

}  // namespace

const Sql& journal_insert() {
  static const Sql kInsert{
      "INSERT INTO journal (position, tenant_id, at, type, execution_id, persona_id, record, leaf) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"};
  return kInsert;
}

std::string canonical_bytes(const JournalDraft& draft) {
  std::string out;
  out.reserve(draft.data.size() + 128);
  out += R"({"v":1,"tenant":)";
  codec::append_json_string(draft.tenant.str(), out);
  fmt::format_to(std::back_inserter(out), R"(,"at":{},"type":)", draft.at.micros);
  codec::append_json_string(draft.type, out);
  out += kDataMember;
  out += draft.data;
  out += '}';
  return out;
}

std::string_view JournalRecord::data() const {
  // A quote inside a JSON string is escaped, so the first match is the member itself.
  const auto found = bytes.find(kDataMember);
  if (found == std::string::npos) return {};
  const auto begin = found + kDataMember.size();
  return std::string_view(bytes).substr(begin, bytes.size() - begin - 1);
}

std::array<std::uint8_t, 32> leaf_hash(std::string_view canonical) {
  // Fetching the algorithm and allocating a context cost more than hashing a small record.
  struct Hasher {
    std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> md{EVP_MD_fetch(nullptr, "SHA256", nullptr),
                                                       &EVP_MD_free};
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                    &EVP_MD_CTX_free};
  };
  static thread_local Hasher hasher;
  constexpr std::uint8_t kLeafPrefix = 0;
  std::array<std::uint8_t, 32> out{};
  const bool hashed =
      EVP_DigestInit_ex2(hasher.context.get(), hasher.md.get(), nullptr) == 1 &&
      EVP_DigestUpdate(hasher.context.get(), &kLeafPrefix, 1) == 1 &&
      EVP_DigestUpdate(hasher.context.get(), canonical.data(), canonical.size()) == 1 &&
      EVP_DigestFinal_ex(hasher.context.get(), out.data(), nullptr) == 1;
  assert(hashed);
  static_cast<void>(hashed);
  return out;
}

CursorCodec::CursorCodec(ByteView key)
    : tag_key_(hmac(key, as_bytes("personas journal cursor tag v1"))),
      mask_key_(hmac(key, as_bytes("personas journal cursor mask v1"))) {}

std::string CursorCodec::encode(const TenantId& tenant, JournalPosition position) const {
  const auto value = static_cast<std::uint64_t>(position.value);
  const auto digest = tag_of(tag_key_, tenant, value);
  const auto tag = ByteView(digest).first(kTagBytes);
  Bytes out{kCursorVersion};
  out.insert(out.end(), tag.begin(), tag.end());
  append_big_endian(out, value ^ mask_of(mask_key_, tenant, tag));
  return to_base64url(out);
}

Result<JournalPosition> CursorCodec::decode(const TenantId& tenant, std::string_view cursor) const {
  const auto refused = [] {
    return fail(
        ErrorCode::kInvalidRequest,
        "this cursor was not issued here; start without one, or with the last you received");
  };
  const auto bytes = from_base64(cursor);
  if (!bytes || bytes->size() != kCursorBytes || (*bytes)[0] != kCursorVersion ||
      to_base64url(*bytes) != cursor) {
    return refused();
  }
  const auto tag = ByteView(*bytes).subspan(1, kTagBytes);
  const auto value =
      read_big_endian(ByteView(*bytes).subspan(1 + kTagBytes)) ^ mask_of(mask_key_, tenant, tag);
  const auto expected = tag_of(tag_key_, tenant, value);
  if (CRYPTO_memcmp(expected.data(), tag.data(), kTagBytes) != 0) return refused();
  return JournalPosition{static_cast<std::int64_t>(value)};
}

}  // namespace personas::store
