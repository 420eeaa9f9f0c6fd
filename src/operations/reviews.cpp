// Questions of agents, and their answers.
#include "personas/execution/execution_store.hpp"
#include "personas/execution/review_store.hpp"
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
  const auto& body = call.body<RespondBody>();
  execution::ReviewAnswer answer;
  answer.execution = call.id<ExecutionId>(0);
  answer.review = call.id<ReviewId>(1);
  answer.decision =
      body.decision == Decision::kApproved ? ReviewStatus::kApproved : ReviewStatus::kRejected;
  answer.message = body.message;
  answer.by = call.principal.key_name;
  TRY(const auto answered, execution::answer_review(tx, call.tenant(), answer, call.now));
  call.after_commit.push_back([&services = call.services, tenant = call.tenant(), answered] {
    services.executions.review_answered(tenant, answered.review);
    if (answered.goes_on) services.executions.enqueued(*answered.goes_on);
  });
  return json_reply(200, answered.review);
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
  table.push_back(
      {.id = "respondToReview",
       .method = "POST",
       .path = "/api/executions/{id}/reviews/{reviewId}/respond",
       .summary = "Answer a review; the first answer counts, and lets a parked run go on",
       .tag = "Reviews",
       .scope = identity::Scope::kRun,
       .body = input<RespondBody>(),
       .example = R"({"decision": "approved", "message": "Go on."})",
       .output = one<Review>(),
       .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
       .handler = Write{&respond_to_review}});
}

}  // namespace personas::operations
