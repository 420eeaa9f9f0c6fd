// Migration 5: triggers, and each time one of them fired.
// Conventions: see schema.cpp.
#pragma once

#include <string_view>

namespace personas::store {

// `triggers_due` is what the scheduler sleeps by: the first entry is the next due moment of all
// tenants. `trigger_firings_slot` makes a slot one event, whoever fires it.
inline constexpr std::string_view kTriggers = R"sql(
CREATE TABLE triggers (
  tenant_id text NOT NULL,
  id text NOT NULL,
  persona_id text NOT NULL,
  target_persona_id text,
  name text,
  trigger_type text NOT NULL,
  config text NOT NULL,
  enabled int64 NOT NULL,
  paused_reason text,
  next_trigger_at int64,
  next_slot int64,
  last_triggered_at int64,
  trigger_count int64 NOT NULL,
  missed_count int64 NOT NULL,
  consecutive_failures int64 NOT NULL,
  created_at int64 NOT NULL,
  updated_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX triggers_due ON triggers (next_trigger_at) WHERE next_trigger_at IS NOT NULL;
CREATE INDEX triggers_persona ON triggers (tenant_id, persona_id, id);
CREATE INDEX triggers_chain ON triggers (tenant_id, id) WHERE trigger_type = 'chain';
CREATE TABLE trigger_firings (
  tenant_id text NOT NULL,
  id text NOT NULL,
  trigger_id text NOT NULL,
  slot int64 NOT NULL,
  kind text NOT NULL,
  event_id text,
  status text NOT NULL,
  error text,
  created_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX trigger_firings_list ON trigger_firings (tenant_id, trigger_id, id);
CREATE UNIQUE INDEX trigger_firings_slot ON trigger_firings (tenant_id, trigger_id, slot);
CREATE INDEX trigger_firings_open ON trigger_firings (tenant_id, trigger_id, slot)
  WHERE status = 'published';
CREATE INDEX executions_event ON executions (tenant_id, event_id) WHERE event_id IS NOT NULL;
)sql";

}  // namespace personas::store
