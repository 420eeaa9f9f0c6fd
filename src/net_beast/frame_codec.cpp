#include "frame_codec.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "personas/base/bytes.hpp"

namespace personas::net_beast {
namespace {

using net::CloseCode;
using Kind = FrameEvent::Kind;

constexpr std::size_t kMaskBytes = 4;

void apply_mask(std::span<char> data, const char* mask) {
  std::uint64_t wide = 0;
  std::memcpy(&wide, mask, kMaskBytes);
  wide |= wide << 32;
  std::size_t i = 0;
  for (; i + sizeof(wide) <= data.size(); i += sizeof(wide)) {
    std::uint64_t word = 0;
    std::memcpy(&word, data.data() + i, sizeof(word));
    word ^= wide;
    std::memcpy(data.data() + i, &word, sizeof(word));
  }
  for (; i < data.size(); ++i) data[i] = static_cast<char>(data[i] ^ mask[i % kMaskBytes]);
}

bool is_text(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
  std::size_t i = 0;
  for (; i + sizeof(std::uint64_t) <= text.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, sizeof(word));
    if ((word & kHighBits) != 0) break;
  }
  return is_utf8(text.substr(i));
}

bool may_be_received(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

FrameEvent violation(CloseCode code) {
  return {Kind::kViolation, {}, code};
}

FrameEvent close_event(std::string_view payload) {
  if (payload.empty()) return {Kind::kClose, {}, CloseCode::kNormal};
  if (payload.size() == 1) return violation(CloseCode::kProtocolError);
  const auto high = static_cast<unsigned char>(payload[0]);
  const auto low = static_cast<unsigned char>(payload[1]);
  const auto code = static_cast<std::uint16_t>(high << 8 | low);
  if (!may_be_received(code)) return violation(CloseCode::kProtocolError);
  if (!is_text(payload.substr(2))) return violation(CloseCode::kInvalidPayload);
  return {Kind::kClose, payload.substr(2), CloseCode{code}};
}

}  // namespace

struct FrameReader::Header {
  std::uint64_t length = 0;
  std::size_t size = 0;  // of the header itself
  Opcode opcode = Opcode::kText;
  bool final = false;
  bool masked = false;
  bool reserved = false;  // reserved bits or opcode, or a length not in its shortest form
  bool complete = false;

  bool is_control() const { return static_cast<unsigned>(opcode) >= 8; }

  static Header read(std::span<const char> input) {
    Header header;
    if (input.size() < 2) return header;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input[i]); };
    header.final = (byte(0) & 0x80) != 0;
    header.opcode = Opcode(byte(0) & 0x0F);
    header.masked = (byte(1) & 0x80) != 0;
    const unsigned code = byte(0) & 0x0F;
    header.reserved = (byte(0) & 0x70) != 0 || (code > 2 && code < 8) || code > 10;
    const unsigned short_length = byte(1) & 0x7F;
    const std::size_t extra = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
    header.size = 2 + extra + (header.masked ? kMaskBytes : 0);
    if (input.size() < 2 + extra) return header;
    header.length = extra == 0 ? short_length : 0;
    for (std::size_t i = 0; i < extra; ++i) header.length = header.length << 8 | byte(2 + i);
    const std::uint64_t shortest = extra == 0 ? 0 : extra == 2 ? 126 : 65'536;
    header.reserved = header.reserved || header.length < shortest;
    header.complete = true;
    return header;
  }
};

FrameEvent FrameReader::next(std::span<char>& input) {
  if (delivered_) {
    message_ = {};
    delivered_ = false;
  }
  for (;;) {
    const Header header = Header::read(input);
    if (!header.complete) return {};
    const bool wrong_mask = header.masked != (role_ == Role::kServer);
    if (header.reserved || wrong_mask) return violation(CloseCode::kProtocolError);
    if (header.is_control()) {
      if (!header.final || header.length > kMaxControlBytes) {
        return violation(CloseCode::kProtocolError);
      }
    } else {
      if (header.opcode == Opcode::kBinary) return violation(CloseCode::kUnsupported);
      if ((header.opcode == Opcode::kContinuation) != fragmented_) {
        return violation(CloseCode::kProtocolError);
      }
      if (header.length > max_ - message_.size()) return violation(CloseCode::kTooBig);
    }
    if (input.size() < header.size + header.length) return {};

    const std::span<char> data = input.subspan(header.size, header.length);
    if (header.masked) apply_mask(data, input.data() + header.size - kMaskBytes);
    input = input.subspan(header.size + header.length);
    const std::string_view payload(data.data(), data.size());
    switch (header.opcode) {
      case Opcode::kClose:
        return close_event(payload);
      case Opcode::kPing:
        return {Kind::kPing, payload, {}};
      case Opcode::kPong:
        return {Kind::kPong, payload, {}};
      default:
        break;
    }
    const FrameEvent event = take_data(header, payload);
    if (event.kind != Kind::kNeedMore) return event;
  }
}

FrameEvent FrameReader::take_data(const Header& header, std::string_view payload) {
  if (header.final && !fragmented_) {
    return is_text(payload) ? FrameEvent{Kind::kMessage, payload, {}}
                            : violation(CloseCode::kInvalidPayload);
  }
  if (++fragments_ > kMaxFragments) return violation(CloseCode::kTooBig);
  message_.append(payload);
  fragmented_ = !header.final;
  if (fragmented_) return {};
  fragments_ = 0;
  delivered_ = true;
  return is_text(message_) ? FrameEvent{Kind::kMessage, message_, {}}
                           : violation(CloseCode::kInvalidPayload);
}

void FrameWriter::append(std::string& out, Opcode opcode, std::string_view payload) {
  const unsigned mask_bit = role_ == Role::kClient ? 0x80U : 0U;
  const auto put = [&out](std::uint64_t byte) { out.push_back(static_cast<char>(byte)); };
  put(0x80U | static_cast<unsigned>(opcode));
  const std::uint64_t length = payload.size();
  if (length < 126) {
    put(mask_bit | length);
  } else if (length < 65'536) {
    put(mask_bit | 126U);
    for (int shift = 8; shift >= 0; shift -= 8) put(length >> shift & 0xFF);
  } else {
    put(mask_bit | 127U);
    for (int shift = 56; shift >= 0; shift -= 8) put(length >> shift & 0xFF);
  }
  if (role_ == Role::kServer) {
    out.append(payload);
    return;
  }
  state_ += 0x9E37'79B9'7F4A'7C15;  // splitmix64
  std::uint64_t mixed = state_;
  mixed = (mixed ^ mixed >> 30) * 0xBF58'476D'1CE4'E5B9;
  mixed = (mixed ^ mixed >> 27) * 0x94D0'49BB'1331'11EB;
  std::array<char, kMaskBytes> mask{};
  std::memcpy(mask.data(), &mixed, mask.size());
  out.append(mask.data(), mask.size());
  const std::size_t start = out.size();
  out.append(payload);
  apply_mask(std::span(out).subspan(start), mask.data());
}

void FrameWriter::append_close(std::string& out, CloseCode code, std::string_view reason) {
  std::string payload;
  const auto number = static_cast<unsigned>(code);
  payload.push_back(static_cast<char>(number >> 8));
  payload.push_back(static_cast<char>(number & 0xFF));
  payload += utf8_prefix(reason, kMaxControlBytes - payload.size());
  append(out, Opcode::kClose, payload);
}

std::size_t FrameWriter::overhead(std::size_t payload_bytes) {
  return 2 + kMaskBytes + (payload_bytes < 126 ? 0U : payload_bytes < 65'536 ? 2U : 8U);
}

}  // namespace personas::net_beast
