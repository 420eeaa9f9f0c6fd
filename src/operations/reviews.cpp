// Questions of agents, and their answers.
#include "personas/execution/execution_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/repositories.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

Result<Reply> list_execution_reviews(Call& call, store::Transaction& tx) {
  TRY(const auto execution,
      execution::load(tx, call.tenant(), call.id<ExecutionId>(0), execution::Output::kNone));
  TRY(const auto reviews, store::list_reviews(tx, call.tenant(), execution.id));
  return list_reply(reviews);
}

Result<Reply> list_pending_reviews(Call& call, store::Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, store::list_pending_reviews(tx, call.tenant(), page));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> respond_to_review(Call& call, store::Transaction& tx) {
  const auto id = call.id<ReviewId>(1);
  const auto& body = call.body<RespondBody>();
  const auto status =
      body.decision == Decision::kApproved ? ReviewStatus::kApproved : ReviewStatus::kRejected;
  TRY(auto review, require(store::find_review(tx, call.tenant(), id), "review", id.str()));
  if (review.execution_id != call.id<ExecutionId>(0)) return not_found("review", id.str());
  TRY(const bool answered,
      store::answer_review(tx, call.tenant(), id, status, body.message, call.now));
  if (!answered) {
    return fail(ErrorCode::kConflict,
                "This review is " + std::string(codec::name_of(review.status)) + " already");
  }
  review.status = status;
  review.response_message = body.message;
  review.responded_at = call.now;
  const record::ReviewRecord fact{review.id,
                                  review.persona_id,
                                  review.execution_id,
                                  review.title,
                                  std::string(codec::name_of(review.severity)),
                                  std::string(codec::name_of(status))};
  TRY_VOID(record_fact(call, tx, record::kReviewAnswered, fact,
                       {.execution = call.ids.at(0),
                        .persona = review.persona_id ? std::string_view(review.persona_id->str())
                                                     : std::string_view()}));
  call.after_commit.push_back([&services = call.services, tenant = call.tenant(), review] {
    services.executions.review_answered(tenant, review);
  });
  return json_reply(200, review);
}

}  // namespace

void add_reviews(Table& table) {
  table.push_back({.id = "listExecutionReviews",
                   .method = "GET",
                   .path = "/api/executions/{id}/reviews",
                   .summary = "List the reviews of an execution, oldest first",
                   .tag = "Reviews",
                   .output = list<Review>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_execution_reviews});
  table.push_back({.id = "listPendingReviews",
                   .method = "GET",
                   .path = "/api/reviews/pending",
                   .summary = "List the reviews that wait for an answer, newest first",
                   .tag = "Reviews",
                   .query = input<PageQuery>(),
                   .output = page<Review>(),
                   .handler = &list_pending_reviews});
  table.push_back({.id = "respondToReview",
                   .method = "POST",
                   .path = "/api/executions/{id}/reviews/{reviewId}/respond",
                   .summary = "Answer a review; the first answer counts",
                   .tag = "Reviews",
                   .scope = identity::Scope::kRun,
                   .body = input<RespondBody>(),
                   .output = one<Review>(),
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&respond_to_review}});
}

}  // namespace personas::operations
