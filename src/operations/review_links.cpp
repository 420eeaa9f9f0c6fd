// Answering a review by a signed link, without a key.
//
// GET shows the question and changes nothing, however often a mail program or a chat looks ahead;
// POST gives the one answer. The token proves the right to that one review
// (vault/review_links.hpp); a token that proves nothing is counted like a failed webhook.
#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/execution/review_store.hpp"
#include "personas/net/target.hpp"
#include "personas/store/repositories.hpp"

#include "reply.hpp"
#include "review_page.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

constexpr int kGone = 410;
constexpr int kWrong = 400;
constexpr std::size_t kMaxFormBytes = 128 * 1024;  // kMaxAnswer with every byte escaped, and more
constexpr std::size_t kMaxAnswer = 20'000;
constexpr std::string_view kAnsweredBy = "review link";

struct Opened {
  TenantId tenant;
  Review review;
  std::string asker;
};

// None: the token proves nothing.
Result<std::optional<Opened>> open(const Call& call, store::Transaction& tx) {
  const auto* links = call.services.webhooks.review_links;
  const std::string& token = call.ids.at(0);
  const auto id = vault::ReviewLinks::review_of(token);
  if (links == nullptr || !id) return std::optional<Opened>();
  TRY(auto tenants, execution::tenants_with_review(tx, *id));
  for (auto& tenant : tenants) {
    TRY(auto review, store::find_review(tx, tenant, *id));
    if (!review || !review->expires_at || !review->execution_id) continue;
    if (!links->proves(token, tenant, *id, *review->expires_at)) continue;
    std::string asker = "An agent";
    if (review->persona_id) {
      TRY(const auto persona, store::find_persona(tx, tenant, *review->persona_id));
      if (persona) asker = persona->name;
    }
    return std::optional(Opened{std::move(tenant), std::move(*review), std::move(asker)});
  }
  return std::optional<Opened>();
}

Reply unknown() {
  return notice_page(info(ErrorCode::kUnauthorized).http_status, "This link is not valid",
                     "It is incomplete or was changed. Open it again from the notification.");
}

bool is_over(const Review& review, Timestamp now) {
  return review.status != ReviewStatus::kPending || *review.expires_at <= now;
}

Reply spent(const Review& review) {
  if (review.status == ReviewStatus::kApproved || review.status == ReviewStatus::kRejected) {
    return notice_page(
        kGone, "This review has been answered",
        fmt::format("It was {} at {}. The first answer counts.", codec::name_of(review.status),
                    to_rfc3339(review.responded_at.value_or(review.created_at))));
  }
  return notice_page(kGone, "This review has expired",
                     fmt::format("Its time was over at {}, and the run went on without an answer.",
                                 to_rfc3339(*review.expires_at)));
}

// What the form says; an error is a sentence for its reader.
struct Form {
  std::optional<ReviewStatus> decision;
  std::string message;
};
Result<Form> read_form(std::string_view body) {
  TRY(const auto target, net::parse_target("/?" + std::string(body)));
  Form form;
  std::string action;
  for (const auto& [name, value] : target.query) {
    if (name == "decision" && value == "approved") form.decision = ReviewStatus::kApproved;
    if (name == "decision" && value == "rejected") form.decision = ReviewStatus::kRejected;
    if (name == "message") form.message = value;
    if (name == "action") action = value;
  }
  if (!action.empty()) form.message = action + (form.message.empty() ? "" : "\n\n" + form.message);
  if (!is_utf8(form.message) || form.message.contains('\0')) {
    return fail(ErrorCode::kInvalidRequest, "The answer is not text.");
  }
  if (form.message.size() > kMaxAnswer) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("The answer is longer than {} bytes; shorten it.", kMaxAnswer));
  }
  if (!form.decision) return fail(ErrorCode::kInvalidRequest, "Choose Approve or Reject.");
  return form;
}

Task<Result<std::optional<Opened>>> look(Call& call) {
  auto read = [&call](store::Transaction& tx) { return open(call, tx); };
  co_return co_await call.services.store.read(read);
}

Task<Result<Reply>> show_review_link(Call& call) {
  CO_TRY(const auto opened, co_await look(call));
  if (!opened) co_return unknown();
  call.principal.tenant = opened->tenant;
  if (is_over(opened->review, call.now)) co_return spent(opened->review);
  co_return question_page(200, opened->review, opened->asker, {});
}

struct Taken {
  Reply reply;
  std::optional<execution::Answered> answered = {};
  std::optional<TenantId> tenant = {};
};

Result<Taken> take_answer(const Call& call, store::Transaction& tx) {
  TRY(auto opened, open(call, tx));
  if (!opened) return Taken{.reply = unknown()};
  const Review& review = opened->review;
  Taken taken{.reply = {}, .tenant = opened->tenant};
  if (is_over(review, call.now)) {
    taken.reply = spent(review);
    return taken;
  }
  const auto form = read_form(call.body_text);
  if (!form) {
    taken.reply = question_page(kWrong, review, opened->asker, form.error().message);
    return taken;
  }
  TRY(taken.answered, execution::answer_review(tx, opened->tenant,
                                               {.execution = *review.execution_id,
                                                .review = review.id,
                                                .decision = *form->decision,
                                                .message = form->message,
                                                .by = std::string(kAnsweredBy)},
                                               call.now));
  taken.reply = notice_page(
      200, "Thank you",
      fmt::format("The review is {}. You can close this page.", codec::name_of(*form->decision)));
  return taken;
}

Task<Result<Reply>> answer_review_link(Call& call) {
  // A stranger without proof does not get as far as the writer.
  CO_TRY(const auto proven, co_await look(call));
  if (!proven) co_return unknown();
  auto take = [&call](store::Transaction& tx) { return take_answer(call, tx); };
  CO_TRY(auto taken, co_await call.services.store.write(take));
  if (taken.tenant) call.principal.tenant = *taken.tenant;
  if (taken.answered) {
    auto& executions = call.services.executions;
    executions.review_answered(*taken.tenant, taken.answered->review);
    if (taken.answered->goes_on) executions.enqueued(*taken.answered->goes_on);
  }
  co_return std::move(taken.reply);
}

const OutputType kPage{nullptr, OutputType::Shape::kHtml};

Operation behind_link(std::string_view id, std::string_view method, std::string_view summary,
                      Async handler) {
  return {.id = id,
          .method = method,
          .path = "/r/{token}",
          .summary = summary,
          .tag = "Reviews",
          .access = Access::kProof,
          .scope = identity::Scope::kRun,
          .output = kPage,
          .errors = {ErrorCode::kNotFound},
          .other_successes = {{kWrong, kPage},
                              {info(ErrorCode::kUnauthorized).http_status, kPage},
                              {kGone, kPage}},
          .max_body_bytes = kMaxFormBytes,
          .path_is = Operation::PathIs::kSecret,
          .handler = handler};
}

}  // namespace

void add_review_links(Table& table) {
  table.push_back(behind_link("showReviewLink", "GET",
                              "Show the question behind a signed link; changes nothing",
                              &show_review_link));
  table.push_back(behind_link("answerReviewLink", "POST",
                              "Answer the review behind a signed link, once", &answer_review_link));
}

}  // namespace personas::operations
