// Migration 8: what polling triggers have seen, concurrency keys, and the rate of chains.
// Conventions: see schema.cpp.
#pragma once

#include <string_view>

namespace personas::store {

// The two indexes of due times stand for the one of migration 5: looks are bounded in number, and
// those that wait for their turn must not lie in front of schedules. Polling triggers of before had
// nothing that fired them; they are due at once, and their first look remembers what it sees.
inline constexpr std::string_view kPolls = R"sql(
ALTER TABLE subscriptions ADD COLUMN concurrency_key text;
ALTER TABLE subscriptions ADD COLUMN max_concurrent int64;
ALTER TABLE executions ADD COLUMN concurrency_key text;
ALTER TABLE executions ADD COLUMN concurrency_limit int64;
ALTER TABLE events ADD COLUMN chain_root text;
CREATE TABLE chain_rates (
  tenant_id text NOT NULL,
  chain_root text NOT NULL,
  full_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, chain_root)
);
CREATE INDEX chain_rates_full ON chain_rates (tenant_id, full_at);
CREATE TABLE trigger_polls (
  tenant_id text NOT NULL,
  id text NOT NULL,
  watched text NOT NULL,
  cursor text,
  value text,
  etag text,
  last_modified text,
  changes int64 NOT NULL,
  failures int64 NOT NULL,
  looked_at int64,
  looking int64 NOT NULL,
  slot int64,
  execution_id text,
  PRIMARY KEY (tenant_id, id)
);
UPDATE triggers SET next_slot = created_at, next_trigger_at = created_at
  WHERE trigger_type = 'polling' AND enabled = 1;
DROP INDEX triggers_due;
CREATE INDEX triggers_due_slots ON triggers (next_trigger_at)
  WHERE next_trigger_at IS NOT NULL AND trigger_type <> 'polling';
CREATE INDEX triggers_due_polls ON triggers (next_trigger_at)
  WHERE next_trigger_at IS NOT NULL AND trigger_type = 'polling';
)sql";

}  // namespace personas::store
