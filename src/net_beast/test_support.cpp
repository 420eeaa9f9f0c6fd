#include "test_support.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace personas::net_beast {

net::Response plain_error(const Error& error) {
  net::Response response;
  response.status = info(error.code).http_status;
  response.headers.set("Content-Type", "text/plain");
  response.body = error.message;
  return response;
}

TestServer::TestServer(net::Handler handler, net::ServerOptions options,
                       net::UpgradeHandler upgrade) {
  loop_.call([&] {
    auto started = start_server(loop_.io, clock_, std::move(options), std::move(handler),
                                std::move(upgrade), plain_error);
    if (!started) {
      ADD_FAILURE() << started.error().message;
      std::abort();
    }
    server_ = std::move(*started);
    port_ = server_->port();
  });
}

TestServer::~TestServer() {
  drain(milliseconds(200));
  loop_.call([&] { server_.reset(); });
}

void TestServer::drain(Duration deadline) {
  loop_.run(server_->drain(deadline));
}

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout{10, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  const int yes = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  if (receive_buffer_bytes > 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(int));
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    ADD_FAILURE() << "cannot connect";
  }
}

RawClient::~RawClient() {
  close();
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string RawClient::read_some() {
  if (!buffered_.empty()) return std::exchange(buffered_, {});
  std::array<char, 65536> buffer{};
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got == 0 || (got < 0 && errno == ECONNRESET)) ended_ = true;
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
}

std::string RawClient::read_exactly(std::size_t bytes) {
  std::string all;
  while (all.size() < bytes) {
    const std::string piece = read_some();
    if (piece.empty()) return all;
    all += piece;
  }
  buffered_ = all.substr(bytes);
  all.resize(bytes);
  return all;
}

std::string RawClient::read_to_end() {
  std::string all;
  for (std::string piece = read_some(); !piece.empty(); piece = read_some()) all += piece;
  return all;
}

bool RawClient::at_end() {
  return read_some().empty() && ended_;
}

RawResponse RawClient::response() {
  RawResponse result;
  std::string all;
  std::size_t end = std::string::npos;
  while ((end = all.find("\r\n\r\n")) == std::string::npos) {
    const std::string piece = read_some();
    if (piece.empty()) return result;
    all += piece;
  }
  result.head = all.substr(0, end + 4);
  buffered_ = all.substr(end + 4);
  result.status = std::atoi(all.c_str() + 9);
  if (const std::size_t at = result.head.find("Content-Length: "); at != std::string::npos) {
    result.body = read_exactly(std::strtoul(result.head.c_str() + at + 16, nullptr, 10));
  } else if (result.head.find("chunked") != std::string::npos) {
    for (;;) {
      std::string line;
      while (!line.ends_with("\r\n")) {
        const std::string c = read_exactly(1);
        if (c.empty()) return result;
        line += c;
      }
      const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
      const std::string chunk = read_exactly(size + 2);
      if (size == 0 || chunk.size() < size) return result;
      result.body += chunk.substr(0, size);
    }
  }
  return result;
}

void RawClient::shutdown_send() {
  ::shutdown(fd_, SHUT_WR);
}

void RawClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + seconds(5);
  while (std::chrono::steady_clock::now() < end) {
    if (holds()) return true;
    std::this_thread::yield();
  }
  return false;
}

TestCertificate::TestCertificate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate, key, EVP_sha256());

  std::string folder = "/tmp/personas-tls-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
  certificate_ = folder + "/certificate.pem";
  key_ = folder + "/key.pem";
  FILE* file = std::fopen(certificate_.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen(key_.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

TestCertificate::~TestCertificate() {
  ::unlink(certificate_.c_str());
  ::unlink(key_.c_str());
  ::rmdir(certificate_.substr(0, certificate_.rfind('/')).c_str());
}

}  // namespace personas::net_beast
