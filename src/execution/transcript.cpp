#include "personas/execution/transcript.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "personas/agents/backends.hpp"
#include "personas/execution/output_reader.hpp"
#include "personas/store/repositories.hpp"

namespace personas::execution {
namespace {

agents::OutputFormat format_of(const Execution& execution, const Attempt& attempt,
                               const std::optional<Persona>& persona) {
  std::string name = persona ? persona->backend : "claude";
  if (execution.config && execution.config->backend) name = *execution.config->backend;
  if (attempt.backend) name = *attempt.backend;
  const auto* backend = agents::find_backend(name);
  return backend == nullptr ? agents::OutputFormat::kPlain : backend->format;
}

}  // namespace

Result<agents::Transcript> read_transcript(store::Transaction& tx, const TenantId& tenant,
                                           const Execution& execution) {
  std::optional<Persona> persona;
  if (execution.persona_id) {
    TRY(persona, store::find_persona(tx, tenant, *execution.persona_id));
  }
  agents::Transcript all;
  for (const auto& attempt : execution.attempts) {
    if (attempt.counts && attempt.attempt != execution.attempt) continue;
    agents::TranscriptReader reader(format_of(execution, attempt, persona));
    TRY_VOID(visit_stdout(tx, tenant, execution.id, attempt.attempt,
                          [&reader](std::string_view text) { reader.feed(text); }));
    auto one = reader.finish();
    all.words += one.words;
    all.answer = std::move(one.answer);
    all.turns += one.turns;
    std::ranges::move(one.tools, std::back_inserter(all.tools));
    std::ranges::move(one.effects, std::back_inserter(all.effects));
  }
  return all;
}

}  // namespace personas::execution
