// HTTP/1.1 as we write it: responses, chunks, and the words of the WebSocket handshake. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "personas/net/http.hpp"

namespace personas::net_beast {

enum class Persistence : std::uint8_t { kKeepAlive, kClose };
enum class BodyForm : std::uint8_t { kSized, kChunked, kUntilClose };

std::string_view reason_phrase(int status);
// Whether a response of this status has a body at all.
bool allows_body(int status);
// Whether every header can be written without breaking out of its line.
bool is_writable(const net::Headers& headers);

// Whether a header is about length, coding or connection, which we alone write.
bool is_framing(std::string_view name);

// Appends status line and headers. Length, coding and connection are ours: a handler's own are left
// out.
void append_head(std::string& out, const net::Response& response, BodyForm form,
                 Persistence persistence);
void append_chunk(std::string& out, std::string_view piece);

// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);
// Whether it is 16 bytes in base64.
bool is_websocket_key(std::string_view key);

}  // namespace personas::net_beast
