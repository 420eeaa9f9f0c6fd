// The table of idempotency keys, within the transaction of the write they belong to.
#pragma once

#include <optional>

#include "personas/crypto/hash.hpp"
#include "personas/operations/operation.hpp"

namespace personas::operations {

// Of what was asked: method, path and body.
crypto::Digest fingerprint(const Call& call);

// The answer of the first request with this key. kIdempotencyMismatch if that was another one,
// kAlreadyIssued if its answer held a secret.
Result<std::optional<Reply>> find_answer(const Call& call, store::Transaction& tx);

// Keeps the answer, and forgets a few that are older than kIdempotencyKept.
Result<void> keep_answer(const Call& call, store::Transaction& tx, const Reply& reply);

}  // namespace personas::operations
