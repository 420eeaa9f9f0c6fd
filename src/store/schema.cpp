#include "personas/store/schema.hpp"

#include <array>

#include "schema_agents_life.hpp"
#include "schema_bus.hpp"
#include "schema_calls.hpp"
#include "schema_drafts_tests.hpp"
#include "schema_notifications.hpp"
#include "schema_polls.hpp"
#include "schema_triggers.hpp"
#include "schema_webhooks_in.hpp"
#include "schema_webhooks_out.hpp"

namespace personas::store {
namespace {

// Conventions: every row names its tenant; times are int64 microseconds; JSON is text; enums are
// their names; `effect_key` is (execution, attempt, seq, index) of the frame that caused the row,
// so that a frame applied twice inserts once.
constexpr std::string_view kInitial = R"sql(
CREATE TABLE meta (
  key text NOT NULL,
  value bytes NOT NULL,
  PRIMARY KEY (key)
);
CREATE TABLE journal (
  position int64 NOT NULL,
  tenant_id text NOT NULL,
  at int64 NOT NULL,
  type text NOT NULL,
  execution_id text,
  persona_id text,
  record bytes NOT NULL,
  leaf bytes NOT NULL,
  PRIMARY KEY (position)
);
CREATE INDEX journal_execution ON journal (execution_id, position) WHERE execution_id IS NOT NULL;
CREATE TABLE personas (
  tenant_id text NOT NULL,
  id text NOT NULL,
  project_id text,
  name text NOT NULL,
  description text NOT NULL,
  system_prompt text NOT NULL,
  structured_prompt text,
  icon text,
  color text,
  enabled int64 NOT NULL,
  max_concurrent int64 NOT NULL,
  timeout_ms int64 NOT NULL,
  idle_timeout_ms int64,
  max_output_bytes int64,
  backend text NOT NULL,
  model text,
  max_budget_usd float64,
  max_turns int64,
  retry text,
  on_quota text NOT NULL,
  requires text,
  network_policy text,
  permission_policy text,
  design_context text,
  group_id text,
  webhook_secret text,
  created_at int64 NOT NULL,
  updated_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX personas_name ON personas (tenant_id, name);
CREATE TABLE tool_definitions (
  tenant_id text NOT NULL,
  id text NOT NULL,
  name text NOT NULL,
  category text NOT NULL,
  description text NOT NULL,
  script_path text NOT NULL,
  implementation_guide text NOT NULL,
  input_schema text,
  requires_credential_type text,
  created_at int64 NOT NULL,
  updated_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX tool_definitions_name ON tool_definitions (tenant_id, name);
CREATE TABLE persona_tools (
  tenant_id text NOT NULL,
  persona_id text NOT NULL,
  tool_id text NOT NULL,
  linked_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, persona_id, tool_id)
);
CREATE TABLE executions (
  tenant_id text NOT NULL,
  id text NOT NULL,
  persona_id text NOT NULL,
  status text NOT NULL,
  priority int64 NOT NULL,
  queued_at int64 NOT NULL,
  not_before int64 NOT NULL,
  attempt int64 NOT NULL,
  last_seq int64 NOT NULL,
  cancel_requested int64 NOT NULL,
  worker_id text,
  worker_instance text,
  node_id text,
  started_at int64,
  attempt_started_at int64,
  completed_at int64,
  output_bytes int64 NOT NULL,
  failure_reason text,
  error_message text,
  exit_code int64,
  session_id text,
  outcome text,
  usage text,
  cost_usd float64,
  prompt text NOT NULL,
  source text NOT NULL,
  credential_ids text NOT NULL,
  input_data text,
  config text,
  trigger_id text,
  event_id text,
  created_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX executions_persona ON executions (tenant_id, persona_id, id);
CREATE INDEX executions_queue ON executions (tenant_id, persona_id, priority DESC, queued_at, id)
  WHERE status = 'queued';
CREATE INDEX executions_running ON executions (tenant_id, id) WHERE status = 'running';
CREATE TABLE attempts (
  tenant_id text NOT NULL,
  execution_id text NOT NULL,
  attempt int64 NOT NULL,
  worker_id text,
  node_id text,
  status text NOT NULL,
  failure_reason text,
  error_message text,
  exit_code int64,
  started_at int64 NOT NULL,
  completed_at int64,
  duration_ms int64,
  PRIMARY KEY (tenant_id, execution_id, attempt)
);
CREATE TABLE output_blocks (
  tenant_id text NOT NULL,
  execution_id text NOT NULL,
  attempt int64 NOT NULL,
  last_seq int64 NOT NULL,
  first_seq int64 NOT NULL,
  stream text NOT NULL,
  size int64 NOT NULL,
  codec text NOT NULL,
  data bytes NOT NULL,
  PRIMARY KEY (tenant_id, execution_id, attempt, last_seq)
);
CREATE TABLE events (
  tenant_id text NOT NULL,
  id text NOT NULL,
  project_id text,
  event_type text NOT NULL,
  source_type text NOT NULL,
  source_id text,
  target_persona_id text,
  payload text,
  status text NOT NULL,
  error_message text,
  processed_at int64,
  retry_count int64 NOT NULL,
  next_retry_at int64,
  origin text NOT NULL,
  created_at int64 NOT NULL,
  effect_key text,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX events_effect ON events (tenant_id, effect_key) WHERE effect_key IS NOT NULL;
CREATE TABLE messages (
  tenant_id text NOT NULL,
  id text NOT NULL,
  persona_id text,
  execution_id text,
  title text,
  content text NOT NULL,
  content_type text NOT NULL,
  priority text NOT NULL,
  read int64 NOT NULL,
  created_at int64 NOT NULL,
  effect_key text,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX messages_effect ON messages (tenant_id, effect_key)
  WHERE effect_key IS NOT NULL;
CREATE INDEX messages_execution ON messages (tenant_id, execution_id, id);
CREATE TABLE memories (
  tenant_id text NOT NULL,
  id text NOT NULL,
  persona_id text,
  execution_id text,
  title text NOT NULL,
  content text NOT NULL,
  category text NOT NULL,
  importance int64 NOT NULL,
  tags text NOT NULL,
  created_at int64 NOT NULL,
  effect_key text,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX memories_effect ON memories (tenant_id, effect_key)
  WHERE effect_key IS NOT NULL;
CREATE INDEX memories_persona ON memories (tenant_id, persona_id, id);
CREATE TABLE reviews (
  tenant_id text NOT NULL,
  id text NOT NULL,
  persona_id text,
  execution_id text,
  title text NOT NULL,
  description text NOT NULL,
  severity text NOT NULL,
  context_data text,
  suggested_actions text NOT NULL,
  status text NOT NULL,
  response_message text,
  responded_at int64,
  created_at int64 NOT NULL,
  effect_key text,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX reviews_effect ON reviews (tenant_id, effect_key)
  WHERE effect_key IS NOT NULL;
CREATE INDEX reviews_execution ON reviews (tenant_id, execution_id, id);
CREATE INDEX reviews_pending ON reviews (tenant_id, id) WHERE status = 'pending';
CREATE TABLE idempotency_keys (
  tenant_id text NOT NULL,
  key text NOT NULL,
  operation text NOT NULL,
  fingerprint bytes NOT NULL,
  status int64 NOT NULL,
  body bytes NOT NULL,
  secret int64 NOT NULL,
  created_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
CREATE TABLE secrets (
  tenant_id text NOT NULL,
  name text NOT NULL,
  version int64 NOT NULL,
  term int64 NOT NULL,
  nonce bytes NOT NULL,
  ciphertext bytes NOT NULL,
  created_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
)sql";

constexpr std::array kMigrations{Migration{1, "initial", kInitial},
                                 Migration{2, "agents' whole life", kAgentsLife},
                                 Migration{3, "drafts and tests", kDraftsAndTests},
                                 Migration{4, "event bus", kEventBus},
                                 Migration{5, "triggers", kTriggers},
                                 Migration{6, "webhooks in", kWebhooksIn},
                                 Migration{7, "webhooks out", kWebhooksOut},
                                 Migration{8, "polls, keys and chains", kPolls},
                                 Migration{9, "notifications", kNotifications},
                                 Migration{10, "calls", kCalls}};

}  // namespace

std::span<const Migration> schema_migrations() {
  return kMigrations;
}

}  // namespace personas::store
