// What an agent would be told, without running it.
#include "personas/agents/prompt.hpp"

#include <algorithm>
#include <iterator>

#include "personas/execution/prompt_preview.hpp"
#include "personas/operations/catalog_requests.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/credential_repository.hpp"
#include "personas/vault/credential_value.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

// English text has about so many bytes per token; code and other languages have fewer.
constexpr std::int64_t kBytesPerToken = 4;

Result<Reply> preview(Call& call, store::Transaction& tx) {
  const auto& body = call.body<PromptBody>();
  TRY(auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  std::vector<std::string> variables;
  TRY(const auto credentials, store::credentials_of(tx, call.tenant(), persona.id));
  for (const auto& credential : credentials) {
    std::ranges::move(vault::connector_variables(credential), std::back_inserter(variables));
  }
  PromptReply reply;
  TRY(reply.prompt, execution::preview_prompt(tx, call.tenant(),
                                              {.persona = std::move(persona),
                                               .prompt = body.prompt,
                                               .input_data = body.input_data,
                                               .variables = std::move(variables),
                                               .now = call.now},
                                              call.services.random));
  reply.bytes = static_cast<std::int64_t>(reply.prompt.size());
  reply.estimated_tokens = (reply.bytes + kBytesPerToken - 1) / kBytesPerToken;
  reply.max_bytes = static_cast<std::int64_t>(agents::kMaxPromptBytes);
  return json_reply(200, reply);
}

}  // namespace

void add_prompt(Table& table) {
  table.push_back({.id = "previewPrompt",
                   .method = "POST",
                   .path = "/api/personas/{id}/prompt",
                   .summary = "Show the prompt a run would get now; nothing is run",
                   .tag = "Personas",
                   .body = input<PromptBody>(),
                   .example = R"({"prompt": "Say hello."})",
                   .output = one<PromptReply>(),
                   .errors = {ErrorCode::kNotFound, ErrorCode::kPayloadTooLarge},
                   .handler = &preview});
}

}  // namespace personas::operations
