// Bodies and answers of the operations on credentials, tokens and the vault's key.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/redactor.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas::operations {

// One of four forms: encryptedData, iv and tag; sealed; fields; value.
struct CredentialBody {
  std::optional<std::string> name;
  std::optional<std::string> service_type;
  std::optional<codec::JsonText> metadata;
  std::optional<std::string> encrypted_data;
  std::optional<std::string> iv;
  std::optional<std::string> tag;
  std::optional<std::string> sealed;
  std::optional<std::map<std::string, std::string>> fields;
  std::optional<std::string> value;
  std::optional<Timestamp> expires_at;
};

struct DeleteCredentialQuery {
  bool force = false;
};

struct LinkCredentialBody {
  CredentialId credential_id;
};
struct CredentialLink {
  PersonaId persona_id;
  CredentialId credential_id;
};

struct VaultPublicKey {
  std::string kid;
  std::string alg;
  std::string public_key;
  std::string tenant;
};

enum class Provider : std::uint8_t { kClaude, kCodex, kGemini };

struct TokenBody {
  std::string token;
  Provider provider = Provider::kClaude;
  std::optional<Timestamp> expires_at;
};
struct TokenQuery {
  Provider provider = Provider::kClaude;
};

struct TokenState {
  bool configured = false;
  std::string source = "none";
  std::optional<Timestamp> expires_at;
  bool expiry_assumed = false;
  std::optional<std::string> warning;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::CredentialBody> {
  using B = operations::CredentialBody;
  static constexpr std::string_view name = "CredentialUpload";
  static constexpr auto fields = std::tuple{
      field("name", &B::name)
          .length(1, 100)
          .doc("Unique in the tenant; agents find its values in CONNECTOR_{NAME}_{FIELD}"),
      field("serviceType", &B::service_type).length(0, 100),
      field("metadata", &B::metadata)
          .doc("JSON; plainFields lists fields that are no secrets and need no mask"),
      field("encryptedData", &B::encrypted_data)
          .write_only()
          .length(2, 600'000)
          .doc("Hexadecimal AES-256-GCM under MASTER_KEY, with iv and tag"),
      field("iv", &B::iv).write_only().length(2, 128),
      field("tag", &B::tag).write_only().length(2, 64),
      field("sealed", &B::sealed)
          .write_only()
          .length(1, 200'000)
          .doc("Base64 of a sealed box for the key of /api/vault/public-key"),
      field("fields", &B::fields).write_only().doc("Over TLS, or from this machine"),
      field("value", &B::value).write_only().doc("Over TLS, or from this machine"),
      field("expiresAt", &B::expires_at)
          .doc("When the value ends at its service, if it does; people are told before")};
};

template <>
struct Described<operations::DeleteCredentialQuery> {
  static constexpr std::string_view name = "DeleteCredentialQuery";
  static constexpr auto fields =
      std::tuple{field("force", &operations::DeleteCredentialQuery::force)
                     .doc("Take it from the personas that use it")};
};

template <>
struct Described<operations::LinkCredentialBody> {
  static constexpr std::string_view name = "LinkCredential";
  static constexpr auto fields =
      std::tuple{field("credentialId", &operations::LinkCredentialBody::credential_id).required()};
};

template <>
struct Described<operations::CredentialLink> {
  using L = operations::CredentialLink;
  static constexpr std::string_view name = "CredentialLink";
  static constexpr auto fields =
      std::tuple{field("personaId", &L::persona_id), field("credentialId", &L::credential_id)};
};

template <>
struct Described<operations::VaultPublicKey> {
  using K = operations::VaultPublicKey;
  static constexpr std::string_view name = "VaultPublicKey";
  static constexpr auto fields =
      std::tuple{field("kid", &K::kid).doc("Names the key; part of what is sealed"),
                 field("alg", &K::alg).doc("x25519-sealedbox: libsodium's crypto_box_seal"),
                 field("publicKey", &K::public_key).doc("Base64"),
                 field("tenant", &K::tenant).doc("Part of what is sealed")};
};

template <>
struct Described<operations::Provider> {
  static constexpr std::string_view name = "Provider";
  static constexpr std::array values{value("claude", operations::Provider::kClaude),
                                     value("codex", operations::Provider::kCodex),
                                     value("gemini", operations::Provider::kGemini)};
};

template <>
struct Described<operations::TokenBody> {
  using B = operations::TokenBody;
  static constexpr std::string_view name = "ProviderToken";
  static constexpr auto fields = std::tuple{
      field("token", &B::token).required().write_only().length(kMinRedactedLength, 4'096),
      field("provider", &B::provider).doc("Whose agents use it; claude if absent"),
      field("expiresAt", &B::expires_at)
          .doc("When it ends; for tokens of `claude setup-token` a year is assumed")};
};

template <>
struct Described<operations::TokenQuery> {
  static constexpr std::string_view name = "TokenQuery";
  static constexpr auto fields = std::tuple{field("provider", &operations::TokenQuery::provider)};
};

template <>
struct Described<operations::TokenState> {
  using T = operations::TokenState;
  static constexpr std::string_view name = "TokenState";
  static constexpr auto fields = std::tuple{
      field("configured", &T::configured), field("source", &T::source).doc("api, settings or none"),
      field("expiresAt", &T::expires_at).doc("null: it does not end, or nobody knows"),
      field("expiryAssumed", &T::expiry_assumed)
          .doc("The token does not say when it ends; such tokens live a year"),
      field("warning", &T::warning).doc("What to do, when its end is near")};
};

}  // namespace personas::codec
