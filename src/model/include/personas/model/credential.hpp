// A stored secret of a third-party service, without its values: those are the vault's, and no
// operation gives them back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas {

inline constexpr std::int64_t kMaxCredentials = 1'000;  // of a tenant: their names are compared
inline constexpr std::size_t kMaxCredentialFields = 50;
inline constexpr std::size_t kMaxCredentialName = 100;  // of names and fields; they name variables
inline constexpr std::size_t kMaxCredentialBytes = 32 * 1024;  // all values; key files are smaller
// Of all credentials of one run. Looking for every form of every value costs some 500 bytes of
// memory a byte while it runs.
inline constexpr std::int64_t kMaxRunCredentialBytes = 64 * 1024;
inline constexpr std::size_t kMaxRunCredentials = 50;

struct Credential {
  CredentialId id;
  std::string name;
  std::string service_type;
  std::optional<codec::JsonText> metadata;
  std::vector<std::string> fields;           // empty: one plain value
  std::vector<std::string> unmasked_fields;  // of `fields`; their values may show in output
  std::int64_t value_bytes = 0;
  Timestamp created_at;
  Timestamp updated_at;
  std::optional<Timestamp> last_used_at;  // to the hour
  std::optional<Timestamp> expires_at;    // as whoever stored it says
};

namespace codec {
template <>
struct Described<Credential> {
  static constexpr std::string_view name = "Credential";
  static constexpr auto fields = std::tuple{
      field("id", &Credential::id),
      field("name", &Credential::name).doc("Unique in the tenant; names the agent's variables"),
      field("serviceType", &Credential::service_type),
      field("metadata", &Credential::metadata)
          .doc("JSON, as a string; plainFields lists fields that are no secrets"),
      field("fields", &Credential::fields)
          .doc("Names of its fields, never their values; empty for one plain value"),
      field("unmaskedFields", &Credential::unmasked_fields)
          .doc("Fields that are not masked in output: plainFields, and values too short to mask"),
      field("valueBytes", &Credential::value_bytes).write_only(),
      field("createdAt", &Credential::created_at),
      field("updatedAt", &Credential::updated_at),
      field("lastUsedAt", &Credential::last_used_at).doc("To the hour"),
      field("expiresAt", &Credential::expires_at)
          .doc("When the value ends at its service; people are told 7 days and 1 day before")};
};
}  // namespace codec

}  // namespace personas
