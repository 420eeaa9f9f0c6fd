#include "personas/agents/transcript.hpp"

#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

namespace personas::agents {
namespace {

namespace bj = boost::json;

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kCutMark = "\n[… left out …]\n";
// Places where the key stands without being an object's first member, such as in a quote of the
// question, that are passed over.
constexpr int kMaxMentions = 50;
constexpr std::size_t kAnswerDepth = 64;

// The text of the object that begins at `begin`.
Result<std::string_view> object_at(std::string_view text, std::size_t begin) {
  bj::parse_options options;
  options.max_depth = kAnswerDepth;
  bj::stream_parser parser({}, options);
  bj::error_code error;
  const auto rest = text.substr(begin);
  const std::size_t taken = parser.write_some(rest.data(), rest.size(), error);
  if (error) {
    return fail(ErrorCode::kMalformedJson, fmt::format("The JSON is wrong at its character {}: {}",
                                                       taken + 1, error.message()));
  }
  if (!parser.done()) return fail(ErrorCode::kMalformedJson, "The JSON ends before its last }");
  return rest.substr(0, taken);
}

}  // namespace

void TranscriptReader::add_words(std::string_view text) {
  constexpr std::size_t kHalf = kMaxWords / 2;
  if (!cut_ && transcript_.words.size() + text.size() <= kHalf) {
    transcript_.words += text;
    return;
  }
  cut_ = true;
  tail_ += text;
  if (tail_.size() > 2 * kHalf) {
    std::size_t start = tail_.size() - kHalf;
    while (start < tail_.size() && (static_cast<unsigned char>(tail_[start]) & 0xC0) == 0x80) {
      ++start;
    }
    tail_.erase(0, start);
  }
}

void TranscriptReader::take(std::vector<AgentItem>& items) {
  for (auto& item : items) {
    if (const auto* text = std::get_if<Text>(&item)) {
      if (text->speaker != Speaker::kAgent) continue;
      add_words(text->text);
      if (!text->text.ends_with('\n')) add_words("\n");
    } else if (auto* call = std::get_if<ToolCall>(&item)) {
      if (transcript_.tools.size() < kMaxToolNames) {
        transcript_.tools.push_back(std::move(call->name));
      }
    } else if (auto* effect = std::get_if<IndexedEffect>(&item)) {
      if (transcript_.effects.size() < kMaxKeptEffects) {
        transcript_.effects.push_back(std::move(effect->effect));
      }
    } else if (const auto* final = std::get_if<Final>(&item)) {
      transcript_.turns += final->num_turns;
      if (!final->is_error) transcript_.answer = final->result;
    }
  }
  items.clear();
}

void TranscriptReader::feed(std::string_view bytes) {
  std::vector<AgentItem> items;
  stream_.feed(bytes, items);
  take(items);
}

Transcript TranscriptReader::finish() {
  std::vector<AgentItem> items;
  stream_.finish(items);
  take(items);
  constexpr std::size_t kHalf = kMaxWords / 2;
  if (cut_ && tail_.size() > kHalf) {
    transcript_.words += kCutMark;
    tail_.erase(0, tail_.size() - kHalf);
  }
  transcript_.words += tail_;
  return std::move(transcript_);
}

Result<codec::RawJson> find_answer(std::string_view words, std::string_view key) {
  const std::string quoted = fmt::format("\"{}\"", key);
  std::size_t at = words.rfind(quoted);
  for (int mention = 0; at != std::string_view::npos && mention < kMaxMentions; ++mention) {
    const std::size_t before = at == 0 ? at : words.find_last_not_of(kBlanks, at - 1);
    const std::size_t after = words.find_first_not_of(kBlanks, at + quoted.size());
    const bool is_member = before != std::string_view::npos && words[before] == '{' && at > 0 &&
                           after != std::string_view::npos && words[after] == ':';
    if (is_member) {
      TRY(const auto text, object_at(words, before));
      TRY(const auto object, codec::parse_json(text));
      const auto* value = object.as_object().if_contains(key);
      return codec::RawJson{codec::serialize(*value)};
    }
    at = at == 0 ? std::string_view::npos : words.rfind(quoted, at - 1);
  }
  return fail(ErrorCode::kNotFound, fmt::format("The agent wrote no {{\"{}\": …}} object", key));
}

}  // namespace personas::agents
