// Messages.
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/repositories.hpp"

#include "reply.hpp"
#include "signal_requests.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;

Result<Reply> list_messages(Call& call, store::Transaction& tx) {
  const auto& query = call.query<MessagesQuery>();
  TRY(auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, store::list_messages(tx, call.tenant(),
                                      {query.persona_id, query.execution_id, std::move(page),
                                       query.unread ? store::MessageFilter::Reading::kUnread
                                                    : store::MessageFilter::Reading::kAny}));
  return page_reply(call, std::move(rows), query.limit);
}

// Only whether somebody has read it changes; the rest is the agent's.
Result<Reply> mark_message(Call& call, store::Transaction& tx) {
  const auto id = call.id<MessageId>(0);
  TRY(auto message, require(store::find_message(tx, call.tenant(), id), "message", id.str()));
  if (message.read != call.body<MessageBody>().read) {
    message.read = call.body<MessageBody>().read;
    TRY_VOID(store::update_message(tx, call.tenant(), message));
    TRY_VOID(record_fact(
        call, tx, record::kMessageUpdated,
        record::SignalRecord{message.id.str(), message.persona_id, message.execution_id},
        {.persona = text_of(message.persona_id)}));
  }
  return json_reply(200, message);
}

}  // namespace

void add_signals(Table& table) {
  table.push_back({.id = "listMessages",
                   .method = "GET",
                   .path = "/api/messages",
                   .summary = "List messages of agents, newest first",
                   .tag = "Messages",
                   .query = input<MessagesQuery>(),
                   .output = page<Message>(),
                   .handler = &list_messages});
  table.push_back({.id = "markMessage",
                   .method = "PATCH",
                   .path = "/api/messages/{id}",
                   .summary = "Mark a message as read, or as not read",
                   .tag = "Messages",
                   .scope = Scope::kRun,
                   .body = input<MessageBody>(),
                   .output = one<Message>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&mark_message}});
}

}  // namespace personas::operations
