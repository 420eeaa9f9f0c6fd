#include "tls.hpp"

#include <array>

#include <boost/asio/ip/address.hpp>
#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace personas::net_beast {
namespace {

std::string last_tls_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

void set_common(SSL_CTX* context) {
  // Buffers are held only while a record is in flight; writes may be resumed from another address
  // and report what they took, because the queue behind them moves.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

bool is_address(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

}  // namespace

Result<SslContext> make_server_context(const net::TlsFiles& files) {
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(ErrorCode::kInternal, "TLS cannot start: " + last_tls_error());
  set_common(context.get());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate_chain.c_str()) != 1) {
    return fail(ErrorCode::kMisconfigured, "The TLS certificate " + files.certificate_chain +
                                               " cannot be used: " + last_tls_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.private_key.c_str(), SSL_FILETYPE_PEM) !=
          1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(ErrorCode::kMisconfigured,
                "The TLS key " + files.private_key + " cannot be used: " + last_tls_error());
  }
  return context;
}

Result<SslContext> make_client_context(const std::string& ca_file) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fail(ErrorCode::kInternal, "TLS cannot start: " + last_tls_error());
  set_common(context.get());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const int loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                     : SSL_CTX_load_verify_file(context.get(), ca_file.c_str());
  if (loaded != 1) {
    return fail(ErrorCode::kMisconfigured,
                "The trusted certificates cannot be read: " + last_tls_error());
  }
  return context;
}

SslPtr make_server_ssl(SSL_CTX* context) {
  SslPtr ssl(SSL_new(context));
  if (ssl) SSL_set_accept_state(ssl.get());
  return ssl;
}

SslPtr make_client_ssl(SSL_CTX* context, const std::string& host) {
  SslPtr ssl(SSL_new(context));
  if (!ssl) return nullptr;
  SSL_set_connect_state(ssl.get());
  if (is_address(host)) {
    const int set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str());
    return set == 1 ? std::move(ssl) : nullptr;
  }
  // SSL_set_tlsext_host_name is a macro with a C cast; this is what it expands to.
  SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           const_cast<char*>(host.c_str()));
  SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl.get(), host.c_str()) == 1 ? std::move(ssl) : nullptr;
}

}  // namespace personas::net_beast
