// Migration 3: readers of the journal, drafts of personas, test runs.
// Conventions: see schema.cpp.
#pragma once

#include <string_view>

namespace personas::store {

inline constexpr std::string_view kDraftsAndTests = R"sql(
CREATE TABLE journal_offsets (
  name text NOT NULL,
  position int64 NOT NULL,
  PRIMARY KEY (name)
);
CREATE TABLE reactor_failures (
  name text NOT NULL,
  position int64 NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (name, position)
);
CREATE TABLE execution_watches (
  tenant_id text NOT NULL,
  execution_id text NOT NULL,
  purpose text NOT NULL,
  subject_id text NOT NULL,
  PRIMARY KEY (tenant_id, execution_id)
);
CREATE TABLE persona_drafts (
  tenant_id text NOT NULL,
  id text NOT NULL,
  execution_id text NOT NULL,
  persona_id text,
  revises text,
  description text NOT NULL,
  draft text,
  problems text NOT NULL,
  status text NOT NULL,
  created_at int64 NOT NULL,
  updated_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE TABLE test_scenarios (
  tenant_id text NOT NULL,
  id text NOT NULL,
  persona_id text NOT NULL,
  name text NOT NULL,
  prompt text NOT NULL,
  input text,
  expectations text NOT NULL,
  timeout_ms int64,
  created_at int64 NOT NULL,
  updated_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX test_scenarios_name ON test_scenarios (tenant_id, persona_id, name);
CREATE TABLE test_runs (
  tenant_id text NOT NULL,
  id text NOT NULL,
  persona_id text NOT NULL,
  persona_version int64 NOT NULL,
  status text NOT NULL,
  backend text,
  model text,
  repeat int64 NOT NULL,
  total int64 NOT NULL,
  passed int64 NOT NULL,
  failed int64 NOT NULL,
  errors int64 NOT NULL,
  cost_usd float64,
  created_at int64 NOT NULL,
  completed_at int64,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX test_runs_persona ON test_runs (tenant_id, persona_id, id);
CREATE TABLE test_results (
  tenant_id text NOT NULL,
  id text NOT NULL,
  run_id text NOT NULL,
  scenario_id text NOT NULL,
  scenario_name text NOT NULL,
  repetition int64 NOT NULL,
  scenario text NOT NULL,
  execution_id text NOT NULL,
  judge_execution_id text,
  verdict text NOT NULL,
  checks text NOT NULL,
  message text,
  cost_usd float64,
  duration_ms int64,
  created_at int64 NOT NULL,
  completed_at int64,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX test_results_run ON test_results (tenant_id, run_id, id);
)sql";

}  // namespace personas::store
