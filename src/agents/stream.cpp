#include "personas/agents/stream.hpp"

#include <algorithm>
#include <utility>

#include "personas/base/bytes.hpp"

#include "codex_reader.hpp"
#include "gemini_reader.hpp"
#include "stream_json.hpp"

namespace personas::agents {
namespace {

// The first word of a line's type tells whose it is.
OutputFormat format_of(std::string_view line) {
  constexpr std::string_view kStart = R"({"type":")";
  if (line.starts_with(kStart)) line.remove_prefix(kStart.size());
  for (const std::string_view type : {"thread.", "turn.", "item.", "error\""}) {
    if (line.starts_with(type)) return OutputFormat::kCodexJson;
  }
  for (const std::string_view type : {"init\"", "message\"", "tool_use\"", "tool_result\""}) {
    if (line.starts_with(type)) return OutputFormat::kGeminiStreamJson;
  }
  return OutputFormat::kClaudeStreamJson;
}

class AnyReader final : public LineReader {
 public:
  LineKind read(std::string_view line, std::vector<AgentItem>& items) override {
    if (reader_ == nullptr) reader_ = make_line_reader(format_of(line));
    return reader_->read(line, items);
  }
  void finish(std::vector<AgentItem>& items) override {
    if (reader_ != nullptr) reader_->finish(items);
  }

 private:
  std::unique_ptr<LineReader> reader_;
};

}  // namespace

std::unique_ptr<LineReader> make_line_reader(OutputFormat format) {
  switch (format) {
    case OutputFormat::kPlain:
      return nullptr;
    case OutputFormat::kClaudeStreamJson:
      return std::make_unique<StreamJsonReader>();
    case OutputFormat::kCodexJson:
      return std::make_unique<CodexReader>();
    case OutputFormat::kGeminiStreamJson:
      return std::make_unique<GeminiReader>();
    case OutputFormat::kAnyJson:
      return std::make_unique<AnyReader>();
  }
  return nullptr;
}

AgentStream::AgentStream(OutputFormat format)
    : format_(format), reader_(make_line_reader(format)) {}
AgentStream::~AgentStream() = default;
AgentStream::AgentStream(AgentStream&&) noexcept = default;
AgentStream& AgentStream::operator=(AgentStream&&) noexcept = default;

void AgentStream::feed(std::string_view bytes, std::vector<AgentItem>& items) {
  if (format_ == OutputFormat::kPlain) {
    feed_plain(bytes, items);
  } else {
    feed_lines(bytes, items);
  }
}

void AgentStream::finish(std::vector<AgentItem>& items) {
  if (format_ == OutputFormat::kPlain) {
    if (!held_.empty()) items.emplace_back(Text{std::move(held_), Speaker::kAgent});
    parser_.end_block(effects_);
    move_effects(items);
  } else {
    if (skipping_line_) {
      ++counters_.long_lines;
    } else if (!held_.empty()) {
      take_line(held_, items);
    }
    const std::size_t first = items.size();
    reader_->finish(items);
    search(first, items);
  }
  held_.clear();
  skipping_line_ = false;
}

void AgentStream::feed_plain(std::string_view bytes, std::vector<AgentItem>& items) {
  held_.append(bytes);
  // Whole lines, so that no character is cut; a very long line in pieces.
  std::size_t whole = held_.rfind('\n') + 1;  // npos + 1 is 0
  if (held_.size() - whole > kMaxHeldText) whole = utf8_prefix(held_, held_.size() - 1).size();
  if (whole > 0) {
    counters_.lines += static_cast<std::uint64_t>(
        std::count(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(whole), '\n'));
    items.emplace_back(Text{held_.substr(0, whole), Speaker::kAgent});
    held_.erase(0, whole);
  }
  parser_.feed(bytes, effects_);
  move_effects(items);
}

void AgentStream::feed_lines(std::string_view bytes, std::vector<AgentItem>& items) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (!skipping_line_ && held_.size() + part.size() > kMaxStreamLine) {
      skipping_line_ = true;
      held_ = {};
    }
    if (end == std::string_view::npos) {
      if (!skipping_line_) held_.append(part);
      return;
    }
    if (skipping_line_) {
      skipping_line_ = false;
      ++counters_.long_lines;
    } else if (held_.empty()) {
      take_line(part, items);  // the usual case: nothing is copied
    } else {
      held_.append(part);
      take_line(held_, items);
      held_.clear();
    }
  }
}

void AgentStream::take_line(std::string_view line, std::vector<AgentItem>& items) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return;
  ++counters_.lines;
  const std::size_t first = items.size();
  switch (reader_->read(line, items)) {
    case LineKind::kIgnored:
      ++counters_.ignored_lines;
      return;
    case LineKind::kMalformed:
      ++counters_.malformed_lines;
      items.emplace_back(
          Text{std::string(utf8_prefix(line, kMaxHeldText)) + "\n", Speaker::kBackend});
      return;
    case LineKind::kRead:
      break;
  }
  search(first, items);
}

// Puts the effects of the agent's words, from `first` on, behind the text they stand in.
void AgentStream::search(std::size_t first, std::vector<AgentItem>& items) {
  for (std::size_t i = first; i < items.size(); ++i) {
    const auto* text = std::get_if<Text>(&items[i]);
    if (text == nullptr || text->speaker != Speaker::kAgent) continue;
    parser_.feed(text->text, effects_);
    parser_.end_block(effects_);
    if (effects_.empty()) continue;
    std::vector<AgentItem> found;
    move_effects(found);
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                 std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    i += found.size();
  }
}

void AgentStream::move_effects(std::vector<AgentItem>& items) {
  for (auto& effect : effects_) items.emplace_back(std::move(effect));
  effects_.clear();
}

}  // namespace personas::agents
