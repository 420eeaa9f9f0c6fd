#include "notification.hpp"

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

namespace personas::reactions {
namespace {

using delivery::Topic;
using store::Transaction;

constexpr std::size_t kDateChars = 10;  // "2026-11-21"

template <class T>
Result<T> data_of(const store::JournalRecord& record) {
  return codec::parse<T>(record.data(), {.unknown = codec::UnknownFields::kIgnore,
                                         .rules = codec::ReadOptions::Rules::kTrust});
}

// "The persona 'x'", or what stands for it.
Result<std::string> name_of_persona(Transaction& tx, const TenantId& tenant,
                                    const std::optional<PersonaId>& id) {
  if (!id) return std::string("An agent");
  TRY(const auto persona, store::find_persona(tx, tenant, *id));
  return persona ? persona->name : id->str();
}

Result<std::optional<Notice>> of_message(Transaction& tx, const store::JournalRecord& record) {
  TRY(const auto data, data_of<record::SignalRecord>(record));
  TRY(const auto message, store::find_message(tx, record.tenant, MessageId(data.id)));
  if (!message) return std::optional<Notice>();
  TRY(const auto name, name_of_persona(tx, record.tenant, data.persona_id));
  return Notice{.topic = Topic::kMessages,
                .title = name + ": " + message->title.value_or("a message"),
                .text = message->content,
                .persona_id = data.persona_id,
                .execution_id = data.execution_id,
                .review_id = {}};
}

Result<std::optional<Notice>> of_review(Transaction& tx, const store::JournalRecord& record,
                                        const vault::ReviewLinks& links) {
  TRY(const auto data, data_of<record::ReviewRecord>(record));
  TRY(const auto review, store::find_review(tx, record.tenant, data.review_id));
  if (!review) return std::optional<Notice>();
  TRY(const auto name, name_of_persona(tx, record.tenant, data.persona_id));
  const bool expired = record.type == record::kReviewExpired;
  std::optional<std::string> url;
  if (!expired && review->expires_at && review->execution_id) {
    url = links.link(record.tenant, review->id, *review->expires_at);
  }
  return Notice{.topic = expired ? Topic::kExpiries : Topic::kReviews,
                .title = fmt::format("{} {}: {}", name,
                                     expired ? "was not answered in time" : "asks for a review",
                                     review->title),
                .text = review->description,
                .persona_id = data.persona_id,
                .execution_id = data.execution_id,
                .review_id = data.review_id,
                .review_url = std::move(url)};
}

Result<std::optional<Notice>> of_status(Transaction& tx, const store::JournalRecord& record) {
  TRY(const auto data, data_of<record::ExecutionStatusChanged>(record));
  if (data.status != ExecutionStatus::kFailed) return std::optional<Notice>();
  TRY(const auto name, name_of_persona(tx, record.tenant, data.persona_id));
  const auto reason = data.failure_reason ? codec::name_of(*data.failure_reason) : "unknown";
  return Notice{.topic = Topic::kFailures,
                .title = name + " failed",
                .text = fmt::format("The execution {} failed in attempt {}: {}.",
                                    data.execution_id.str(), data.attempt, reason),
                .persona_id = data.persona_id,
                .execution_id = data.execution_id,
                .review_id = {}};
}

Result<std::optional<Notice>> of_expiry(const store::JournalRecord& record) {
  TRY(const auto data, data_of<record::CredentialExpiring>(record));
  const bool token = data.kind == "provider_token";
  const auto subject = token ? fmt::format("The {} token", data.name)
                             : fmt::format("The credential '{}'", data.name);
  const std::string_view assumed = data.assumed ? " (assumed: such tokens live a year)" : "";
  const std::string when = to_rfc3339(data.expires_at);
  const auto cure = token
                        ? fmt::format("Get a new one with: personas connect {}", data.name)
                        : std::string("Replace its value with: personas credential add --replace");
  return Notice{
      .topic = Topic::kExpiries,
      .title = subject + (data.ended ? " has ended" : " ends on " + when.substr(0, kDateChars)),
      .text = fmt::format("{} {} at {}{}. {}", subject, data.ended ? "ended" : "ends", when,
                          assumed, cure)};
}

// The command of a sink, whose own words and failures would be told to it again, without an end;
// or one that looks for a trigger, whose failures the trigger counts.
Result<bool> is_of_command(Transaction& tx, const store::JournalRecord& record) {
  static const store::Sql kSource("SELECT source FROM executions WHERE tenant_id = ? AND id = ?");
  bool own = false;
  if (record.execution_id.empty()) return own;
  TRY_VOID(tx.query(kSource, {record.tenant, record.execution_id},
                    [&](const store::Row& row) -> Result<bool> {
                      own = row.text(0) == "notification" || row.text(0) == "poll";
                      return false;
                    }));
  return own;
}

Result<std::optional<Notice>> of_type(Transaction& tx, const store::JournalRecord& record,
                                      const vault::ReviewLinks& links) {
  if (record.type == record::kCredentialExpiring) return of_expiry(record);
  if (record.type == record::kMessageCreated) return of_message(tx, record);
  if (record.type == record::kReviewRequested || record.type == record::kReviewExpired) {
    return of_review(tx, record, links);
  }
  if (record.type == record::kExecutionStatus) return of_status(tx, record);
  return std::optional<Notice>();
}

}  // namespace

Result<std::optional<Notice>> notice_of(Transaction& tx, const store::JournalRecord& record,
                                        const vault::ReviewLinks& links) {
  TRY(auto notice, of_type(tx, record, links));
  if (!notice) return notice;
  TRY(const bool own, is_of_command(tx, record));
  if (own) notice.reset();
  return notice;
}

}  // namespace personas::reactions
