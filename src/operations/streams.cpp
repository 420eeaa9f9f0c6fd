#include "personas/operations/streams.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/execution/execution_store.hpp"
#include "personas/execution/turn_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/journal_reader.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

// How long a client should wait before it connects again, in milliseconds.
constexpr std::string_view kPreamble = "retry: 1000\n: connected\n\n";
constexpr codec::ReadOptions kOurOwn{.unknown = codec::UnknownFields::kIgnore,
                                     .read_only = codec::ReadOptions::ReadOnly::kAccept,
                                     .rules = codec::ReadOptions::Rules::kTrust};

// What one read of the journal gave.
struct Batch {
  std::string text;
  store::JournalPosition next;
  enum class Then : std::uint8_t { kWait, kReadOn, kEnd } then = Then::kWait;
};

Result<std::string> chunk_of(store::Transaction& tx, const store::JournalRecord& record) {
  TRY(const auto data, codec::parse<record::ExecutionOutput>(record.data(), kOurOwn));
  TRY(const auto piece,
      execution::load_output(tx, record.tenant, data.execution_id, data.attempt, data.last_seq));
  std::string chunk = "null";  // the block is gone after retention
  if (piece) {
    chunk.clear();
    codec::append_json_string(piece->text, chunk);
  }
  return chunk;
}

// The record with the members of its turn as it is now, instead of its numbers alone.
Result<std::string> data_of_turn(store::Transaction& tx, const store::JournalRecord& record) {
  TRY(const auto data, codec::parse<record::ExecutionTurn>(record.data(), kOurOwn));
  TRY(const auto turn,
      execution::load_turn(tx, record.tenant, data.execution_id, data.attempt, data.turn));
  if (!turn || turn->size() <= 2) return std::string(record.data());
  std::string joined = R"({"executionId":)";
  codec::append_json_string(data.execution_id.str(), joined);
  return joined + "," + turn->substr(1);
}

Result<bool> is_end(const store::JournalRecord& record) {
  if (record.type != record::kExecutionStatus) return false;
  TRY(const auto data, codec::parse<record::ExecutionStatusChanged>(record.data(), kOurOwn));
  return is_final(data.status);
}

Result<Batch> read_batch(const Services& services, const Follow& follow, store::Transaction& tx) {
  store::JournalQuery query{.after = follow.after,
                            .tenant = follow.tenant,
                            .execution_id = follow.execution_id,
                            .persona_id = follow.persona_id,
                            .types = {follow.types.begin(), follow.types.end()},
                            .limit = kMaxRecordsPerRead};
  TRY(const auto page, store::read_journal(tx, query));
  Batch batch{.text = {}, .next = follow.after};
  for (const auto& record : page.records) {
    std::string chunk;
    std::string data(record.data());
    if (record.type == record::kExecutionOutput) {
      TRY(chunk, chunk_of(tx, record));
    } else if (record.type == record::kExecutionTurn) {
      TRY(data, data_of_turn(tx, record));
    }
    const auto cursor = services.cursors.encode(follow.tenant, record.position);
    batch.text += sse_event(record, cursor, data, chunk);
    batch.next = record.position;
    if (follow.end == Follow::End::kWithExecution) {
      TRY(const bool ends, is_end(record));
      if (ends) {
        batch.then = Batch::Then::kEnd;
        return batch;
      }
    }
    if (batch.text.size() > kMaxPiece) {
      batch.then = Batch::Then::kReadOn;
      return batch;
    }
  }
  batch.next = page.next;
  if (page.more == store::JournalPage::More::kMaybe) {
    batch.then = Batch::Then::kReadOn;
  } else if (page.records.empty() && follow.end == Follow::End::kWithExecution) {
    // Continued from the last record: it will not come again.
    TRY(const auto execution, execution::load(tx, follow.tenant, ExecutionId(follow.execution_id),
                                              execution::Output::kNone));
    if (is_final(execution.status)) batch.then = Batch::Then::kEnd;
  }
  return batch;
}

Task<void> run_stream(Services& services, Follow follow, net::ResponseStream& out) {
  if (!co_await out.write(std::string(kPreamble))) co_return;
  Instant last_write = services.clock.now();
  while (!out.closed()) {
    const auto seen = services.feed.last();
    auto batch = co_await services.store.read(
        [&](store::Transaction& tx) { return read_batch(services, follow, tx); });
    if (!batch) co_return;  // the client connects again and continues where it was
    follow.after = batch->next;
    if (!batch->text.empty()) {
      if (!co_await out.write(std::move(batch->text))) co_return;
      last_write = services.clock.now();
    }
    if (batch->then == Batch::Then::kEnd) co_return;
    if (batch->then == Batch::Then::kReadOn) continue;
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
    const auto wanted = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    const auto before = types.size();
    for (const auto& type : record::kRecordTypes) {
      const bool matches = wanted.ends_with('*')
                               ? type.name.starts_with(wanted.substr(0, wanted.size() - 1))
                               : type.name == wanted;
      if (matches) types.emplace_back(type.name);
    }
    if (types.size() == before) {
      const std::string why = fmt::format("'{}' is no record type", wanted);
      return fail(ErrorCode::kInvalidRequest, "query.types: " + why, {{"query.types", why}});
    }
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

}  // namespace

std::string sse_event(const store::JournalRecord& record, std::string_view cursor,
                      std::string_view data, std::string_view chunk) {
  const auto members = data.size() > 2 ? data.substr(1, data.size() - 2) : std::string_view();
  return fmt::format("id: {}\nevent: {}\ndata: {{\"at\":\"{}\"{}{}{}{}}}\n\n", cursor, record.type,
                     to_rfc3339(record.at), members.empty() ? "" : ",", members,
                     chunk.empty() ? "" : ",\"chunk\":", chunk);
}

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
}

}  // namespace personas::operations
