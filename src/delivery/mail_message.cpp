#include "mail_message.hpp"

#include <algorithm>
#include <chrono>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

namespace personas::delivery {
namespace {

constexpr std::size_t kMaxPlainSubject = 60;  // with its name on one line of 78 characters
constexpr std::size_t kWordBytes = 39;        // in base64, with marks and "Subject: ", below 76
constexpr std::size_t kLineBytes = 57;        // in base64 one line of 76 characters

// "Sun, 22 Nov 2026 00:19:05 +0000"
std::string mail_date(Timestamp at) {
  using namespace std::chrono;
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto time = floor<std::chrono::seconds>(sys_time<microseconds>(microseconds(at.micros)));
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
                     kDays.substr(weekday(day).c_encoding() * 3, 3),
                     static_cast<unsigned>(date.day()),
                     kMonths.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3),
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

// Lines of its own in base64: whatever the text holds, it is 7 bits and short lines on the way.
std::string body_of(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += kLineBytes) {
    out += to_base64(as_bytes(text.substr(at, kLineBytes))) + "\r\n";
  }
  return out;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') continue;
    if (text[i] == '\n') out += '\r';
    out += text[i];
  }
  return out;
}

std::string member(const boost::json::value& json, std::string_view name) {
  const auto* object = json.if_object();
  const auto* found = object == nullptr ? nullptr : object->if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

}  // namespace

std::string header_text(std::string_view text) {
  std::string clean = to_valid_utf8(text);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  const bool ascii = std::ranges::all_of(clean, [](char c) { return c >= 0x20 && c < 0x7F; });
  if (ascii && clean.size() <= kMaxPlainSubject && !clean.contains("=?")) return clean;
  std::string out;
  for (std::string_view rest = clean; !rest.empty();) {
    const auto word = utf8_prefix(rest, kWordBytes);
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + to_base64(as_bytes(word)) + "?=";
    rest.remove_prefix(word.size());
  }
  return out;
}

Result<std::string> mail_message(const Delivery& delivery, std::string_view from,
                                 const std::vector<std::string>& to) {
  TRY(const auto json, codec::parse_json(delivery.payload.text));
  const auto subject = member(json, "subject");
  const auto domain = from.substr(from.find('@') + 1);
  std::string out =
      fmt::format("Date: {}\r\nFrom: Personas <{}>\r\n", mail_date(delivery.created_at), from);
  out += fmt::format("To: {}\r\n", fmt::join(to, ",\r\n "));
  out += fmt::format("Message-ID: <{}@{}>\r\n", delivery.id.str(), domain);
  out += fmt::format("Subject: {}\r\n", header_text(utf8_prefix(subject, kMaxSubject)));
  // No answers by machines, and no loops with them (RFC 3834).
  out +=
      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  return out + body_of(with_crlf(member(json, "text")));
}

}  // namespace personas::delivery
