// Migration 6: webhooks that come in. Conventions: see schema.cpp.
//
// webhook_sources: an address of its own for one sender; its secrets are in `secrets`.
// webhook_deliveries: the log, bounded; `kind` says against which bound a row counts, and
// webhook_log_use how much of it is used. webhook_seen: what tells a repetition, for as long as
// senders repeat; it outlives the log's row, or a full log would let a repetition pass.
// personas.webhook_secret: not the secret but a fingerprint of it; the secret is in `secrets`.
#pragma once

#include <string_view>

namespace personas::store {

inline constexpr std::string_view kWebhooksIn = R"sql(
CREATE INDEX personas_webhook ON personas (id) WHERE webhook_secret IS NOT NULL;
CREATE TABLE webhook_sources (
  tenant_id text NOT NULL,
  id text NOT NULL,
  name text NOT NULL,
  preset text NOT NULL,
  persona_id text,
  unsigned int64 NOT NULL,
  created_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX webhook_sources_id ON webhook_sources (id);
CREATE UNIQUE INDEX webhook_sources_name ON webhook_sources (tenant_id, name);
CREATE TABLE webhook_deliveries (
  tenant_id text NOT NULL,
  id text NOT NULL,
  endpoint text NOT NULL,
  preset text NOT NULL,
  persona_id text,
  source_delivery_id text,
  received_at int64 NOT NULL,
  status text NOT NULL,
  event_id text,
  event_type text,
  error text,
  replay_of text,
  repetitions int64 NOT NULL,
  size int64 NOT NULL,
  headers text NOT NULL,
  kind text NOT NULL,
  cost int64 NOT NULL,
  body bytes,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (tenant_id, kind, id);
CREATE TABLE webhook_log_use (
  tenant_id text NOT NULL,
  kind text NOT NULL,
  entries int64 NOT NULL,
  bytes int64 NOT NULL,
  PRIMARY KEY (tenant_id, kind)
);
CREATE TABLE webhook_seen (
  tenant_id text NOT NULL,
  endpoint text NOT NULL,
  source_delivery_id text NOT NULL,
  delivery_id text NOT NULL,
  event_id text NOT NULL,
  received_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, endpoint, source_delivery_id)
);
CREATE INDEX webhook_seen_age ON webhook_seen (received_at);
)sql";

}  // namespace personas::store
