// Where requests to addresses that users choose may go: the guard against server-side request
// forgery. Pure: the strict reading of a URL, and the verdict over an address.
//
// One parser for what decides and what dials: vet_url() yields the only form in which the guarded
// client (net_beast) knows a target, and vet_address() is asked of every address that its name
// resolves to, after which exactly those addresses are dialled. What is not plainly allowed is
// refused.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/net/client.hpp"
#include "personas/net/ip_address.hpp"

namespace personas::net {

// kAllowed lets loopback, private networks and single-label names through; addresses that serve
// a cloud's credentials, link-local, multicast and reserved ones stay refused.
enum class PrivateTargets : std::uint8_t { kRefused, kAllowed };

// An http or https URL without user, fragment, odd spellings of an address, or a port that speaks
// another protocol. The host comes out in lower case. kForbidden says what is wrong.
Result<Url> vet_url(std::string_view text, PrivateTargets targets);

// The host of a target, in lower case: a plain name or an address that may be called.
Result<void> vet_host(std::string_view host, PrivateTargets targets);

enum class AddressClass : std::uint8_t {
  kPublic,
  kPrivate,  // this machine or a network of its own
  kNever,    // no service a user may name lives there
};
AddressClass classify(const IpAddress& address);

Result<void> vet_address(const IpAddress& address, PrivateTargets targets);
// All of what a name resolves to: one refused answer refuses them all, none is an error too.
Result<void> vet_answers(std::span<const IpAddress> answers, PrivateTargets targets);

}  // namespace personas::net
