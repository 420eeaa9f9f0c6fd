// Drafts as rows, and applying one. Functions over a Transaction, re-runnable.
#pragma once

#include <optional>
#include <vector>

#include "personas/design/draft.hpp"
#include "personas/design/prompt.hpp"
#include "personas/model/persona.hpp"
#include "personas/store/repositories.hpp"

namespace personas::design {

inline constexpr std::int64_t kMaxDrafts = 10'000;  // of a tenant; then old ones must be deleted

// kUnavailable when the tenant has kMaxDrafts.
Result<void> insert_draft(store::Transaction& tx, const TenantId& tenant,
                          const PersonaDraft& draft);
Result<std::optional<PersonaDraft>> find_draft(store::Transaction& tx, const TenantId& tenant,
                                               const DraftId& id);
// Newest first, without the drafts themselves.
Result<std::vector<PersonaDraft>> list_drafts(store::Transaction& tx, const TenantId& tenant,
                                              const store::Page& page);
Result<void> update_draft(store::Transaction& tx, const TenantId& tenant,
                          const PersonaDraft& draft);
Result<bool> delete_draft(store::Transaction& tx, const TenantId& tenant, const DraftId& id);

// What the tenant has; what the program brings is added by whoever knows it.
Result<Vocabulary> vocabulary_of(store::Transaction& tx, const TenantId& tenant);

struct ApplyOptions {
  std::optional<std::string> name = {};  // another than the draft's
  // A new tool of the draft whose name is taken is the one that has it.
  enum class TakenTools : std::uint8_t { kRefuse, kReuse } taken_tools = TakenTools::kRefuse;
};

// Names that stand in the way, as problems of the draft; empty when there are none. kUnprocessable
// for a draft that is not ready, kConflict for one that is applied already.
Result<std::vector<Problem>> conflicts_of(store::Transaction& tx, const TenantId& tenant,
                                          const PersonaDraft& draft, const Vocabulary& vocabulary,
                                          const ApplyOptions& options);

// The draft as documents (catalog/documents.hpp), which importing makes so: its new tools and its
// persona. kConflict, with all names that are taken.
Result<std::vector<codec::RawJson>> documents_of(store::Transaction& tx, const TenantId& tenant,
                                                 const PersonaDraft& draft,
                                                 const Vocabulary& vocabulary,
                                                 const ApplyOptions& options);

}  // namespace personas::design
