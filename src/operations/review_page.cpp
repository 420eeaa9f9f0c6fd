#include "review_page.hpp"

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/crypto/hash.hpp"

namespace personas::operations {
namespace {

constexpr std::string_view kStyle =
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8881;padding:.75rem}"
    "textarea{width:100%;box-sizing:border-box;font:inherit}"
    "button{font:inherit;padding:.5rem 1.25rem;margin:1rem 1rem 0 0}"
    ".problem{border-left:.25rem solid #b00;padding-left:.75rem}";

// Only this style, no script, nothing from elsewhere; the form goes back to where it came from.
const std::string& content_policy() {
  static const std::string policy = fmt::format(
      "default-src 'none'; style-src 'sha256-{}'; form-action 'self'; base-uri 'none'; "
      "frame-ancestors 'none'",
      to_base64(crypto::sha256(as_bytes(kStyle))));
  return policy;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string bounded(std::string_view text) {
  std::string out = escaped(utf8_prefix(text, kMaxPageText));
  if (text.size() > kMaxPageText) out += "\n… (cut; GET /api/reviews/pending has all of it)";
  return out;
}

Reply page(int status, std::string_view title, std::string_view body) {
  Reply reply{.status = status, .content_type = "text/html; charset=utf-8"};
  reply.body = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"robots\" content=\"noindex\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
      title, kStyle, body);
  reply.headers = {{"Content-Security-Policy", content_policy()},
                   {"Referrer-Policy", "no-referrer"},
                   {"X-Frame-Options", "DENY"},
                   {"Cross-Origin-Opener-Policy", "same-origin"}};
  if (status == info(ErrorCode::kUnauthorized).http_status) {
    reply.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"personas\"");
  }
  return reply;
}

}  // namespace

Reply question_page(int status, const Review& review, std::string_view asker,
                    std::string_view problem) {
  std::string body = fmt::format("<h1>{}</h1>\n", escaped(review.title));
  if (!problem.empty()) body += fmt::format("<p class=\"problem\">{}</p>\n", escaped(problem));
  body += fmt::format("<p>{} asks. Severity: {}.", escaped(asker), codec::name_of(review.severity));
  if (review.expires_at) {
    body += fmt::format(" Without an answer it expires at {}.", to_rfc3339(*review.expires_at));
  }
  body += "</p>\n";
  if (!review.description.empty()) body += "<pre>" + bounded(review.description) + "</pre>\n";
  if (review.context_data && !review.context_data->text.empty()) {
    body += "<h2>Context</h2>\n<pre>" + bounded(review.context_data->text) + "</pre>\n";
  }
  body += "<form method=\"post\" autocomplete=\"off\">\n";
  if (!review.suggested_actions.empty()) {
    body += "<fieldset><legend>Suggested</legend>\n";
    for (const auto& action : review.suggested_actions) {
      const auto text = escaped(action);
      body +=
          fmt::format("<label><input type=\"radio\" name=\"action\" value=\"{}\"> {}</label><br>\n",
                      text, text);
    }
    body += "</fieldset>\n";
  }
  body +=
      "<p><label>What the agent is told<br>\n"
      "<textarea name=\"message\" rows=\"5\" maxlength=\"10000\"></textarea></label></p>\n"
      "<button name=\"decision\" value=\"approved\">Approve</button>\n"
      "<button name=\"decision\" value=\"rejected\">Reject</button>\n</form>\n";
  return page(status, "Review", body);
}

Reply notice_page(int status, std::string_view heading, std::string_view text) {
  return page(status, heading,
              fmt::format("<h1>{}</h1>\n<p>{}</p>\n", escaped(heading), escaped(text)));
}

}  // namespace personas::operations
