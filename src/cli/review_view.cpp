#include "review_view.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShownLine = 500;
constexpr std::size_t kMaxShownText = 20'000;

std::string clean(std::string_view text) {
  return agents::clean_line(text, kMaxShownLine);
}

std::string paragraph(std::string_view text) {
  std::string out = agents::clean_text(text.substr(0, kMaxShownText));
  if (!out.empty() && !out.ends_with('\n')) out += '\n';
  return out;
}

}  // namespace

Paint paint_of_content(ContentType type) {
  switch (type) {
    case ContentType::kError:
      return Paint::kRed;
    case ContentType::kWarning:
      return Paint::kYellow;
    case ContentType::kSuccess:
      return Paint::kGreen;
    case ContentType::kInfo:
      break;
  }
  return Paint::kNone;
}

std::string review_text(const Terminal& terminal, const Review& review, Timestamp now) {
  const bool urgent = review.severity == Severity::kHigh || review.severity == Severity::kCritical;
  std::string out = paint(terminal, Paint::kBold, clean(review.title)) + "\n";
  out += paint(terminal, urgent ? Paint::kRed : Paint::kYellow,
               std::string(codec::name_of(review.severity)));
  out +=
      paint(terminal, Paint::kDim,
            fmt::format(" · asked {} ago · {}{}\n", age(now - review.created_at), review.id.str(),
                        review.execution_id ? " in " + review.execution_id->str() : ""));
  if (review.expires_at) {
    out += paint(terminal, Paint::kDim,
                 *review.expires_at > now
                     ? fmt::format("expires in {}\n", age(*review.expires_at - now))
                     : std::string("about to expire\n"));
  }
  if (!review.description.empty()) out += "\n" + paragraph(review.description);
  if (review.context_data && !review.context_data->text.empty()) {
    out += "\ncontext: " + agents::clean_line(review.context_data->text, kMaxShownText) + "\n";
  }
  if (!review.suggested_actions.empty()) out += "\nit suggests:\n";
  for (const auto& action : review.suggested_actions) out += "  - " + clean(action) + "\n";
  out += fmt::format("\n  personas approve {0}   or: personas reject {0}\n", review.id.str());
  return out;
}

std::string message_text(const Terminal& terminal, const Message& message, Timestamp now) {
  std::string out;
  if (message.title) out += paint(terminal, Paint::kBold, clean(*message.title)) + "\n";
  out += paint(terminal, paint_of_content(message.content_type),
               std::string(codec::name_of(message.content_type)));
  out += paint(terminal, Paint::kDim,
               fmt::format(" · {} ago · {}{}\n\n", age(now - message.created_at), message.id.str(),
                           message.execution_id ? " in " + message.execution_id->str() : ""));
  return out + paragraph(message.content);
}

}  // namespace personas::cli
