#include "personas/vault/review_links.hpp"

#include <algorithm>

#include "personas/base/bytes.hpp"
#include "personas/crypto/hash.hpp"

namespace personas::vault {
namespace {

constexpr char kSeparator = '.';
constexpr std::string_view kTokenCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

std::string prefix_of(std::string url) {
  if (url.empty()) return {};
  while (url.ends_with('/')) url.pop_back();
  return url + "/r/";
}

}  // namespace

ReviewLinks::ReviewLinks(const MasterKey& key, std::string public_url)
    : key_(key.derive(key_labels::kReviewLinks)), prefix_(prefix_of(std::move(public_url))) {}

std::string ReviewLinks::token(const TenantId& tenant, const ReviewId& review,
                               Timestamp expires) const {
  // No id holds a zero byte, so that no two of them read alike.
  std::string message = tenant.str();
  message.push_back('\0');
  message.append(review.str()).push_back('\0');
  message += std::to_string(expires.micros);
  const auto digest = crypto::hmac_sha256(as_bytes(key_.reveal()), as_bytes(message));
  return review.str() + kSeparator + to_base64url(ByteView(digest).first(kMacBytes));
}

std::optional<std::string> ReviewLinks::link(const TenantId& tenant, const ReviewId& review,
                                             Timestamp expires) const {
  if (prefix_.empty()) return {};
  return prefix_ + token(tenant, review, expires);
}

std::optional<ReviewId> ReviewLinks::review_of(std::string_view token) {
  const std::size_t at = token.rfind(kSeparator);
  if (at == std::string_view::npos || at == 0 || at + 1 == token.size()) return {};
  return ReviewId(std::string(token.substr(0, at)));
}

bool ReviewLinks::proves(std::string_view token, const TenantId& tenant, const ReviewId& review,
                         Timestamp expires) const {
  const std::string right = this->token(tenant, review, expires);
  return crypto::constant_time_equal(as_bytes(right), as_bytes(token));
}

std::string ReviewLinks::without_tokens(std::string text) const {
  if (prefix_.empty()) return text;
  for (std::size_t at = text.find(prefix_); at != text.npos; at = text.find(prefix_, at)) {
    at += prefix_.size();
    const std::size_t end = std::min(text.find_first_not_of(kTokenCharacters, at), text.size());
    text.replace(at, end - at, "…");
  }
  return text;
}

}  // namespace personas::vault
