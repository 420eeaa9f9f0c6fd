#include "personas/reactions/command_looks.hpp"

#include <memory>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/execution/output_reader.hpp"
#include "personas/reactor/watches.hpp"

namespace personas::reactions {
namespace {

using reactor::AfterCommit;
using reactor::Reaction;
using store::Transaction;
using triggers::kMaxPolledBytes;
using triggers::Looked;

Result<Looked> read_output(Transaction& tx, const TenantId& tenant, const Execution& execution) {
  if (execution.status != ExecutionStatus::kCompleted) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("The command has ended as {}: {}", codec::name_of(execution.status),
                            execution.error_message.value_or("no reason is known")));
  }
  Looked looked;
  bool whole = true;
  TRY_VOID(execution::visit_stdout(
      tx, tenant, execution.id, execution.attempt, [&](std::string_view text) {
        whole = whole && looked.text.size() + text.size() <= kMaxPolledBytes;
        if (whole) looked.text += text;
      }));
  if (whole) return looked;
  return fail(ErrorCode::kPayloadTooLarge,
              fmt::format("The command has printed more than the {} bytes that are looked at",
                          kMaxPolledBytes));
}

}  // namespace

Result<void> start_command(Transaction& tx, execution::Executions& executions,
                           const TenantId& tenant, const triggers::CommandLook& look,
                           AfterCommit& after) {
  TRY_VOID(executions.admit(tenant));
  ExecutionConfig config;
  config.backend = "command";
  config.timeout_ms = kCommandTimeoutMs;
  config.max_output_bytes = static_cast<std::int64_t>(kMaxPolledBytes);
  config.permission_policy =
      codec::RawJson{codec::serialize(boost::json::object{{"command", look.command}})};
  execution::ExecuteRequest request;
  request.persona_id = look.trigger.persona_id;
  request.trigger_id = look.trigger.id;
  request.config = std::move(config);
  TRY(auto enqueued,
      execution::enqueue(tx, tenant, look.id, request, execution::Source::kPoll, look.now));
  TRY_VOID(reactor::watch(tx, tenant, {look.id, reactor::Purpose::kPoll, look.trigger.id.str()}));
  after.push_back(
      [&executions, queued = std::move(enqueued.queued)] { executions.enqueued(queued); });
  return {};
}

Result<Reaction> look_at_command(Transaction& tx, const EndedCommand& ended,
                                 const triggers::FiringPorts& ports, Timestamp now,
                                 Random& random) {
  const auto end = std::make_shared<const triggers::CommandEnd>(
      triggers::CommandEnd{.tenant = ended.tenant,
                           .trigger = ended.trigger,
                           .execution = ended.execution.id,
                           .looked = read_output(tx, ended.tenant, ended.execution),
                           .ids = triggers::FiringIds::make(now, random),
                           .pause_event = EventId::make(now, random)});
  return Reaction([end, &ports, now](Transaction& write, AfterCommit& after) -> Result<void> {
    TRY(const bool mine, reactor::take_watch(write, end->tenant, end->execution));
    if (!mine) return {};
    TRY_VOID(triggers::finish_command(write, ports, *end, now, after));
    return {};
  });
}

}  // namespace personas::reactions
