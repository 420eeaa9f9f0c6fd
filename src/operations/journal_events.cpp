#include "journal_events.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/execution/execution_store.hpp"
#include "personas/execution/turn_store.hpp"
#include "personas/model/journal_record_types.hpp"
#include "personas/store/journal_reader.hpp"

namespace personas::operations {
namespace {

constexpr codec::ReadOptions kOurOwn{.unknown = codec::UnknownFields::kIgnore,
                                     .read_only = codec::ReadOptions::ReadOnly::kAccept,
                                     .rules = codec::ReadOptions::Rules::kTrust};

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

Result<StreamEvent> event_of(const Services& services, const store::JournalRecord& record,
                             store::Transaction& tx) {
  std::string chunk;
  std::string data(record.data());
  if (record.type == record::kExecutionOutput) {
    TRY(chunk, chunk_of(tx, record));
  } else if (record.type == record::kExecutionTurn) {
    TRY(data, data_of_turn(tx, record));
  }
  return StreamEvent{.cursor = services.cursors.encode(record.tenant, record.position),
                     .type = record.type,
                     .data = event_data(record.at, data, chunk)};
}

}  // namespace

std::string event_data(Timestamp at, std::string_view data, std::string_view chunk) {
  const auto members = data.size() > 2 ? data.substr(1, data.size() - 2) : std::string_view();
  return fmt::format("{{\"at\":\"{}\"{}{}{}{}}}", to_rfc3339(at), members.empty() ? "" : ",",
                     members, chunk.empty() ? "" : ",\"chunk\":", chunk);
}

Result<EventBatch> read_events(const Services& services, const Follow& follow,
                               std::size_t max_bytes, store::Transaction& tx) {
  store::JournalQuery query{.after = follow.after,
                            .tenant = follow.tenant,
                            .execution_id = follow.execution_id,
                            .persona_id = follow.persona_id,
                            .types = {follow.types.begin(), follow.types.end()},
                            .limit = kMaxRecordsPerRead};
  TRY(const auto page, store::read_journal(tx, query));
  EventBatch batch{.events = {}, .next = follow.after};
  for (const auto& record : page.records) {
    TRY(auto event, event_of(services, record, tx));
    batch.bytes += event.data.size();
    batch.events.push_back(std::move(event));
    batch.next = record.position;
    if (follow.end == Follow::End::kWithExecution) {
      TRY(const bool ends, is_end(record));
      if (ends) {
        batch.then = EventBatch::Then::kEnd;
        return batch;
      }
    }
    if (batch.bytes > max_bytes) {
      batch.then = EventBatch::Then::kReadOn;
      return batch;
    }
  }
  batch.next = page.next;
  if (page.more == store::JournalPage::More::kMaybe) {
    batch.then = EventBatch::Then::kReadOn;
  } else if (page.records.empty() && follow.end == Follow::End::kWithExecution) {
    // Continued from the last record: it will not come again.
    TRY(const auto execution, execution::load(tx, follow.tenant, ExecutionId(follow.execution_id),
                                              execution::Output::kNone));
    if (is_final(execution.status)) batch.then = EventBatch::Then::kEnd;
  }
  return batch;
}

bool add_types(std::string_view wanted, std::vector<std::string>& types) {
  const auto before = types.size();
  for (const auto& type : record::kRecordTypes) {
    const bool matches = wanted.ends_with('*')
                             ? type.name.starts_with(wanted.substr(0, wanted.size() - 1))
                             : type.name == wanted;
    if (matches) types.emplace_back(type.name);
  }
  return types.size() > before;
}

}  // namespace personas::operations
