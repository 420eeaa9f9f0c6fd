#include "personas/operations/page_cursor.hpp"

#include "personas/crypto/hash.hpp"

namespace personas::operations {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kTagBytes = 8;

}  // namespace

Bytes PageCursors::tag(const TenantId& tenant, std::string_view list, std::string_view last) const {
  std::string message = tenant.str();
  message.push_back('\0');
  message.append(list).push_back('\0');
  message.append(last);
  const auto digest = crypto::hmac_sha256(as_bytes(key_.reveal()), as_bytes(message));
  return {digest.begin(), digest.begin() + kTagBytes};
}

std::string PageCursors::encode(const TenantId& tenant, std::string_view list,
                                std::string_view last) const {
  Bytes bytes{kVersion};
  const auto mark = tag(tenant, list, last);
  bytes.insert(bytes.end(), mark.begin(), mark.end());
  const auto id = as_bytes(last);
  bytes.insert(bytes.end(), id.begin(), id.end());
  return to_base64url(bytes);
}

Result<std::string> PageCursors::decode(const TenantId& tenant, std::string_view list,
                                        std::string_view cursor) const {
  const auto bytes = from_base64(cursor);
  if (bytes && bytes->size() > 1 + kTagBytes && bytes->front() == kVersion) {
    const auto view = ByteView(*bytes);
    std::string last(as_text(view.subspan(1 + kTagBytes)));
    if (crypto::constant_time_equal(tag(tenant, list, last), view.subspan(1, kTagBytes))) {
      return last;
    }
  }
  constexpr std::string_view kWhy =
      "was not issued for this list; start without one, or use the one of the last page";
  return fail(ErrorCode::kInvalidRequest, "The cursor " + std::string(kWhy),
              {{"query.cursor", std::string(kWhy)}});
}

}  // namespace personas::operations
