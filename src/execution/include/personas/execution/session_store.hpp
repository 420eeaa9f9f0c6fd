// An agent's own session, kept off its worker until the execution is over, so that another attempt
// goes on with the conversation. It may hold anything the agent has seen, secrets too, and is not
// masked, because the agent's program has to read it again: so it is encrypted, bound to its place,
// shown to nobody and logged nowhere.
//
// A file is stored as the pieces in which it came. A piece replaces what was at its offset and
// behind it; pieces that begin earlier and reach further are cut when the file is put together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/base/secret.hpp"
#include "personas/execution/attempt_store.hpp"
#include "personas/execution/session_file.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

// Pieces of one execution; with more of them, or more bytes or files than wire/protocol.hpp allows,
// the session is given up and the next attempt starts anew.
inline constexpr std::int64_t kMaxSessionRows = 50'000;

// Encrypts what is not encrypted yet. Not in a transaction: a nonce is drawn.
void seal_session(const Secret& key, AppendRequest& request, Random& random);

// Part of append(): the sealed pieces, and the id by which the session is continued.
Result<void> store_session(store::Transaction& tx, const AppendRequest& request);

// Whether there is one to go on with.
Result<bool> has_session(store::Transaction& tx, const TenantId& tenant, const ExecutionId& id);
// Nothing if there is none, or if it cannot be put together any more.
Result<std::optional<std::vector<SessionFile>>> load_session(store::Transaction& tx,
                                                             const Secret& key,
                                                             const TenantId& tenant,
                                                             const ExecutionId& id);
// In the transaction that makes the execution final, or starts it anew.
Result<void> drop_session(store::Transaction& tx, const TenantId& tenant, const ExecutionId& id);

}  // namespace personas::execution
