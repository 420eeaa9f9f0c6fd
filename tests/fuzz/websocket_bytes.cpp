// Raw bytes behind a WebSocket upgrade of the real server: messages are text within the limit, the
// listener hears of the end exactly once and of nothing after it, what the server sends are whole
// unmasked frames with at most one close, and pieces change nothing.
#include <optional>

#include "personas/base/bytes.hpp"

#include "http_connection.hpp"
#include "support.hpp"

namespace personas::fuzz {
namespace {

constexpr net::ServerLimits kLimits = [] {
  net::ServerLimits limits;
  limits.max_frame_bytes = 400;
  return limits;
}();
constexpr std::string_view kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

class Echo final : public net::WebSocketListener {
 public:
  void on_message(std::string_view text) override {
    PERSONAS_FUZZ_CHECK(closes == 0, "nothing after the end");
    PERSONAS_FUZZ_CHECK(text.size() <= kLimits.max_frame_bytes, "the limit of a message");
    PERSONAS_FUZZ_CHECK(is_utf8(text), "text is UTF-8");
    heard += text;
    heard += '\n';
    socket->send(std::string(text));
  }
  void on_pong() override { PERSONAS_FUZZ_CHECK(closes == 0, "nothing after the end"); }
  void on_close(net::CloseCode, std::string_view) override {
    PERSONAS_FUZZ_CHECK(++closes == 1, "one end");
  }

  std::shared_ptr<net::WebSocket> socket;
  std::string heard;
  int closes = 0;
};

// What the server said; the payloads of its data frames, a line each.
std::string check_frames(std::string_view bytes) {
  std::string said;
  bool closed = false;
  while (!bytes.empty()) {
    PERSONAS_FUZZ_CHECK(!closed, "nothing after the close frame");
    PERSONAS_FUZZ_CHECK(bytes.size() >= 2, "a whole frame");
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned opcode = byte(0) & 15U;
    PERSONAS_FUZZ_CHECK((byte(0) & 0xF0U) == 0x80, "final, without extensions");
    PERSONAS_FUZZ_CHECK((byte(1) & 0x80U) == 0, "not masked");
    std::size_t length = byte(1);
    std::size_t header = 2;
    if (length == 126) {
      PERSONAS_FUZZ_CHECK(bytes.size() >= 4, "a whole frame");
      length = static_cast<std::size_t>(byte(2)) << 8 | byte(3);
      header = 4;
    }
    PERSONAS_FUZZ_CHECK(length < 0xFFFF && bytes.size() >= header + length, "a whole frame");
    const auto payload = bytes.substr(header, length);
    PERSONAS_FUZZ_CHECK(opcode == 1 || opcode == 8 || opcode == 10, "text, close or pong");
    PERSONAS_FUZZ_CHECK(opcode == 1 || length <= 125, "a short control frame");
    if (opcode == 8) {
      closed = true;
      PERSONAS_FUZZ_CHECK(length != 1 && (length < 2 || is_utf8(payload.substr(2))), "a close");
    }
    if (opcode == 1) said += std::string(payload) + '\n';
    bytes.remove_prefix(header + length);
  }
  return said;
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  using namespace personas::fuzz;
  static std::shared_ptr<Echo> echo;
  static HttpServer server(
      kLimits, {},
      [](const net::Request&) -> Result<net::UpgradeDecision> {
        return net::UpgradeDecision{
            echo, [](std::shared_ptr<net::WebSocket> socket) { echo->socket = std::move(socket); }};
      },
      [](const Error& error) {
        net::Response response;
        response.status = info(error.code).http_status;
        return response;
      });
  std::optional<std::string> first;
  for (auto pieces : cuttings(text_of(data, size))) {
    pieces.insert(pieces.begin(), kUpgrade);
    echo = std::make_shared<Echo>();
    const std::string out = server.talk(pieces);
    const std::size_t end = out.find("\r\n\r\n");
    PERSONAS_FUZZ_CHECK(out.starts_with("HTTP/1.1 101 ") && end != std::string::npos, "upgraded");
    const std::string said = check_frames(std::string_view(out).substr(end + 4));
    PERSONAS_FUZZ_CHECK(echo->closes == 1, "the listener hears of the end");
    PERSONAS_FUZZ_CHECK(echo->heard.starts_with(said), "an echo of what was heard");
    if (!first) first = echo->heard;
    PERSONAS_FUZZ_CHECK(echo->heard == *first, "however it is cut");
    echo->socket.reset();
  }
  return 0;
}
