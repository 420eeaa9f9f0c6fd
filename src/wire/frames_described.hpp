// The JSON names and limits of every frame. Included where frames are read and written, and
// nowhere else: the tables cost compile time.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "personas/base/id.hpp"
#include "personas/codec/described.hpp"
#include "personas/wire/frames.hpp"

namespace personas::wire::limits {

inline constexpr std::size_t kName = 128;   // workerId, stage, reasons' codes, label names …
inline constexpr std::size_t kText = 4096;  // messages for people, tokens
inline constexpr std::size_t kEntries = 256;

}  // namespace personas::wire::limits

namespace personas::codec {

// Members that many frames share.
template <class Frame>
constexpr auto id_field(std::string_view name, std::string Frame::* member) {
  return field(name, member).required().length(1, kMaxIdLength);
}
template <class Frame>
constexpr auto attempt_field(std::optional<std::int64_t> Frame::* member) {
  return field("attempt", member).range(1, wire::kMaxSeq);
}
template <class Frame>
constexpr auto seq_field(std::optional<std::int64_t> Frame::* member) {
  return field("seq", member).range(1, wire::kMaxSeq);
}

template <>
struct Described<wire::Heartbeat> {
  static constexpr std::string_view name = "WireHeartbeat";
  static constexpr auto fields = std::tuple{field("timestamp", &wire::Heartbeat::timestamp),
                                            field("metrics", &wire::Heartbeat::metrics)};
};

}  // namespace personas::codec

#include "orchestrator_frames_described.hpp"
#include "worker_frames_described.hpp"
