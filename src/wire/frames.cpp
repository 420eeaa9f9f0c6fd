#include "personas/wire/frames.hpp"

#include <array>
#include <utility>

#include <boost/json.hpp>

#include "personas/codec/json.hpp"

#include "frames_described.hpp"

namespace personas::wire {
namespace {

namespace bj = boost::json;

// The type names, in the order of the variant's alternatives; the last alternative is Unknown.
template <class Frame>
struct Types;
template <>
struct Types<WorkerFrame> {
  static constexpr std::array<std::string_view, 13> names{
      "hello",    "active_executions", "ready", "stdout",  "stderr",   "event",
      "progress", "review_request",    "turn",  "session", "complete", "busy",
      "heartbeat"};
};
template <>
struct Types<OrchestratorFrame> {
  static constexpr std::array<std::string_view, 8> names{
      "ack",    "session_part",    "assign",   "received",
      "cancel", "review_response", "shutdown", "heartbeat"};
};

// Stdout and Stderr are described once, as their common base.
template <class T>
struct DescribedAs {
  using type = T;
};
template <>
struct DescribedAs<Stdout> {
  using type = OutputChunk;
};
template <>
struct DescribedAs<Stderr> {
  using type = OutputChunk;
};

template <class Frame>
struct Row {
  std::string_view type;
  Result<Frame> (*read)(const bj::value& json);
  void (*append)(const Frame& frame, std::string& out);
};

template <class Frame, std::size_t I>
constexpr Row<Frame> make_row() {
  using T = std::variant_alternative_t<I, Frame>;
  using AsDescribed = typename DescribedAs<T>::type;
  return {Types<Frame>::names[I],
          [](const bj::value& json) -> Result<Frame> {
            T frame;
            TRY_VOID(codec::read_into<AsDescribed>(json, frame,
                                                   {.unknown = codec::UnknownFields::kIgnore}));
            return Frame(std::in_place_index<I>, std::move(frame));
          },
          [](const Frame& frame, std::string& out) {
            codec::append_json<AsDescribed>(std::get<I>(frame), out,
                                            {.absent = codec::WriteOptions::Absent::kOmit});
          }};
}

template <class Frame>
struct Table {
  static constexpr std::size_t count = Types<Frame>::names.size();
  static_assert(count + 1 == std::variant_size_v<Frame>, "one name for each frame but Unknown");
  static constexpr std::array<Row<Frame>, count> rows =
      []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<Row<Frame>, count>{make_row<Frame, I>()...};
      }(std::make_index_sequence<count>{});
};

template <class Frame>
Result<Frame> parse_frame(std::string_view text) {
  TRY(const auto json,
      codec::parse_json(text, {.max_bytes = kMaxFrameBytes, .max_depth = kMaxFrameDepth}));
  const auto* object = json.if_object();
  if (object == nullptr) return fail(ErrorCode::kInvalidRequest, "a frame is a JSON object");
  const auto* type = object->if_contains("type");
  if (type == nullptr || !type->is_string()) {
    return fail(ErrorCode::kInvalidRequest, "a frame has a string 'type'");
  }
  const std::string_view name = type->get_string();
  for (const auto& row : Table<Frame>::rows) {
    if (row.type == name) return row.read(json);
  }
  return Frame(Unknown{std::string(name)});
}

template <class Frame>
std::string write_frame(const Frame& frame) {
  std::string out = R"({"type":)";
  if (const auto* unknown = std::get_if<Unknown>(&frame)) {
    codec::append_json_string(unknown->type, out);
    return out + '}';
  }
  const auto& row = Table<Frame>::rows[frame.index()];
  codec::append_json_string(row.type, out);
  const std::size_t head = out.size();
  row.append(frame, out);
  // The members follow the type in the same object: "{" becomes ",", unless there are none.
  if (out.size() == head + 2) {
    out.erase(head, 1);
  } else {
    out[head] = ',';
  }
  return out;
}

}  // namespace

Result<WorkerFrame> parse_worker_frame(std::string_view text) {
  return parse_frame<WorkerFrame>(text);
}
Result<OrchestratorFrame> parse_orchestrator_frame(std::string_view text) {
  return parse_frame<OrchestratorFrame>(text);
}
std::string to_text(const WorkerFrame& frame) {
  return write_frame(frame);
}
std::string to_text(const OrchestratorFrame& frame) {
  return write_frame(frame);
}

}  // namespace personas::wire
