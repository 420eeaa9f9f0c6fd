// The header section of an HTTP/1 request, read strictly.
//
// A server behind a proxy is attacked through the places where two parsers disagree (request
// smuggling), so this one accepts the plain grammar of RFC 9112 and refuses every leniency: bare
// LF, folded lines, space before the colon, two lengths, codings other than "chunked". Pure: bytes
// in, value or Error out; the caller owns the buffer.
#pragma once

#include <cstdint>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/net/http.hpp"
#include "personas/net/server.hpp"

namespace personas::net_beast {

// More fields than any client sends; a look-up walks them all.
inline constexpr std::size_t kMaxHeaderFields = 100;

enum class BodyKind : std::uint8_t { kNone, kLength, kChunked };
enum class HttpVersion : std::uint8_t { k10, k11 };

struct RequestHead {
  net::Request request;  // method, target, path, query, headers
  HttpVersion version = HttpVersion::k11;
  BodyKind body = BodyKind::kNone;
  std::uint64_t content_length = 0;
  bool wants_body = true;  // false for HEAD
  bool keep_alive = true;
  bool expects_continue = false;
  bool upgrades_to_websocket = false;
};

// Finds the end of a header section that arrives in pieces, looking at every byte once.
class HeadScanner {
 public:
  // `buffered` is all that came since the request's first byte. Returns the size of the header
  // section with its empty line, 0 if more must come, or why it never will be one.
  Result<std::size_t> scan(std::string_view buffered, const net::ServerLimits& limits);
  void reset() { *this = HeadScanner(); }

 private:
  std::size_t seen_ = 0;        // bytes looked at
  std::size_t line_start_ = 0;  // of the line that is still open
};

// `section` is exactly what HeadScanner delimited.
Result<RequestHead> parse_request_head(std::string_view section, const net::ServerLimits& limits);

// Whether a comma-separated field holds a token, ignoring case.
bool has_token(std::string_view field, std::string_view token);

// Whether the page that a browser names in Origin came from this very host and port.
bool is_same_origin(std::string_view origin, std::string_view host, bool over_tls);

}  // namespace personas::net_beast
