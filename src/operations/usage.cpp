// What was used.
#include "personas/model/metering.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/metering.hpp"

#include "reply.hpp"
#include "subjects.hpp"
#include "usage_query.hpp"

namespace personas::operations {
namespace {

constexpr Duration kDefaultPeriod = hours(30 * 24);
constexpr Duration kLongestPeriod = hours(366 * 24);

Result<Reply> get_usage(Call& call, store::Transaction& tx) {
  const auto& query = call.query<UsageQuery>();
  const Timestamp until = query.until.value_or(call.now + hours(1));
  const Timestamp since = query.since.value_or(until - kDefaultPeriod);
  if (since >= until || until - since > kLongestPeriod) {
    const std::string why = "must be before until, by at most 366 days";
    return fail(ErrorCode::kInvalidRequest, "query.since: " + why, {{"query.since", why}});
  }
  TRY(const auto report,
      store::usage(tx, call.tenant(), {since, until, query.group_by, query.persona_id}));
  return json_reply(200, report);
}

}  // namespace

void add_usage(Table& table) {
  table.push_back({.id = "getUsage",
                   .method = "GET",
                   .path = "/api/usage",
                   .summary = "What was used: executions, time, tokens, cost, credentials, events",
                   .tag = "Usage",
                   .query = input<UsageQuery>(),
                   .output = one<UsageReport>(),
                   .handler = &get_usage});
}

}  // namespace personas::operations
