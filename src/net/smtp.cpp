#include "personas/net/smtp.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "personas/base/bytes.hpp"

namespace personas::net {
namespace {

bool equal_words(std::string_view a, std::string_view b) {
  const auto upper = [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  };
  return std::ranges::equal(a, b, {}, upper, upper);
}

std::string_view take_word(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const auto word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

Result<std::optional<SmtpReply>> SmtpReplyReader::feed(std::string_view line) {
  int code = 0;
  const auto digits = line.substr(0, 3);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  const char mark = line.size() > 3 ? line[3] : ' ';
  const bool last = mark == ' ';
  const bool more = mark == '-';
  if (digits.size() < 3 || !whole || code < 200 || code > 599 || (!last && !more) ||
      (lines_ > 0 && code != reply_.code) || ++lines_ > kMaxSmtpLines) {
    return fail(ErrorCode::kUnavailable, "The server does not answer in SMTP.");
  }
  reply_.code = code;
  std::string text = to_valid_utf8(line.size() > 4 ? line.substr(4) : std::string_view());
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  if (!reply_.text.empty() && !text.empty()) reply_.text += ' ';
  reply_.text = utf8_prefix(reply_.text + text, kMaxSmtpText);
  if (more) return std::optional<SmtpReply>();
  lines_ = 0;
  return std::optional(std::exchange(reply_, SmtpReply()));
}

void SmtpCapabilities::add(std::string_view line) {
  const auto keyword = take_word(line);
  if (equal_words(keyword, "STARTTLS")) start_tls = Has::kYes;
  if (!equal_words(keyword, "AUTH")) return;
  for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
    if (equal_words(word, "PLAIN")) auth_plain = Has::kYes;
    if (equal_words(word, "LOGIN")) auth_login = Has::kYes;
  }
}

Secret smtp_plain_login(std::string_view user, const Secret& password) {
  std::string text;
  text.push_back('\0');
  text.append(user).push_back('\0');
  text.append(password.reveal());
  const Secret whole(std::move(text));
  return Secret(to_base64(as_bytes(whole.reveal())));
}

std::string smtp_data(std::string_view message) {
  std::string out;
  out.reserve(message.size() + message.size() / 64 + 8);
  bool at_start = true;
  for (const char c : message) {
    if (at_start && c == '.') out += '.';
    out += c;
    at_start = c == '\n';
  }
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out + ".\r\n";
}

}  // namespace personas::net
