// Migration 7: endpoints that are told what happens, and what is to be delivered to them.
// Conventions: see schema.cpp.
#pragma once

#include <string_view>

namespace personas::store {

// A row with next_attempt_at is still to be sent; all others rest.
inline constexpr std::string_view kWebhooksOut = R"sql(
CREATE TABLE webhook_endpoints (
  tenant_id text NOT NULL,
  id text NOT NULL,
  kind text NOT NULL,
  url text NOT NULL,
  description text,
  events text NOT NULL,
  notify text NOT NULL,
  persona_id text,
  enabled int64 NOT NULL,
  disabled_reason text,
  asymmetric int64 NOT NULL,
  concurrency int64 NOT NULL,
  failing_since int64,
  dead_in_row int64 NOT NULL,
  previous_until int64,
  created_at int64 NOT NULL,
  updated_at int64 NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE TABLE webhook_out_deliveries (
  tenant_id text NOT NULL,
  id text NOT NULL,
  endpoint_id text NOT NULL,
  position int64,
  type text NOT NULL,
  payload text NOT NULL,
  status text NOT NULL,
  attempts int64 NOT NULL,
  next_attempt_at int64,
  last_attempt_at int64,
  last_status int64,
  last_error text,
  last_duration_ms int64,
  created_at int64 NOT NULL,
  completed_at int64,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX webhook_out_once ON webhook_out_deliveries (tenant_id, endpoint_id, position)
  WHERE position IS NOT NULL;
CREATE INDEX webhook_out_due
  ON webhook_out_deliveries (tenant_id, endpoint_id, next_attempt_at, position)
  WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_out_log ON webhook_out_deliveries (tenant_id, endpoint_id, id);
)sql";

}  // namespace personas::store
