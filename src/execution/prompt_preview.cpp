#include "personas/execution/prompt_preview.hpp"

#include "personas/agents/prompt.hpp"
#include "personas/execution/claim.hpp"

#include "assignment.hpp"

namespace personas::execution {

Result<std::string> preview_prompt(store::Transaction& tx, const TenantId& tenant,
                                   PreviewRequest request, Random& random) {
  ClaimedRun run;
  run.persona = std::move(request.persona);
  run.prompt = std::move(request.prompt);
  run.input_data = std::move(request.input_data);
  TRY_VOID(load_belongings(tx, tenant, request.now, run));
  std::string backend = run.persona->backend;
  auto input = prompt_input(run, request.variables, request.now);
  input.backend = std::move(backend);
  return agents::assemble_prompt(input, random);
}

}  // namespace personas::execution
