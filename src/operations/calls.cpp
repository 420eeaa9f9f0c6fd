// A persona as an endpoint: JSON in, held against its schema; JSON out, at once or when it is asked
// for again. A call is an execution like any other; only its input and its answer have a form.
#include <fmt/format.h>

#include "personas/execution/execution_store.hpp"
#include "personas/execution/transcript.hpp"
#include "personas/operations/call_requests.hpp"
#include "personas/operations/requests_described.hpp"

#include "call_form.hpp"
#include "reply.hpp"
#include "subjects.hpp"
#include "waiting.hpp"

namespace personas::operations {
namespace {

using identity::Scope;

constexpr std::string_view kResult = "result";
constexpr std::string_view kPrompt =
    "A program called you. The input data is the input of the call: do with it what you are for. "
    "End with one JSON object {\"result\": …} that holds what the program should get, in the form "
    "your instructions ask for.";

std::string call_url(const PersonaId& persona) {
  return fmt::format("/api/personas/{}/call", persona.str());
}
std::string status_url(const PersonaId& persona, const ExecutionId& execution) {
  return fmt::format("{}/{}", call_url(persona), execution.str());
}

// No body is an object without members.
boost::json::object input_of(const Call& call) {
  return call.json.is_object() ? call.json.get_object() : boost::json::object();
}

Result<Reply> start_call(Call& call, store::Transaction& tx) {
  TRY_VOID(wait_of(call.query<ExecuteQuery>().wait));
  TRY_VOID(call.services.executions.admit(call.tenant()));
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  const auto input = input_of(call);
  TRY_VOID(check_input(persona, input));
  const execution::ExecuteRequest request{.prompt = std::string(kPrompt),
                                          .persona_id = persona.id,
                                          .credential_ids = {},
                                          .config = {},
                                          .timeout_ms = {},
                                          .input_data = codec::RawJson{codec::serialize(input)},
                                          .priority = {},
                                          .trigger_id = {},
                                          .idempotency_key = {}};
  const auto id = ExecutionId::make(call.now, call.services.random);
  TRY(auto enqueued,
      execution::enqueue(tx, call.tenant(), id, request, execution::Source::kApi, call.now));
  call.after_commit.push_back([&services = call.services, queued = std::move(enqueued.queued)] {
    services.executions.enqueued(queued);
  });
  CallReply reply;
  reply.execution_id = id;
  reply.status_url = status_url(persona.id, id);
  return json_reply(202, reply);
}

// The end of a text, from the beginning of a character on.
std::string tail_of(std::string text) {
  if (text.size() <= kMaxAnswerBytes) return text;
  std::size_t from = text.size() - kMaxAnswerBytes;
  while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0U) == 0x80U) ++from;
  return text.substr(from);
}

CallReply reply_of(const PersonaId& persona, const Execution& execution) {
  return {.execution_id = execution.id,
          .status = execution.status,
          .status_url = status_url(persona, execution.id),
          .result = {},
          .answer = {},
          .outcome = execution.outcome,
          .failure_reason = execution.failure_reason,
          .error_message = execution.error_message,
          .what_to_do = execution.what_to_do,
          .waiting_for = execution.waiting_for,
          .duration_ms = execution.duration_ms,
          .cost_usd = execution.cost_usd};
}

Result<CallReply> finished(store::Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                           const Execution& execution) {
  CallReply reply = reply_of(persona, execution);
  TRY(auto said, execution::read_transcript(tx, tenant, execution));
  // What is no JSON is in the answer, for people.
  if (auto result = agents::find_answer(said.words, kResult)) reply.result = *std::move(result);
  auto answer = tail_of(said.answer.empty() ? std::move(said.words) : std::move(said.answer));
  if (!answer.empty()) reply.answer = std::move(answer);
  return reply;
}

Task<Result<Reply>> answer(Call& call, PersonaId persona, ExecutionId id, Duration wait) {
  CO_TRY(const auto execution, co_await wait_for_end(call, id, wait));
  if (is_final(execution.status)) {
    CO_TRY(const auto done, co_await call.services.store.read([&](store::Transaction& tx) {
      return finished(tx, call.tenant(), persona, execution);
    }));
    co_return json_reply(200, done);
  }
  CallReply pending = reply_of(persona, execution);
  std::vector<ExecutionId> asked;
  if (execution.status == ExecutionStatus::kQueued && !execution.parked) asked.push_back(id);
  if (!asked.empty()) {
    auto why = co_await call.services.executions.why_waiting(call.tenant(), std::move(asked));
    if (!why.empty() && !why.front().empty()) pending.waiting_for = std::move(why.front());
  }
  auto reply = json_reply(202, pending);
  reply.headers.emplace_back("Location", pending.status_url);
  co_return reply;
}

Task<Result<Reply>> await_call(Call& call, Reply first) {
  CO_TRY(const auto wait, wait_of(call.query<ExecuteQuery>().wait));
  CO_TRY(const auto started, codec::parse<CallReply>(first.body));
  CO_TRY(auto reply, co_await answer(call, call.id<PersonaId>(0), started.execution_id, wait));
  for (auto& header : first.headers) reply.headers.push_back(std::move(header));
  co_return reply;
}

Task<Result<Reply>> get_call(Call& call) {
  CO_TRY(const auto wait, wait_of(call.query<ExecuteQuery>().wait));
  const auto persona = call.id<PersonaId>(0);
  const auto id = call.id<ExecutionId>(1);
  CO_TRY(const auto execution, co_await wait_for_end(call, id, Duration(0)));
  if (execution.persona_id != persona) co_return not_found("call of this persona", id.str());
  co_return co_await answer(call, persona, id, wait);
}

Result<Reply> describe_call(Call& call, store::Transaction& tx) {
  TRY(auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  const auto example = example_input(persona);
  CallForm form{.persona_id = persona.id,
                .name = persona.name,
                .description = persona.description,
                .enabled = persona.enabled,
                .url = call_url(persona.id),
                .input_schema = std::move(persona.input_schema),
                .example = codec::RawJson{codec::serialize(example)},
                .curl = {}};
  form.curl = curl_line(form.url, example);
  return json_reply(200, form);
}

}  // namespace

void add_calls(Table& table) {
  table.push_back({.id = "describeCall",
                   .method = "GET",
                   .path = "/api/personas/{id}/call",
                   .summary = "How to call a persona: the schema of its input, and a ready line",
                   .tag = "Calls",
                   .output = one<CallForm>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &describe_call});
  table.push_back({.id = "callPersona",
                   .method = "POST",
                   .path = "/api/personas/{id}/call",
                   .summary =
                       "Call a persona: the body is its input, held against its inputSchema; "
                       "with ?wait=30s answers with the result if it comes in time",
                   .tag = "Calls",
                   .scope = Scope::kRun,
                   .query = input<ExecuteQuery>(),
                   .body = input<codec::RawJson>(InputType::Form::kOptional),
                   .example = R"({"text": "Is this line clear?"})",
                   .output = one<CallReply>(),
                   .errors = {ErrorCode::kNotFound, ErrorCode::kUnprocessable},
                   .other_successes = {{202, one<CallReply>()}},
                   .max_body_bytes = kMaxCallBytes,
                   .handler = Write{&start_call, &await_call}});
  table.push_back({.id = "getCall",
                   .method = "GET",
                   .path = "/api/personas/{id}/call/{executionId}",
                   .summary = "What became of a call; with ?wait=30s waits for its end",
                   .tag = "Calls",
                   .query = input<ExecuteQuery>(),
                   .output = one<CallReply>(),
                   .errors = {ErrorCode::kNotFound},
                   .other_successes = {{202, one<CallReply>()}},
                   .handler = &get_call});
}

}  // namespace personas::operations
