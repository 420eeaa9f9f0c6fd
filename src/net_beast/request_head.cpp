#include "request_head.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "personas/net/target.hpp"

namespace personas::net_beast {
namespace {

// The longest method we know has 7 letters ("OPTIONS"); WebDAV's have 16.
constexpr std::size_t kMaxMethodChars = 20;
// " HTTP/1.1" and the space before it, around the target in the first line.
constexpr std::size_t kRequestLineExtra = kMaxMethodChars + 12;

constexpr std::array<bool, 256> make_token_chars() {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c :
       {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr std::array<bool, 256> kTokenChars = make_token_chars();

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return kTokenChars[static_cast<unsigned char>(c)];
  });
}

bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

auto malformed(const char* why) {
  return fail(ErrorCode::kInvalidRequest, why);
}

bool is_host_field(std::string_view host) {
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._:[]").find(c) != std::string_view::npos;
  });
}

Result<void> parse_request_line(std::string_view line, RequestHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return malformed("The first line is not METHOD TARGET VERSION.");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  const bool upper = std::ranges::none_of(method, [](char c) { return c >= 'a' && c <= 'z'; });
  if (!is_token(method) || !upper || method.size() > kMaxMethodChars || method == "CONNECT") {
    return malformed("The method is not one that is served here.");
  }
  if (version == "HTTP/1.0") {
    head.version = HttpVersion::k10;
  } else if (version != "HTTP/1.1") {
    return malformed("Only HTTP/1.1 is spoken here.");
  }
  TRY(auto parsed, net::parse_target(target));
  head.request.method = method;
  head.wants_body = method != "HEAD";
  head.request.target = target;
  head.request.path = std::move(parsed.path);
  head.request.query = std::move(parsed.query);
  return {};
}

Result<void> parse_fields(std::string_view section, net::Headers& headers) {
  std::size_t count = 0;
  while (section != "\r\n") {
    const std::size_t end = section.find("\r\n");
    const std::string_view line = section.substr(0, end);
    section.remove_prefix(end + 2);
    if (++count > kMaxHeaderFields) {
      return fail(ErrorCode::kHeadersTooLarge, "The request has too many header fields.");
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
      return malformed("A header line is not 'Name: value'.");  // also: folded, space before ':'
    }
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_field_value(value)) return malformed("A header value holds a control character.");
    headers.add(line.substr(0, colon), std::string(value));
  }
  return {};
}

Result<void> decide_body(RequestHead& head) {
  const net::Headers& headers = head.request.headers;
  const std::size_t lengths = headers.count("Content-Length");
  const std::size_t codings = headers.count("Transfer-Encoding");
  if (lengths + codings > 1) return malformed("The request says its length twice.");
  if (codings == 1) {
    if (head.version == HttpVersion::k10 || headers.get("Transfer-Encoding") != "chunked") {
      return malformed("The only transfer coding served here is 'chunked'.");
    }
    head.body = BodyKind::kChunked;
  }
  if (lengths == 1) {
    const std::string_view text = headers.get("Content-Length");
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), head.content_length);
    const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
    if (!digits || error != std::errc{} || end != text.data() + text.size()) {
      return malformed("Content-Length is not a number.");
    }
    head.body = head.content_length > 0 ? BodyKind::kLength : BodyKind::kNone;
  }
  return {};
}

Result<void> decide_connection(RequestHead& head) {
  const net::Headers& headers = head.request.headers;
  const std::size_t hosts = headers.count("Host");
  if (hosts > 1 || (hosts == 0 && head.version == HttpVersion::k11)) {
    return malformed("The request must have exactly one Host.");
  }
  if (hosts == 1 && !is_host_field(headers.get("Host"))) {
    return malformed("The Host is not a name or an address.");
  }
  head.keep_alive = head.version == HttpVersion::k11;
  bool upgrade = false;
  for (const auto& field : headers.all()) {
    if (!same(field.name, "Connection")) continue;
    if (has_token(field.value, "close")) head.keep_alive = false;
    upgrade = upgrade || has_token(field.value, "upgrade");
  }
  head.upgrades_to_websocket = upgrade && head.version == HttpVersion::k11 &&
                               head.request.method == "GET" && head.body == BodyKind::kNone &&
                               has_token(headers.get("Upgrade"), "websocket");
  if (const std::string* expect = headers.find("Expect"); expect != nullptr) {
    if (!same(*expect, "100-continue")) return malformed("Only Expect: 100-continue is known.");
    head.expects_continue = head.version == HttpVersion::k11;
  }
  return {};
}

}  // namespace

Result<std::size_t> HeadScanner::scan(std::string_view buffered, const net::ServerLimits& limits) {
  while (seen_ < buffered.size()) {
    const std::size_t newline = buffered.find('\n', seen_);
    if (newline == std::string_view::npos) break;
    if (newline == line_start_ || buffered[newline - 1] != '\r') {
      return malformed("A line must end with CR LF.");
    }
    if (newline == 1) return malformed("The request starts with an empty line.");
    if (line_start_ == 0 && newline > limits.max_target_bytes + kRequestLineExtra) {
      return fail(ErrorCode::kUriTooLong, "The request target is too long.");
    }
    seen_ = newline + 1;
    if (newline + 1 > limits.max_header_bytes) break;
    if (newline == line_start_ + 1) return newline + 1;
    line_start_ = newline + 1;
  }
  if (line_start_ == 0 && buffered.size() > limits.max_target_bytes + kRequestLineExtra) {
    return fail(ErrorCode::kUriTooLong, "The request target is too long.");
  }
  if (seen_ > limits.max_header_bytes || buffered.size() > limits.max_header_bytes) {
    return fail(ErrorCode::kHeadersTooLarge, "The header section is too large.");
  }
  seen_ = buffered.size();
  return 0;
}

Result<RequestHead> parse_request_head(std::string_view section, const net::ServerLimits& limits) {
  RequestHead head;
  const std::size_t line_end = section.find("\r\n");
  TRY_VOID(parse_request_line(section.substr(0, line_end), head));
  if (head.request.target.size() > limits.max_target_bytes) {
    return fail(ErrorCode::kUriTooLong, "The request target is too long.");
  }
  TRY_VOID(parse_fields(section.substr(line_end + 2), head.request.headers));
  TRY_VOID(decide_body(head));
  TRY_VOID(decide_connection(head));
  return head;
}

bool has_token(std::string_view field, std::string_view token) {
  while (!field.empty()) {
    const std::size_t comma = std::min(field.find(','), field.size());
    if (same(trim(field.substr(0, comma)), token)) return true;
    field.remove_prefix(std::min(comma + 1, field.size()));
  }
  return false;
}

bool is_same_origin(std::string_view origin, std::string_view host, bool over_tls) {
  const std::size_t colon = origin.find("://");
  if (colon == std::string_view::npos) return false;  // also "null"
  const auto without_default_port = [](std::string_view authority, std::string_view port) {
    return authority.ends_with(port) ? authority.substr(0, authority.size() - port.size())
                                     : authority;
  };
  const std::string_view origin_port = same(origin.substr(0, colon), "https") ? ":443" : ":80";
  return same(without_default_port(origin.substr(colon + 3), origin_port),
              without_default_port(host, over_tls ? ":443" : ":80"));
}

}  // namespace personas::net_beast
