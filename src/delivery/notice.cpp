#include "personas/delivery/notice.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/delivery/filter.hpp"

namespace personas::delivery {
namespace {

// Slack takes no longer ones.
constexpr std::size_t kMaxSlackTitle = 150;
constexpr std::size_t kMaxSlackText = 3'000;
// A receiver of webhooks is asked to take 20 KB.
constexpr std::size_t kMaxText = 16'000;

std::string quoted(std::string_view text) {
  std::string out;
  codec::append_json_string(text, out);
  return out;
}

// What Slack reads as its own markup.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string slack_body(const Notice& notice) {
  const std::string title(utf8_prefix(notice.title, kMaxSlackTitle));
  // Escaping makes it at most five times as long; what is cut is cut before.
  std::string text = escaped(utf8_prefix(notice.text, kMaxSlackText / 5));
  if (notice.review_url) text += fmt::format("\n<{}|Answer>", *notice.review_url);
  return fmt::format(
      R"({{"text":{},"blocks":[{{"type":"header","text":{{"type":"plain_text","text":{}}}}},)"
      R"({{"type":"section","text":{{"type":"mrkdwn","text":{}}}}}]}})",
      quoted(escaped(title)), quoted(title), quoted(text.empty() ? "-" : text));
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += fmt::format(R"(,"{}":{})", name, quoted(value));
}

std::string mail_body(const Notice& notice) {
  std::string text(utf8_prefix(notice.text, kMaxText));
  if (notice.review_url) {
    text += fmt::format("\n\nAnswer here, once, without signing in:\n{}", *notice.review_url);
  }
  if (notice.execution_id) text += "\n\nExecution: " + notice.execution_id->str();
  return fmt::format(R"({{"subject":{},"text":{}}})", quoted(notice.title), quoted(text + "\n"));
}

std::string data_of(const Notice& notice) {
  std::string data =
      fmt::format(R"({{"topic":"{}","title":{},"text":{})", codec::name_of(notice.topic),
                  quoted(notice.title), quoted(utf8_prefix(notice.text, kMaxText)));
  if (notice.persona_id) append_member(data, "personaId", notice.persona_id->str());
  if (notice.execution_id) append_member(data, "executionId", notice.execution_id->str());
  if (notice.review_id) append_member(data, "reviewId", notice.review_id->str());
  if (notice.review_url) append_member(data, "reviewUrl", *notice.review_url);
  return data + "}";
}

}  // namespace

bool is_told(const Endpoint& sink, const Notice& notice) {
  if (sink.persona_id && sink.persona_id != notice.persona_id) return false;
  return std::ranges::find(sink.notify, notice.topic) != sink.notify.end();
}

std::string notification_body(Kind kind, const Notice& notice, std::string_view type, Timestamp at,
                              const DeliveryId& id) {
  switch (kind) {
    case Kind::kSlack:
      return slack_body(notice);
    case Kind::kEmail:
      return mail_body(notice);
    case Kind::kWebhook:
      return body_of(type, at, data_of(notice));
    case Kind::kCommand:
      break;
  }
  // No header carries the id to a command.
  return fmt::format(R"({{"id":{},{})", quoted(id.str()),
                     body_of(type, at, data_of(notice)).substr(1));
}

}  // namespace personas::delivery
