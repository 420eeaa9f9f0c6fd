// Runs calls: decodes their input, opens the transaction they need, keeps idempotency keys.
//
// A write and the record of its key are one transaction, so a request that is repeated (a hundred
// times at once, or after a crash) has its effect once and gets the first answer again.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personas/codec/json.hpp"
#include "personas/operations/operation.hpp"

namespace personas::operations {

inline constexpr std::size_t kMaxIdempotencyKey = 200;
inline constexpr Duration kIdempotencyKept = hours(24);

struct RawInput {
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  codec::ParseLimits limits;                               // of the body
};

// Fills the call's inputs from `raw` and call.body_text. All wrong fields at once, those of the
// query as "query.limit".
Result<void> decode(Call& call, const RawInput& raw);

// Of a decoded call.
Task<Result<Reply>> run(Call& call);

}  // namespace personas::operations
