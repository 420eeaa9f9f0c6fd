#include "personas/operations/streams.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/execution/execution_store.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/operations/stream_socket.hpp"

#include "journal_events.hpp"
#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

// How long a client should wait before it connects again, in milliseconds.
constexpr std::string_view kPreamble = "retry: 1000\n: connected\n\n";
std::string sse_text(const StreamEvent& event) {
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.cursor, event.type, event.data);
}

Task<void> run_stream(Services& services, Follow follow, net::ResponseStream& out) {
  if (!co_await out.write(std::string(kPreamble))) co_return;
  Instant last_write = services.clock.now();
  while (!out.closed()) {
    const auto seen = services.feed.last();
    auto batch = co_await services.store.read(
        [&](store::Transaction& tx) { return read_events(services, follow, kMaxPiece, tx); });
    if (!batch) co_return;  // the client connects again and continues where it was
    follow.after = batch->next;
    if (!batch->events.empty()) {
      std::string text;
      for (const auto& event : batch->events) text += sse_text(event);
      if (!co_await out.write(std::move(text))) co_return;
      last_write = services.clock.now();
    }
    if (batch->then == EventBatch::Then::kEnd) co_return;
    if (batch->then == EventBatch::Then::kReadOn) continue;
    const Duration silence = services.clock.now() - last_write;
    const Duration left = std::max(kKeepAlive - silence, Duration(0));
    const auto wake = co_await services.feed.wait_beyond(std::max(seen, follow.after), left);
    if (wake == store::JournalFeed::Wake::kClosed) co_return;
    if (wake == store::JournalFeed::Wake::kTimeout || left == Duration(0)) {
      if (!co_await out.write(": keep-alive\n\n")) co_return;
      last_write = services.clock.now();
    }
  }
}

Result<store::JournalPosition> resume_position(const Call& call,
                                               const std::optional<std::string>& cursor,
                                               store::JournalPosition otherwise) {
  const bool in_header = !call.last_event_id.empty();
  if (!in_header && !cursor) return otherwise;
  auto position =
      call.services.cursors.decode(call.tenant(), in_header ? call.last_event_id : *cursor);
  if (!position) {
    position.error().fields = {
        {in_header ? "header.Last-Event-ID" : "query.cursor", position.error().message}};
  }
  return position;
}

Task<Result<Reply>> stream_execution(Call& call) {
  const auto id = call.id<ExecutionId>(0);
  CO_TRY(const auto after, resume_position(call, call.query<StreamQuery>().cursor, {}));
  CO_TRY(const auto execution, co_await call.services.store.read([&](store::Transaction& tx) {
    return execution::load(tx, call.tenant(), id, execution::Output::kNone);
  }));
  Follow follow{.tenant = call.tenant(),
                .after = after,
                .execution_id = execution.id.str(),
                .persona_id = {},
                .types = {},
                .end = Follow::End::kWithExecution};
  co_return event_stream(call.services, std::move(follow));
}

// "execution.*,message.created" → the record types it stands for.
Result<std::vector<std::string>> types_of(std::string_view list) {
  std::vector<std::string> types;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (!add_types(list.substr(0, comma), types)) {
      const std::string why = fmt::format("'{}' is no record type", list.substr(0, comma));
      return fail(ErrorCode::kInvalidRequest, "query.types: " + why, {{"query.types", why}});
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return types;
}

Task<Result<Reply>> stream_journal(Call& call) {
  auto query = call.query<JournalQueryParameters>();
  auto start = call.services.store.last_position();
  if (query.cursor == "start") {
    start = {};
    query.cursor.reset();
  }
  CO_TRY(const auto after, resume_position(call, query.cursor, start));
  CO_TRY(auto types, types_of(query.types.value_or("")));
  Follow follow{.tenant = call.tenant(),
                .after = after,
                .execution_id = query.execution_id ? query.execution_id->str() : std::string(),
                .persona_id = query.persona_id ? query.persona_id->str() : std::string(),
                .types = std::move(types)};
  co_return event_stream(call.services, std::move(follow));
}

// A plain request: the server hands an upgrade to StreamSocket before it would come here.
Task<Result<Reply>> refuse_plain_request(Call&) {
  co_return fail(ErrorCode::kInvalidRequest, "Open a WebSocket here; this asks for no upgrade",
                 {{"header.Upgrade", "is not websocket"}});
}

}  // namespace

Reply event_stream(Services& services, Follow follow) {
  Reply reply{.content_type = "text/event-stream"};
  reply.stream = [&services, follow = std::move(follow)](net::ResponseStream& out) {
    return run_stream(services, follow, out);
  };
  return reply;
}

void add_streams(Table& table) {
  table.push_back({.id = "streamExecution",
                   .method = "GET",
                   .path = "/api/executions/{id}/stream",
                   .summary = "Follow an execution from its start to its end",
                   .tag = "Executions",
                   .query = input<StreamQuery>(),
                   .output = {nullptr, OutputType::Shape::kEvents},
                   .errors = {ErrorCode::kNotFound},
                   .handler = &stream_execution});
  table.push_back({.id = "streamEvents",
                   .method = "GET",
                   .path = "/v1/events",
                   .summary = "Follow everything that happens in the tenant",
                   .tag = "Events",
                   .query = input<JournalQueryParameters>(),
                   .output = {nullptr, OutputType::Shape::kEvents},
                   .handler = &stream_journal});
  table.push_back({.id = kStreamSocket,
                   .method = "GET",
                   .path = "/v1/stream",
                   .summary = "Several streams over one WebSocket (docs/streams.md)",
                   .tag = "Events",
                   .output = {nullptr, OutputType::Shape::kNone},
                   .status = 101,
                   .handler = &refuse_plain_request});
}

}  // namespace personas::operations
