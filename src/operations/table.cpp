#include "personas/operations/table.hpp"

#include "subjects.hpp"

namespace personas::operations {

std::span<const Operation> all_operations() {
  static const Table table = [] {
    Table all;
    add_system(all);
    add_personas(all);
    add_versions(all);
    add_library(all);
    add_credential_check(all);
    add_import(all);
    add_prompt(all);
    add_groups(all);
    add_tools(all);
    add_credentials(all);
    add_tokens(all);
    add_execute(all);
    add_calls(all);
    add_executions(all);
    add_reviews(all);
    add_review_links(all);
    add_providers(all);
    add_events(all);
    add_subscriptions(all);
    add_signals(all);
    add_memories(all);
    add_streams(all);
    add_usage(all);
    add_healing(all);
    add_drafts(all);
    add_tests(all);
    add_webhooks_in(all);
    add_webhook_sources(all);
    add_triggers(all);
    add_webhooks_out(all);
    return all;
  }();
  return table;
}

}  // namespace personas::operations
