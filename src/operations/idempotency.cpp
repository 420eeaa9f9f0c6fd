#include "idempotency.hpp"

#include <algorithm>

#include "personas/base/bytes.hpp"
#include "personas/operations/runner.hpp"

namespace personas::operations {
namespace {

// Each write that keeps a key forgets at most so many: more than one, so that the table shrinks.
constexpr std::int64_t kForgottenAtOnce = 4;

}  // namespace

crypto::Digest fingerprint(const Call& call) {
  std::string text;
  text.reserve(call.path.size() + call.body_text.size() + 8);
  text.append(call.operation.method).append("\n").append(call.path).append("\n");
  text.append(call.body_text);
  // Keyed: a body may hold a password that could be found by trying.
  auto print = call.services.vault.fingerprint(text);
  wipe(text);
  return print;
}

Result<std::optional<Reply>> find_answer(const Call& call, store::Transaction& tx) {
  static const store::Sql kFind(
      "SELECT operation, fingerprint, status, body, secret FROM idempotency_keys WHERE tenant_id = "
      "? AND key = ? AND created_at > ?");
  std::optional<Reply> found;
  const auto visit = [&](const store::Row& row) -> Result<bool> {
    if (row.text(0) != call.operation.id ||
        !crypto::constant_time_equal(row.bytes(1), fingerprint(call))) {
      return fail(ErrorCode::kIdempotencyMismatch,
                  "This idempotency key was used for another request; use a new one",
                  {{"header.Idempotency-Key", "was used for another request"}});
    }
    if (row.integer(4) != 0) {
      return fail(ErrorCode::kAlreadyIssued,
                  "This request was done before, and its answer held a secret that is given once");
    }
    found.emplace(Reply{.status = static_cast<int>(row.integer(2))});
    found->body = as_text(row.bytes(3));
    if (found->body.empty()) found->content_type.clear();
    found->headers.emplace_back("Idempotency-Replayed", "true");
    return false;
  };
  TRY_VOID(
      tx.query(kFind, {call.tenant(), call.idempotency_key, call.now - kIdempotencyKept}, visit));
  return found;
}

Result<void> keep_answer(const Call& call, store::Transaction& tx, const Reply& reply) {
  static const store::Sql kForget(
      "DELETE FROM idempotency_keys WHERE (tenant_id, key) IN (SELECT tenant_id, key FROM "
      "idempotency_keys WHERE created_at <= ? ORDER BY created_at LIMIT ?)");
  // An expired key that was not forgotten yet is taken over.
  static const store::Sql kKeep(
      "INSERT INTO idempotency_keys (tenant_id, key, operation, fingerprint, status, body, secret, "
      "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, key) DO UPDATE SET "
      "operation = excluded.operation, fingerprint = excluded.fingerprint, status = "
      "excluded.status, body = excluded.body, secret = excluded.secret, created_at = "
      "excluded.created_at");
  const bool is_secret = reply.secret == Reply::Secret::kYes;
  const ByteView body = is_secret ? ByteView() : as_bytes(reply.body);
  const auto print = fingerprint(call);
  TRY_VOID(tx.execute(kForget, {call.now - kIdempotencyKept, kForgottenAtOnce}));
  TRY_VOID(tx.execute(kKeep, {call.tenant(), call.idempotency_key, call.operation.id,
                              ByteView(print), reply.status, body, is_secret ? 1 : 0, call.now}));
  return {};
}

}  // namespace personas::operations
