#include "sse.hpp"

namespace personas::cli {

Result<void> SseParser::feed(std::string_view piece, std::vector<SseEvent>& events) {
  while (!piece.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (piece.front() == '\n') {
        piece.remove_prefix(1);
        continue;
      }
    }
    const auto end = piece.find_first_of("\r\n");
    const auto part = piece.substr(0, end);
    if (line_.size() + data_.size() + part.size() > kMaxSseEventBytes) {
      return fail(ErrorCode::kPayloadTooLarge, "The server sent an event that is too large");
    }
    line_ += part;
    if (end == std::string_view::npos) break;
    after_cr_ = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    take_line(line_, events);
    line_.clear();
  }
  return {};
}

void SseParser::take_line(std::string_view line, std::vector<SseEvent>& events) {
  if (line.empty()) {
    if (has_data_) events.push_back({type_.empty() ? "message" : type_, id_, data_});
    type_.clear();
    data_.clear();
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event") {
    type_ = value;
  } else if (name == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
  }
}

}  // namespace personas::cli
