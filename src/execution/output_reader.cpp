#include "personas/execution/output_reader.hpp"

#include "personas/execution/output_codec.hpp"

namespace personas::execution {

Result<void> visit_stdout(store::Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                          std::int64_t attempt,
                          const std::function<void(std::string_view text)>& visit) {
  static const store::Sql kBlocks(
      "SELECT codec, data, size FROM output_blocks WHERE tenant_id = ? AND execution_id = ? AND "
      "attempt = ? AND stream = 'stdout' ORDER BY last_seq");
  TRY_VOID(
      tx.query(kBlocks, {tenant, id, attempt}, [&](const store::Row& block) -> Result<bool> {
        TRY(const auto text, unpack_output(block.text(0), block.bytes(1), block.integer(2)));
        visit(text);
        return true;
      }));
  return {};
}

}  // namespace personas::execution
