// What handlers work with. Outlives every call and every stream.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/base/id.hpp"
#include "personas/base/secret.hpp"
#include "personas/bus/bus.hpp"
#include "personas/execution/service.hpp"
#include "personas/operations/page_cursor.hpp"
#include "personas/operations/webhook_services.hpp"
#include "personas/store/journal_feed.hpp"
#include "personas/store/store.hpp"
#include "personas/telemetry/metrics.hpp"
#include "personas/vault/vault.hpp"
#include "personas/webhook_auth/verify.hpp"

namespace personas::operations {

// What does not change while the server runs.
struct Facts {
  std::string version;
  InstanceId instance;
  NodeId node;
  Instant started;
  std::vector<std::string> tokens_in_settings = {};  // providers whose token the settings hold
};

// Secrets of senders that the settings name; a sender may have several.
using WebhookSecrets = std::vector<std::pair<webhook_auth::Preset, Secret>>;

struct Services {
  store::Store& store;
  Clock& clock;
  Random& random;
  execution::Executions& executions;
  bus::Bus& bus;
  const vault::Vault& vault;
  const store::CursorCodec& cursors;
  const PageCursors& pages;
  store::JournalFeed& feed;
  telemetry::Metrics& metrics;
  Facts facts;
  std::function<void()> triggers_changed = {};  // the scheduler looks again; after the commit
  WebhookSecrets webhook_secrets = {};
  Webhooks webhooks = {};
};

}  // namespace personas::operations
