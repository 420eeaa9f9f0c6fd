// Migration 9: notification sinks by e-mail and command, expiries, links to reviews.
// Conventions: see schema.cpp.
#pragma once

#include <string_view>

namespace personas::store {

// An expiry with notice_at is still to be told of, then. Tokens from before are told of from now
// on.
inline constexpr std::string_view kNotifications = R"sql(
ALTER TABLE webhook_endpoints ADD COLUMN mail text;
ALTER TABLE webhook_endpoints ADD COLUMN command text;
ALTER TABLE webhook_out_deliveries ADD COLUMN execution_id text;
ALTER TABLE credentials ADD COLUMN expires_at int64;
CREATE TABLE expiries (
  tenant_id text NOT NULL,
  kind text NOT NULL,
  id text NOT NULL,
  name text NOT NULL,
  expires_at int64 NOT NULL,
  assumed int64 NOT NULL,
  notice_at int64,
  PRIMARY KEY (tenant_id, kind, id)
);
CREATE INDEX expiries_due ON expiries (notice_at) WHERE notice_at IS NOT NULL;
INSERT INTO expiries (tenant_id, kind, id, name, expires_at, assumed, notice_at)
  SELECT tenant_id, 'provider_token', provider, provider, expires_at, expiry_assumed,
    expires_at - 604800000000
  FROM provider_tokens WHERE expires_at IS NOT NULL;
CREATE INDEX reviews_by_id ON reviews (id);
)sql";

}  // namespace personas::store
