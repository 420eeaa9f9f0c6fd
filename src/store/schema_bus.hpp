// Migration 4: the event bus. Conventions: see schema.cpp.
#pragma once

#include <string_view>

namespace personas::store {

// Events of before had nobody to go to: they are closed, and stay to be replayed.
inline constexpr std::string_view kEventBus = R"sql(
ALTER TABLE events ADD COLUMN dedupe_key text;
ALTER TABLE events ADD COLUMN depth int64 NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN replay_of text;
CREATE UNIQUE INDEX events_dedupe ON events (tenant_id, source_type, dedupe_key)
  WHERE dedupe_key IS NOT NULL;
CREATE INDEX events_retry ON events (next_retry_at) WHERE next_retry_at IS NOT NULL;
CREATE INDEX events_dead ON events (tenant_id, id) WHERE status = 'dead';
UPDATE events SET status = 'skipped' WHERE status = 'pending';
CREATE TABLE subscriptions (
  tenant_id text NOT NULL,
  id text NOT NULL,
  persona_id text NOT NULL,
  project_id text,
  name text,
  event_type text NOT NULL,
  source_filter text,
  filter text,
  input text,
  enabled int64 NOT NULL,
  priority int64 NOT NULL,
  delivery_window text,
  created_at int64 NOT NULL,
  updated_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX subscriptions_type ON subscriptions (tenant_id, event_type);
CREATE INDEX subscriptions_persona ON subscriptions (tenant_id, persona_id, id);
CREATE TABLE subscription_epochs (
  tenant_id text NOT NULL,
  epoch text NOT NULL,
  PRIMARY KEY (tenant_id)
);
CREATE TABLE event_matches (
  tenant_id text NOT NULL,
  event_id text NOT NULL,
  subscription_id text NOT NULL,
  persona_id text NOT NULL,
  status text NOT NULL,
  execution_id text,
  error_message text,
  created_at int64 NOT NULL,
  updated_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, event_id, subscription_id)
);
CREATE INDEX event_matches_waiting ON event_matches (tenant_id, subscription_id, event_id)
  WHERE status = 'waiting';
CREATE TABLE event_windows (
  tenant_id text NOT NULL,
  subscription_id text NOT NULL,
  opened_at int64 NOT NULL,
  due_at int64 NOT NULL,
  events int64 NOT NULL,
  PRIMARY KEY (tenant_id, subscription_id)
);
CREATE INDEX event_windows_due ON event_windows (due_at);
)sql";

}  // namespace personas::store
