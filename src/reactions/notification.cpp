#include "notification.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/delivery/filter.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

namespace personas::reactions {
namespace {

using delivery::Topic;
using store::Transaction;

// Slack takes no longer ones.
constexpr std::size_t kMaxSlackTitle = 150;
constexpr std::size_t kMaxSlackText = 3'000;
// A receiver of webhooks is asked to take 20 KB.
constexpr std::size_t kMaxText = 16'000;

template <class T>
Result<T> data_of(const store::JournalRecord& record) {
  return codec::parse<T>(record.data(), {.unknown = codec::UnknownFields::kIgnore,
                                         .rules = codec::ReadOptions::Rules::kTrust});
}

std::string quoted(std::string_view text) {
  std::string out;
  codec::append_json_string(text, out);
  return out;
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

Result<std::optional<Notice>> of_review(Transaction& tx, const store::JournalRecord& record) {
  TRY(const auto data, data_of<record::ReviewRecord>(record));
  TRY(const auto review, store::find_review(tx, record.tenant, data.review_id));
  if (!review) return std::optional<Notice>();
  TRY(const auto name, name_of_persona(tx, record.tenant, data.persona_id));
  const bool expired = record.type == record::kReviewExpired;
  return Notice{.topic = expired ? Topic::kExpiries : Topic::kReviews,
                .title = fmt::format("{} {}: {}", name,
                                     expired ? "was not answered in time" : "asks for a review",
                                     review->title),
                .text = review->description,
                .persona_id = data.persona_id,
                .execution_id = data.execution_id,
                .review_id = data.review_id};
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

// What Slack reads as its own markup.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string slack_body(const Notice& notice) {
  const std::string title(utf8_prefix(notice.title, kMaxSlackTitle));
  // Escaping makes it at most five times as long; what is cut is cut before.
  const std::string text = escaped(utf8_prefix(notice.text, kMaxSlackText / 5));
  return fmt::format(
      R"({{"text":{},"blocks":[{{"type":"header","text":{{"type":"plain_text","text":{}}}}},)"
      R"({{"type":"section","text":{{"type":"mrkdwn","text":{}}}}}]}})",
      quoted(escaped(title)), quoted(title), quoted(text.empty() ? "-" : text));
}

void append_id(std::string& out, std::string_view name, std::string_view id) {
  out += fmt::format(R"(,"{}":{})", name, quoted(id));
}

}  // namespace

Result<std::optional<Notice>> notice_of(Transaction& tx, const store::JournalRecord& record) {
  if (record.type == record::kMessageCreated) return of_message(tx, record);
  if (record.type == record::kReviewRequested || record.type == record::kReviewExpired) {
    return of_review(tx, record);
  }
  if (record.type == record::kExecutionStatus) return of_status(tx, record);
  return std::optional<Notice>();
}

bool is_told(const delivery::Endpoint& sink, const Notice& notice) {
  if (sink.persona_id && sink.persona_id != notice.persona_id) return false;
  return std::ranges::find(sink.notify, notice.topic) != sink.notify.end();
}

std::string notification_body(delivery::Kind kind, const Notice& notice,
                              const store::JournalRecord& record) {
  if (kind == delivery::Kind::kSlack) return slack_body(notice);
  std::string data =
      fmt::format(R"({{"topic":"{}","title":{},"text":{})", codec::name_of(notice.topic),
                  quoted(notice.title), quoted(utf8_prefix(notice.text, kMaxText)));
  if (notice.persona_id) append_id(data, "personaId", notice.persona_id->str());
  if (notice.execution_id) append_id(data, "executionId", notice.execution_id->str());
  if (notice.review_id) append_id(data, "reviewId", notice.review_id->str());
  return delivery::body_of(record.type, record.at, data + "}");
}

}  // namespace personas::reactions
