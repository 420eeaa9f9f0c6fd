// Where a webhook may come in: for each address, whose it is and which secrets open it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/operations/operation.hpp"
#include "personas/store/webhooks_in.hpp"
#include "personas/webhook_auth/delivery.hpp"

namespace personas::operations {

struct Door {
  TenantId tenant;
  webhook_auth::Preset preset = webhook_auth::Preset::kGeneric;
  std::optional<PersonaId> persona = {};
  std::string source = {};  // of events whose sender names none
  std::vector<Secret> secrets = {};
  // kOpen: a key was sent with it, or somebody has chosen by name to do without proof.
  enum class Lock : std::uint8_t { kClosed, kOpen } lock = Lock::kClosed;
};

// The doors behind an address; none if it leads nowhere. A read; kNotFound only for who has a key.
using FindDoors = Result<std::vector<Door>> (*)(const Call&, store::Transaction&);

Result<std::vector<Door>> persona_doors(const Call& call, store::Transaction& tx);
Result<std::vector<Door>> source_doors(const Call& call, store::Transaction& tx);
// The address that all senders of one kind share: the secret of the settings, and those of the
// sources of this kind that belong to no persona.
Result<std::vector<Door>> shared_doors(const Call& call, store::Transaction& tx,
                                       webhook_auth::Preset preset);

// As the log keeps them: names and values as JSON, the values of secrets masked.
codec::RawJson masked_headers(const net::Headers& headers, const std::vector<Secret>& secrets);
// What the log kept.
std::vector<net::Header> logged_headers(const codec::RawJson& logged);

}  // namespace personas::operations
