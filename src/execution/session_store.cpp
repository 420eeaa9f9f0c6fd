#include "personas/execution/session_store.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/crypto/aead.hpp"
#include "personas/wire/protocol.hpp"

namespace personas::execution {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

// The path of the row that says: given up. Files have longer ones.
constexpr std::string_view kGivenUp;

// Ids hold no zero byte and a path none either, so the parts cannot be mistaken for each other.
std::string binding(const TenantId& tenant, const ExecutionId& id, std::string_view path,
                    std::int64_t start) {
  std::string text = tenant.str();
  text.push_back('\0');
  text.append(id.str()).push_back('\0');
  text.append(path).push_back('\0');
  return text + fmt::format("{}", start);
}

struct Extent {
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  std::int64_t files = 0;
  bool given_up = false;
};

Result<Extent> extent_of(Transaction& tx, const TenantId& tenant, const ExecutionId& id) {
  static const Sql kExtent(
      "SELECT path, COUNT(*), SUM(size) FROM session_parts WHERE tenant_id = ? AND execution_id = "
      "? GROUP BY path");
  Extent extent;
  TRY_VOID(tx.query(kExtent, {tenant, id}, [&](const Row& row) -> Result<bool> {
    extent.given_up = extent.given_up || row.text(0) == kGivenUp;
    ++extent.files;
    extent.rows += row.integer(1);
    extent.bytes += row.integer(2);
    return true;
  }));
  return extent;
}

bool is_beyond_limits(const Extent& extent) {
  return extent.rows > kMaxSessionRows || extent.bytes > wire::kMaxSessionBytes ||
         extent.files > static_cast<std::int64_t>(wire::kMaxSessionFiles);
}

Result<std::int64_t> end_of(Transaction& tx, const AppendRequest& request,
                            const std::string& path) {
  static const Sql kLast(
      "SELECT start, size FROM session_parts WHERE tenant_id = ? AND execution_id = ? AND path = ? "
      "ORDER BY start DESC LIMIT 1");
  std::int64_t end = 0;
  TRY_VOID(tx.query(kLast, {request.tenant, request.id, path}, [&](const Row& row) -> Result<bool> {
    end = row.integer(0) + row.integer(1);
    return false;
  }));
  return end;
}

Result<void> insert(Transaction& tx, const AppendRequest& request, std::string_view path,
                    const FrameEntry::SessionPart& part) {
  static const Sql kInsert(
      "INSERT INTO session_parts (tenant_id, execution_id, path, start, size, nonce, ciphertext) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)");
  TRY_VOID(tx.execute(kInsert, {request.tenant, request.id, path, part.offset, part.size,
                                ByteView(part.nonce), ByteView(part.ciphertext)}));
  return {};
}

Result<void> give_up(Transaction& tx, const AppendRequest& request) {
  TRY_VOID(drop_session(tx, request.tenant, request.id));
  return insert(tx, request, kGivenUp, {});
}

Result<void> store_part(Transaction& tx, const AppendRequest& request,
                        const FrameEntry::SessionPart& part) {
  static const Sql kCut(
      "DELETE FROM session_parts WHERE tenant_id = ? AND execution_id = ? AND path = ? AND start "
      ">= ?");
  TRY(auto extent, extent_of(tx, request.tenant, request.id));
  if (extent.given_up) return {};
  TRY(const auto end, end_of(tx, request, part.path));
  if (part.offset > end) return give_up(tx, request);  // bytes are missing
  TRY_VOID(tx.execute(kCut, {request.tenant, request.id, part.path, part.offset}));
  TRY_VOID(insert(tx, request, part.path, part));
  TRY(extent, extent_of(tx, request.tenant, request.id));
  return is_beyond_limits(extent) ? give_up(tx, request) : Result<void>();
}

// A last line that is cut would run into the next one that is appended.
void cut_to_lines(SessionFile& file) {
  if (file.path.ends_with(".jsonl")) file.content.resize(file.content.rfind('\n') + 1);
}

Result<Secret> open_part(const Secret& key, const TenantId& tenant, const ExecutionId& id,
                         const Row& row) {
  crypto::Nonce nonce{};
  const auto stored = row.bytes(3);
  if (stored.size() != nonce.size()) return fail(ErrorCode::kCorrupt, "a part has no valid nonce");
  std::ranges::copy(stored, nonce.begin());
  return crypto::open(key, nonce, row.bytes(4),
                      as_bytes(binding(tenant, id, row.text(0), row.integer(1))));
}

}  // namespace

void seal_session(const Secret& key, AppendRequest& request, Random& random) {
  for (auto& frame : request.frames) {
    if (!frame.session || !frame.session->nonce.empty()) continue;
    auto& part = *frame.session;
    const auto nonce = crypto::make_nonce(random);
    part.size = static_cast<std::int64_t>(part.data.size());
    part.ciphertext =
        crypto::seal(key, nonce, as_bytes(part.data),
                     as_bytes(binding(request.tenant, request.id, part.path, part.offset)));
    part.nonce.assign(nonce.begin(), nonce.end());
    wipe(part.data);
    part.data.clear();
  }
}

Result<void> store_session(Transaction& tx, const AppendRequest& request) {
  const FrameEntry::SessionPart* named = nullptr;
  for (const auto& frame : request.frames) {
    if (!frame.session) continue;
    TRY_VOID(store_part(tx, request, *frame.session));
    if (frame.session->session_id) named = &*frame.session;
  }
  if (named == nullptr) return {};
  return remember_session(tx, request.tenant, request.id, *named->session_id, request.backend);
}

Result<bool> has_session(Transaction& tx, const TenantId& tenant, const ExecutionId& id) {
  TRY(const auto extent, extent_of(tx, tenant, id));
  return extent.rows > 0 && !extent.given_up;
}

Result<std::optional<std::vector<SessionFile>>> load_session(Transaction& tx, const Secret& key,
                                                             const TenantId& tenant,
                                                             const ExecutionId& id) {
  static const Sql kParts(
      "SELECT path, start, size, nonce, ciphertext FROM session_parts WHERE tenant_id = ? AND "
      "execution_id = ? ORDER BY path, start");
  std::vector<SessionFile> files;
  bool whole = true;
  TRY_VOID(tx.query(kParts, {tenant, id}, [&](const Row& row) -> Result<bool> {
    const auto text = open_part(key, tenant, id, row);
    if (files.empty() || files.back().path != row.text(0)) {
      files.push_back({std::string(row.text(0)), {}});
    }
    auto& content = files.back().content;
    const auto start = static_cast<std::size_t>(row.integer(1));
    whole = text && start <= content.size();
    if (whole) {
      content.resize(start);
      content += text->reveal();
    }
    return whole;
  }));
  for (auto& file : files) cut_to_lines(file);
  std::erase_if(files, [](const SessionFile& file) { return file.content.empty(); });
  if (!whole || files.empty()) return std::optional<std::vector<SessionFile>>();
  return std::optional(std::move(files));
}

Result<void> drop_session(Transaction& tx, const TenantId& tenant, const ExecutionId& id) {
  static const Sql kDrop("DELETE FROM session_parts WHERE tenant_id = ? AND execution_id = ?");
  TRY_VOID(tx.execute(kDrop, {tenant, id}));
  return {};
}

}  // namespace personas::execution
