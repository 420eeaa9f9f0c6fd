#include "http_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <openssl/evp.h>

#include "personas/base/bytes.hpp"

namespace personas::net_beast {
namespace {

constexpr std::string_view kWebSocketGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? x | 0x20 : x) == (y >= 'A' && y <= 'Z' ? y | 0x20 : y);
  });
}

void append_number(std::string& out, std::uint64_t number, int base) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

struct Reason {
  int status;
  std::string_view phrase;
};

// RFC 9110, section 15.
constexpr Reason kReasons[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {507, "Insufficient Storage"},
};

}  // namespace

std::string_view reason_phrase(int status) {
  for (const auto& reason : kReasons) {
    if (reason.status == status) return reason.phrase;
  }
  return "Status";
}

bool allows_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

bool is_writable(const net::Headers& headers) {
  return std::ranges::all_of(headers.all(), [](const net::Header& field) {
    const auto breaks = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; };
    return !field.name.empty() && std::ranges::none_of(field.name, breaks) &&
           field.name.find_first_of(": ") == std::string::npos &&
           std::ranges::none_of(field.value, breaks);
  });
}

bool is_framing(std::string_view name) {
  // The lengths tell nearly every other name apart without comparing.
  switch (name.size()) {
    case 10:
      return same(name, "connection") || same(name, "keep-alive");
    case 14:
      return same(name, "content-length");
    case 17:
      return same(name, "transfer-encoding");
    default:
      return false;
  }
}

void append_head(std::string& out, const net::Response& response, BodyForm form,
                 Persistence persistence) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(response.status), 10);
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\n";
  for (const net::Header& field : response.headers.all()) {
    if (is_framing(field.name)) continue;
    out += field.name;
    out += ": ";
    out += field.value;
    out += "\r\n";
  }
  if (form == BodyForm::kChunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (form == BodyForm::kSized && allows_body(response.status)) {
    out += "Content-Length: ";
    append_number(out, response.body.size(), 10);
    out += "\r\n";
  }
  if (persistence == Persistence::kClose) out += "Connection: close\r\n";
  out += "\r\n";
}

void append_chunk(std::string& out, std::string_view piece) {
  append_number(out, piece.size(), 16);
  out += "\r\n";
  out += piece;
  out += "\r\n";
}

std::string websocket_accept(std::string_view key) {
  std::string text(key);
  text += kWebSocketGuid;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return to_base64(ByteView(digest).first(size));
}

bool is_websocket_key(std::string_view key) {
  const auto bytes = from_base64(key);
  return key.size() == 24 && bytes && bytes->size() == 16;
}

}  // namespace personas::net_beast
