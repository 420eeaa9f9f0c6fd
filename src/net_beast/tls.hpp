// TLS contexts: what the server offers and what the client trusts.
#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "personas/base/error.hpp"
#include "personas/net/server.hpp"

#include "stream.hpp"

namespace personas::net_beast {

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextFree>;

// TLS 1.3 only.
Result<SslContext> make_server_context(const net::TlsFiles& files);
// TLS 1.2 and later, peer always verified; `ca_file` empty means the system's certificates.
Result<SslContext> make_client_context(const std::string& ca_file);

// A connection that accepts.
SslPtr make_server_ssl(SSL_CTX* context);
// A connection that connects and insists that the certificate names `host`.
SslPtr make_client_ssl(SSL_CTX* context, const std::string& host);

}  // namespace personas::net_beast
