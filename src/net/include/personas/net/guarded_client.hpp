// The client for targets that users choose (target_policy.hpp): webhooks, polled URLs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/base/time.hpp"
#include "personas/net/client.hpp"
#include "personas/net/ip_address.hpp"
#include "personas/net/target_policy.hpp"

namespace personas::net {

// All addresses of a name.
using Resolver = std::function<Task<Result<std::vector<IpAddress>>>(std::string host)>;

struct GuardOptions {
  PrivateTargets targets = PrivateTargets::kRefused;
  // Of a request as a whole: lookup, connecting, TLS, sending, the last byte of the answer.
  Duration deadline = seconds(20);
  std::size_t max_response_bytes = 64 * 1024;
  // kIgnored: an answer ends with its headers, however much the other side would send.
  enum class Body : std::uint8_t { kTaken, kIgnored } body = Body::kTaken;
  std::string ca_file;     // empty: the system's certificates; TLS is always verified
  Resolver resolver = {};  // empty: the system's
};

// A name is looked up once, every answer is vetted, and a vetted address is dialled; Host, SNI and
// the certificate's name stay the URL's. A refusal is kForbidden and nothing is sent. Redirects
// are answers like others and never followed. Each request has a connection of its own, so that no
// verdict outlives the request it was made for. WebSockets are not offered.
class GuardedClient : public Client {
 public:
  // Cuts what is under way, whose calls then end with an error soon.
  virtual void cut() = 0;
};

}  // namespace personas::net
