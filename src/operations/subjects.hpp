// The parts of the table, one function per subject.
#pragma once

#include <vector>

#include "personas/operations/operation.hpp"

namespace personas::operations {

using Table = std::vector<Operation>;

void add_system(Table& table);
void add_personas(Table& table);
void add_groups(Table& table);
void add_versions(Table& table);
void add_library(Table& table);
void add_credential_check(Table& table);
void add_import(Table& table);
void add_prompt(Table& table);
void add_tools(Table& table);
void add_credentials(Table& table);
void add_tokens(Table& table);
void add_execute(Table& table);
void add_calls(Table& table);
void add_executions(Table& table);
void add_providers(Table& table);
void add_reviews(Table& table);
void add_review_links(Table& table);
void add_events(Table& table);
void add_subscriptions(Table& table);
void add_signals(Table& table);
void add_memories(Table& table);
void add_streams(Table& table);
void add_usage(Table& table);
void add_healing(Table& table);
void add_drafts(Table& table);
void add_tests(Table& table);
void add_webhooks_in(Table& table);
void add_webhook_sources(Table& table);
void add_triggers(Table& table);
void add_webhooks_out(Table& table);

}  // namespace personas::operations
