// The journal: one append-only record of everything that happened (docs/decisions/0004-journal.md).
//
// A record is written in the transaction that makes its fact true. Its bytes are canonical JSON
//   {"v":1,"tenant":…,"at":…,"type":…,"data":{…}}
// in exactly this member order, `at` in microseconds, `data` as the described struct writes it.
// `leaf` is SHA-256(0x00 ‖ bytes), the Merkle leaf of RFC 6962, so that the audit log, bridges and
// attestations need no second write. Records carry ids, digests and sizes, never secrets or output.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "personas/base/bytes.hpp"
#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"

namespace personas::store {

// Strictly rising per database, with gaps allowed. Never shown to clients: see Cursor.
struct JournalPosition {
  std::int64_t value = 0;
  auto operator<=>(const JournalPosition&) const = default;
};

inline constexpr std::size_t kMaxRecordBytes = 65'535;  // an audit tile entry (C2SP tlog-tiles)

// What a transaction appends. `type` is one of the closed list in model/journal_records.hpp.
struct JournalDraft {
  TenantId tenant;
  Timestamp at;
  std::string_view type;               // static storage
  std::string data;                    // canonical JSON object
  std::string_view execution_id = {};  // indexed, for the stream of one execution
  std::string_view persona_id = {};    // indexed by filter only
};

struct JournalRecord {
  JournalPosition position;
  TenantId tenant;
  Timestamp at;
  std::string type;
  std::string execution_id;       // empty if none
  std::string persona_id;         // empty if none
  std::string bytes;              // the canonical bytes
  std::string_view data() const;  // the data object within `bytes`
};

class Sql;
// Positions continue from the last row, so whoever thins out the journal keeps its last record.
// Parameters: position, tenant_id, at, type, execution_id, persona_id, record, leaf. For engines.
const Sql& journal_insert();

std::string canonical_bytes(const JournalDraft& draft);
std::array<std::uint8_t, 32> leaf_hash(std::string_view canonical);

// Turns positions into opaque cursors of one tenant and back. A cursor of another tenant, a
// changed one, or text that never was one, is refused. Deterministic, so that equal positions give
// equal cursors (an SSE client may compare ids). Keyed with a key derived from the master key.
class CursorCodec {
 public:
  explicit CursorCodec(ByteView key);
  std::string encode(const TenantId& tenant, JournalPosition position) const;
  Result<JournalPosition> decode(const TenantId& tenant, std::string_view cursor) const;

 private:
  using Key = std::array<std::uint8_t, 32>;
  Key tag_key_;   // authenticates (tenant, position)
  Key mask_key_;  // hides the position; derived from the tag, so equal positions look equal
};

}  // namespace personas::store
