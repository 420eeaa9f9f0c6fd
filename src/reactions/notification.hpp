// Which records people are told of.
#pragma once

#include <optional>

#include "personas/base/error.hpp"
#include "personas/delivery/notice.hpp"
#include "personas/store/store.hpp"
#include "personas/vault/review_links.hpp"

namespace personas::reactions {

using delivery::Notice;

// None: the record is nothing that people are told, or what it tells of is gone.
Result<std::optional<Notice>> notice_of(store::Transaction& tx, const store::JournalRecord& record,
                                        const vault::ReviewLinks& links);

}  // namespace personas::reactions
