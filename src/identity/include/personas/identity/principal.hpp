// Who asks, and what they may do.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "personas/base/id.hpp"
#include "personas/codec/described.hpp"

namespace personas::identity {

enum class Role : std::uint8_t { kOwner, kAdmin, kMember, kViewer };

enum class Scope : std::uint8_t {
  kRead = 1,   // see everything but secrets
  kRun = 2,    // start and cancel executions, answer reviews
  kWrite = 4,  // change personas, tools, memories
  kAdmin = 8,  // keys, tokens, the deployment
};

class Scopes {
 public:
  constexpr Scopes() = default;
  constexpr Scopes(std::initializer_list<Scope> scopes) {
    for (const auto scope : scopes) bits_ |= static_cast<std::uint8_t>(scope);
  }
  static constexpr Scopes all() {
    return {Scope::kRead, Scope::kRun, Scope::kWrite, Scope::kAdmin};
  }
  constexpr bool has(Scope scope) const { return (bits_ & static_cast<std::uint8_t>(scope)) != 0; }

 private:
  std::uint8_t bits_ = 0;
};

struct Principal {
  TenantId tenant;
  Role role = Role::kViewer;
  Scopes scopes;
  std::string key_name;  // for logs and rate limits, never the key
};

}  // namespace personas::identity

namespace personas::codec {

template <>
struct Described<identity::Role> {
  static constexpr std::string_view name = "Role";
  static constexpr std::array values{
      value("owner", identity::Role::kOwner), value("admin", identity::Role::kAdmin),
      value("member", identity::Role::kMember), value("viewer", identity::Role::kViewer)};
};

template <>
struct Described<identity::Scope> {
  static constexpr std::string_view name = "Scope";
  static constexpr std::array values{
      value("read", identity::Scope::kRead), value("run", identity::Scope::kRun),
      value("write", identity::Scope::kWrite), value("admin", identity::Scope::kAdmin)};
};

}  // namespace personas::codec
