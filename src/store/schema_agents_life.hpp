// Migration 2: parking and resuming, turns, credentials, versions, tests, metering.
// Conventions: see schema.cpp.
//
// executions: `asked` says that it has reviews, so that the end of an attempt looks for them;
// `first_leg` is the attempt with which its present conversation began; `parked_gate` the account
// whose limit it waits for. reviews: `given_to` is the attempt that was given the decision.
// provider_gates: open when `until` has passed; `closings` counts refusals without success since.
#pragma once

#include <string_view>

namespace personas::store {

inline constexpr std::string_view kAgentsLife = R"sql(
ALTER TABLE personas ADD COLUMN review_policy text NOT NULL DEFAULT 'risky';
ALTER TABLE personas ADD COLUMN review_timeout_ms int64;
ALTER TABLE personas ADD COLUMN fallback text;
ALTER TABLE personas ADD COLUMN version int64 NOT NULL DEFAULT 1;
ALTER TABLE executions ADD COLUMN parked text;
ALTER TABLE executions ADD COLUMN parked_until int64;
ALTER TABLE executions ADD COLUMN parks int64 NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN uses_fallback int64 NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN turns int64 NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN session_backend text;
CREATE INDEX executions_parked ON executions (tenant_id, id) WHERE parked IS NOT NULL;
ALTER TABLE attempts ADD COLUMN backend text;
ALTER TABLE attempts ADD COLUMN model text;
ALTER TABLE attempts ADD COLUMN isolation text;
ALTER TABLE attempts ADD COLUMN turns int64 NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN usage text;
ALTER TABLE attempts ADD COLUMN cost_usd float64;
ALTER TABLE attempts ADD COLUMN counts int64 NOT NULL DEFAULT 1;
ALTER TABLE reviews ADD COLUMN expires_at int64;
ALTER TABLE reviews ADD COLUMN told int64 NOT NULL DEFAULT 0;
CREATE INDEX reviews_expiry ON reviews (expires_at) WHERE status = 'pending';
CREATE TABLE provider_gates (
  tenant_id text NOT NULL,
  backend text NOT NULL,
  until int64 NOT NULL,
  closed_at int64 NOT NULL,
  closings int64 NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (tenant_id, backend)
);
CREATE TABLE turns (
  tenant_id text NOT NULL,
  execution_id text NOT NULL,
  attempt int64 NOT NULL,
  turn int64 NOT NULL,
  content text NOT NULL,
  PRIMARY KEY (tenant_id, execution_id, attempt, turn)
);
CREATE TABLE session_parts (
  tenant_id text NOT NULL,
  execution_id text NOT NULL,
  path text NOT NULL,
  start int64 NOT NULL,
  size int64 NOT NULL,
  nonce bytes NOT NULL,
  ciphertext bytes NOT NULL,
  PRIMARY KEY (tenant_id, execution_id, path, start)
);
-- Metering.
CREATE TABLE metering (
  tenant_id text NOT NULL,
  hour int64 NOT NULL,
  persona_id text NOT NULL,
  backend text NOT NULL,
  model text NOT NULL,
  worker_id text NOT NULL,
  executions int64 NOT NULL,
  failed int64 NOT NULL,
  attempts int64 NOT NULL,
  run_ms int64 NOT NULL,
  input_tokens int64 NOT NULL,
  output_tokens int64 NOT NULL,
  cache_creation_input_tokens int64 NOT NULL,
  cache_read_input_tokens int64 NOT NULL,
  cost_usd float64 NOT NULL,
  credential_accesses int64 NOT NULL,
  events int64 NOT NULL,
  PRIMARY KEY (tenant_id, hour, persona_id, backend, model, worker_id)
);
-- Why runs failed, and what would mend it.
CREATE TABLE diagnoses (
  tenant_id text NOT NULL,
  execution_id text NOT NULL,
  attempt int64 NOT NULL,
  persona_id text,
  cause text NOT NULL,
  explanation text NOT NULL,
  evidence text,
  fix text,
  status text NOT NULL,
  rerun_execution_id text,
  created_at int64 NOT NULL,
  resolved_at int64,
  PRIMARY KEY (tenant_id, execution_id)
);
CREATE INDEX diagnoses_open ON diagnoses (tenant_id, execution_id) WHERE status = 'open';
ALTER TABLE executions ADD COLUMN asked int64 NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN parked_gate text;
ALTER TABLE executions ADD COLUMN first_leg int64 NOT NULL DEFAULT 1;
ALTER TABLE reviews ADD COLUMN responded_by text;
ALTER TABLE reviews ADD COLUMN given_to int64 NOT NULL DEFAULT 0;
UPDATE reviews SET expires_at = created_at + 259200000000 WHERE status = 'pending';
DROP INDEX executions_running;
CREATE INDEX executions_running ON executions (tenant_id, id)
  WHERE status = 'running' AND parked IS NULL;
-- Personas as a craft.
ALTER TABLE executions ADD COLUMN persona_version int64;
CREATE INDEX personas_group ON personas (tenant_id, group_id, id) WHERE group_id IS NOT NULL;
CREATE TABLE persona_groups (
  tenant_id text NOT NULL,
  id text NOT NULL,
  name text NOT NULL,
  description text NOT NULL,
  color text,
  sort_order int64 NOT NULL,
  created_at int64 NOT NULL,
  updated_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX persona_groups_name ON persona_groups (tenant_id, name);
CREATE TABLE persona_versions (
  tenant_id text NOT NULL,
  persona_id text NOT NULL,
  version int64 NOT NULL,
  at int64 NOT NULL,
  note text NOT NULL,
  changed text NOT NULL,
  snapshot text,
  PRIMARY KEY (tenant_id, persona_id, version)
);
CREATE TABLE tool_installs (
  tenant_id text NOT NULL,
  tool_id text NOT NULL,
  name text NOT NULL,
  version int64 NOT NULL,
  digest text NOT NULL,
  installed_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
-- Credentials.
ALTER TABLE secrets ADD COLUMN wrapped_key bytes;
CREATE TABLE credentials (
  tenant_id text NOT NULL,
  id text NOT NULL,
  name text NOT NULL,
  service_type text NOT NULL,
  metadata text,
  fields text NOT NULL,
  unmasked_fields text NOT NULL,
  value_bytes int64 NOT NULL,
  created_at int64 NOT NULL,
  updated_at int64 NOT NULL,
  last_used_at int64,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX credentials_name ON credentials (tenant_id, name);
CREATE TABLE persona_credentials (
  tenant_id text NOT NULL,
  persona_id text NOT NULL,
  credential_id text NOT NULL,
  linked_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, persona_id, credential_id)
);
CREATE INDEX persona_credentials_credential ON persona_credentials (tenant_id, credential_id);
CREATE TABLE seal_nonces (
  tenant_id text NOT NULL,
  nonce text NOT NULL,
  expires_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, nonce)
);
CREATE INDEX seal_nonces_age ON seal_nonces (expires_at);
CREATE TABLE provider_tokens (
  tenant_id text NOT NULL,
  provider text NOT NULL,
  stored_at int64 NOT NULL,
  expires_at int64,
  expiry_assumed int64 NOT NULL,
  PRIMARY KEY (tenant_id, provider)
);
)sql";

}  // namespace personas::store
