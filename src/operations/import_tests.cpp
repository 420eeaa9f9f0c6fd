#include "import_tests.hpp"

#include <algorithm>

#include "personas/codec/json.hpp"
#include "personas/evaluation/documents.hpp"
#include "personas/evaluation/test_store.hpp"

namespace personas::operations {
namespace {

using evaluation::Scenario;

codec::RawJson raw(const Scenario* scenario) {
  if (scenario == nullptr) return {};
  return codec::RawJson{codec::serialize(evaluation::document_of(*scenario))};
}

Result<void> put(Call& call, store::Transaction& tx, const PersonaId& persona, Scenario scenario,
                 const Scenario* existing) {
  scenario.persona_id = persona;
  scenario.updated_at = call.now;
  if (existing != nullptr) {
    scenario.id = existing->id;
    scenario.created_at = existing->created_at;
    return evaluation::update_scenario(tx, call.tenant(), scenario);
  }
  scenario.id = ScenarioId::make(call.now, call.services.random);
  scenario.created_at = call.now;
  return evaluation::insert_scenario(tx, call.tenant(), scenario);
}

}  // namespace

Result<std::vector<catalog::FieldChange>> import_tests(Call& call, store::Transaction& tx,
                                                       const PersonaId& persona,
                                                       const std::vector<Scenario>& wanted,
                                                       const ImportBody& body) {
  TRY(const auto present, evaluation::list_scenarios(tx, call.tenant(), persona));
  std::vector<catalog::FieldChange> changes;
  const auto note = [&changes](const Scenario* before, const Scenario* after) {
    const auto& name = after != nullptr ? after->name : before->name;
    changes.push_back({"tests." + name, raw(before), raw(after), {}});
  };
  if (body.mode == ImportMode::kReplace) {
    for (const auto& one : present) {
      if (std::ranges::find(wanted, one.name, &Scenario::name) != wanted.end()) continue;
      note(&one, nullptr);
      if (body.dry_run) continue;
      TRY_VOID(evaluation::delete_scenario(tx, call.tenant(), persona, one.id));
    }
  }
  for (const auto& one : wanted) {
    const auto found = std::ranges::find(present, one.name, &Scenario::name);
    const Scenario* existing = found == present.end() ? nullptr : &*found;
    if (existing != nullptr && raw(existing) == raw(&one)) continue;
    note(existing, &one);
    if (body.dry_run) continue;
    TRY_VOID(put(call, tx, persona, one, existing));
  }
  return changes;
}

}  // namespace personas::operations
