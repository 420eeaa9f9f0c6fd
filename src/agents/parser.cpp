#include "personas/agents/parser.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>

#include "personas/agents/protocols.hpp"
#include "personas/codec/json.hpp"

namespace personas::agents {
namespace {

namespace bj = boost::json;

// A parser's handler that builds nothing: only the structure matters while an object is open.
struct NullHandler {
  static constexpr std::size_t max_object_size = bj::object::max_size();
  static constexpr std::size_t max_array_size = bj::array::max_size();
  static constexpr std::size_t max_key_size = bj::string::max_size();
  static constexpr std::size_t max_string_size = bj::string::max_size();

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) { return true; }
  bool on_object_end(std::size_t, bj::error_code&) { return true; }
  bool on_array_begin(bj::error_code&) { return true; }
  bool on_array_end(std::size_t, bj::error_code&) { return true; }
  bool on_key_part(bj::string_view, std::size_t, bj::error_code&) { return true; }
  bool on_key(bj::string_view, std::size_t, bj::error_code&) { return true; }
  bool on_string_part(bj::string_view, std::size_t, bj::error_code&) { return true; }
  bool on_string(bj::string_view, std::size_t, bj::error_code&) { return true; }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t, bj::string_view, bj::error_code&) { return true; }
  bool on_uint64(std::uint64_t, bj::string_view, bj::error_code&) { return true; }
  bool on_double(double, bj::string_view, bj::error_code&) { return true; }
  bool on_bool(bool, bj::error_code&) { return true; }
  bool on_null(bj::error_code&) { return true; }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }
};

bj::parse_options scan_options() {
  bj::parse_options options;
  options.max_depth = kMaxProtocolDepth;
  return options;
}

constexpr std::string_view kBlanks = " \t\r";

std::string_view without_blanks(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  return line;
}

// "- {", "* {", "12. {" and so on: what a list puts before its item.
std::string_view without_list_marker(std::string_view line) {
  line = without_blanks(line);
  constexpr std::size_t kMaxDigits = 3;
  std::size_t marker = 0;
  while (marker < line.size() && marker < kMaxDigits && line[marker] >= '0' &&
         line[marker] <= '9') {
    ++marker;
  }
  const std::string_view closers = marker == 0 ? "-*+" : ".)";
  if (marker + 1 >= line.size() || !closers.contains(line[marker])) return line;
  if (!kBlanks.contains(line[marker + 1])) return line;
  return without_blanks(line.substr(marker + 1));
}

// Whether an object's first key is a protocol's: then failing to read it is worth counting.
// Looks at the beginning only, so that the answer does not depend on how much has come.
bool begins_like_protocol(std::string_view object) {
  constexpr std::string_view kSpace = " \t\r\n";
  constexpr std::size_t kLookedAt = 256;
  object = object.substr(0, kLookedAt);
  if (!object.starts_with('{')) return false;
  const std::size_t quote = object.find_first_not_of(kSpace, 1);
  if (quote == std::string_view::npos || object[quote] != '"') return false;
  const std::string_view rest = object.substr(quote + 1);
  const std::size_t end = rest.find('"');
  return end != std::string_view::npos && find_protocol(rest.substr(0, end)) != nullptr;
}

}  // namespace

struct ProtocolParser::Scanner {
  bj::basic_parser<NullHandler> parser{scan_options()};

  void restart() { parser.reset(); }

  // `line` includes its line end.
  Verdict scan(std::string_view line) {
    bj::error_code error;
    const std::size_t read = parser.write_some(true, line.data(), line.size(), error);
    if (error || read < line.size()) return Verdict::kNotAnObject;
    return parser.done() ? Verdict::kWhole : Verdict::kMore;
  }
};

ProtocolParser::ProtocolParser() : scanner_(std::make_unique<Scanner>()) {}
ProtocolParser::~ProtocolParser() = default;
ProtocolParser::ProtocolParser(ProtocolParser&&) noexcept = default;
ProtocolParser& ProtocolParser::operator=(ProtocolParser&&) noexcept = default;

void ProtocolParser::feed(std::string_view text, std::vector<IndexedEffect>& effects) {
  if (skipping_line_) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
    skipping_line_ = false;
  }
  // In bounded steps, so that a huge chunk is not held a second time.
  constexpr std::size_t kStep = kMaxProtocolBytes;
  while (!text.empty()) {
    const std::string_view step = text.substr(0, kStep);
    text.remove_prefix(step.size());
    if (skipping_line_) {
      const std::size_t end = step.find('\n');
      if (end == std::string_view::npos) continue;
      skipping_line_ = false;
      text_.append(step.substr(end + 1));
    } else {
      text_.append(step);
    }
    take_lines(effects);
  }
}

void ProtocolParser::end_block(std::vector<IndexedEffect>& effects) {
  if (!skipping_line_ && taken_ < text_.size()) {
    text_ += '\n';
    take_lines(effects);
  }
  // The lines of an object that never ended are looked at one by one.
  while (in_object_) {
    give_up_object();
    take_lines(effects);
  }
  text_.clear();
  taken_ = searched_ = 0;
  skipping_line_ = false;
}

void ProtocolParser::take_lines(std::vector<IndexedEffect>& effects) {
  for (;;) {
    const std::size_t end = text_.find('\n', std::max(taken_, searched_));
    if (end != std::string::npos) {
      take_line(end + 1, effects);
      continue;
    }
    searched_ = text_.size();
    if (in_object_ && text_.size() - object_ > kMaxProtocolBytes) {
      give_up_object();
      continue;
    }
    break;
  }
  if (text_.size() - taken_ > kMaxProtocolBytes) {
    judge_long_line(std::string_view(text_).substr(taken_));  // the rest is not kept
    skipping_line_ = true;
    taken_ = text_.size();
  }
  drop_consumed();
}

// The line [taken_, end), its line end included.
void ProtocolParser::take_line(std::size_t end, std::vector<IndexedEffect>& effects) {
  const std::string_view line = std::string_view(text_).substr(taken_, end - taken_);
  std::string_view scanned = line;
  // Line ends are not counted, so that a line is judged alike before and after its end has come.
  if (!in_object_ && line.size() - 1 > kMaxProtocolBytes) {
    taken_ = end;
    return judge_long_line(line);
  }
  if (!in_object_) {
    scanned = without_list_marker(line);
    taken_ = end;
    if (!scanned.starts_with('{')) return;
    in_object_ = true;
    object_ = end - scanned.size();
    after_first_line_ = end;
    scanner_->restart();
  }
  taken_ = end;
  if (end - 1 - object_ > kMaxProtocolBytes) return give_up_object();
  switch (scanner_->scan(scanned)) {
    case Verdict::kMore:
      return;
    case Verdict::kNotAnObject:
      return give_up_object();
    case Verdict::kWhole:
      in_object_ = false;
      recognise(std::string_view(text_).substr(object_, end - object_), effects);
  }
}

void ProtocolParser::judge_long_line(std::string_view line) {
  constexpr std::size_t kLookedAt = 256;
  if (begins_like_protocol(without_list_marker(line.substr(0, kLookedAt)))) ++counters_.malformed;
}

void ProtocolParser::give_up_object() {
  if (begins_like_protocol(std::string_view(text_).substr(object_))) ++counters_.malformed;
  in_object_ = false;
  taken_ = searched_ = after_first_line_;
}

void ProtocolParser::recognise(std::string_view object, std::vector<IndexedEffect>& effects) {
  const auto json = codec::parse_json(
      object, {.max_bytes = kMaxProtocolBytes + 1, .max_depth = kMaxProtocolDepth});
  if (!json) {
    if (begins_like_protocol(object)) ++counters_.malformed;
    return;
  }
  for (const auto& member : json->as_object()) {
    if (find_protocol(member.key()) == nullptr) continue;
    auto effect = effect_from(member.key(), member.value());
    if (!effect) {
      ++counters_.malformed;
    } else if (counters_.recognised >= kMaxEffects) {
      ++counters_.over_limit;
    } else {
      effects.push_back({static_cast<std::size_t>(counters_.recognised++), *std::move(effect)});
    }
  }
}

void ProtocolParser::drop_consumed() {
  const std::size_t consumed = in_object_ ? object_ : taken_;
  if (consumed == 0) return;
  text_.erase(0, consumed);
  taken_ -= consumed;
  searched_ = std::max(searched_, consumed) - consumed;
  if (in_object_) {
    object_ = 0;
    after_first_line_ -= consumed;
  }
}

}  // namespace personas::agents
