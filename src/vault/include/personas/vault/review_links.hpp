// Links by which a review can be answered without a key: whoever holds one may give the one answer
// of this review, until it expires, and nothing else.
//
// A token is the review's id and a MAC over tenant, id and expiry, under a key derived from the
// master key. So nothing is stored, the same review always has the same link, and a link dies with
// the review's answer or expiry. Immutable; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "personas/base/id.hpp"
#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"
#include "personas/vault/master_key.hpp"

namespace personas::vault {

class ReviewLinks {
 public:
  // 128 bits: out of reach for guessing, and a link that mail programs do not break.
  static constexpr std::size_t kMacBytes = 16;

  // `public_url`: as people reach the server, for example "https://personas.example.com"; may be
  // empty, and then there are no links.
  ReviewLinks(const MasterKey& key, std::string public_url);

  std::string token(const TenantId& tenant, const ReviewId& review, Timestamp expires) const;
  // None without a public URL.
  std::optional<std::string> link(const TenantId& tenant, const ReviewId& review,
                                  Timestamp expires) const;

  // Whose token it says it is; proves nothing.
  static std::optional<ReviewId> review_of(std::string_view token);
  // In constant time.
  bool proves(std::string_view token, const TenantId& tenant, const ReviewId& review,
              Timestamp expires) const;

  // `text` with the tokens of all links in it taken out, for those who may read but not answer.
  std::string without_tokens(std::string text) const;

 private:
  Secret key_;
  std::string prefix_;  // "https://…/r/"; empty without a public URL
};

}  // namespace personas::vault
