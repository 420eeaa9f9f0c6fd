// WebSocket frames (RFC 6455 §5), read and written without I/O, for both ends of a connection.
//
// Ours instead of Beast's stream because the gateway lives on many small frames: here one read
// yields every frame it brought, one write carries every frame of a loop turn, and an idle
// connection holds no buffer. Text only, no extensions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "personas/net/websocket.hpp"

namespace personas::net_beast {

enum class Role : std::uint8_t { kServer, kClient };

// A message in more pieces than this is an attack on the receiver's patience; answered with 1009.
inline constexpr std::size_t kMaxFragments = 1024;
// RFC 6455 §5.5.
inline constexpr std::size_t kMaxControlBytes = 125;

struct FrameEvent {
  enum class Kind : std::uint8_t { kNeedMore, kMessage, kPing, kPong, kClose, kViolation };
  Kind kind = Kind::kNeedMore;
  std::string_view payload;  // text, ping data or close reason; valid until the next call
  net::CloseCode code = net::CloseCode::kNormal;  // of kClose and kViolation
};

class FrameReader {
 public:
  // `role` is ours: a server takes masked frames only, a client unmasked ones only.
  FrameReader(Role role, std::size_t max_message_bytes) : max_(max_message_bytes), role_(role) {}

  // Takes one frame or more from the front of `input`, which must be all that is buffered and is
  // unmasked in place. On kNeedMore, `input` is what must be kept.
  FrameEvent next(std::span<char>& input);

 private:
  struct Header;
  FrameEvent take_data(const Header& header, std::string_view payload);

  std::size_t max_;
  std::size_t fragments_ = 0;
  std::string message_;  // of the pieces so far
  Role role_;
  bool fragmented_ = false;
  bool delivered_ = false;  // message_ was handed out and is stale
};

enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

// Masks need only differ from frame to frame (they protect proxies, not secrets).
class FrameWriter {
 public:
  // A server passes no seed and does not mask.
  explicit FrameWriter(Role role, std::uint64_t seed = 0) : state_(seed), role_(role) {}
  void append(std::string& out, Opcode opcode, std::string_view payload);
  void append_close(std::string& out, net::CloseCode code, std::string_view reason);
  static std::size_t overhead(std::size_t payload_bytes);  // at most, masked or not

 private:
  std::uint64_t state_;
  Role role_;
};

}  // namespace personas::net_beast
