// A value against a compiled schema.
#include <algorithm>

#include <fmt/format.h>

#include "personas/codec/json.hpp"

#include "keywords.hpp"

namespace personas::json_schema {

std::string Place::pointer() const {
  if (above == nullptr) return {};
  std::string text = above->pointer() + "/";
  if (name.data() == nullptr) return text + fmt::to_string(index);
  for (const char c : name) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

bool Checker::fits(const boost::json::value& schema, const boost::json::value& value,
                   const Place& place) {
  ++work_;
  if (exhausted()) return false;
  if (schema.is_bool()) {
    return schema.get_bool() || wrong(place, "is not allowed here");
  }
  bool all = true;
  const auto& members = schema.get_object();
  for (const auto& member : members) {
    const auto* keyword = find_keyword(member.key());
    if (keyword == nullptr || keyword->apply == nullptr) continue;
    ++work_;
    if (keyword->apply(*this, {members, member.value(), value, place})) continue;
    all = false;
    if (quiet_ > 0 || exhausted()) break;
  }
  return all;
}

bool Checker::would_fit(const boost::json::value& schema, const boost::json::value& value,
                        const Place& place) {
  ++quiet_;
  const bool fit = fits(schema, value, place);
  --quiet_;
  return fit;
}

bool Checker::wrong(const Place& place, std::string message) {
  if (quiet_ == 0 && errors_.size() < codec::kMaxFieldErrors) {
    FieldError error{place.pointer(), std::move(message)};
    if (std::ranges::find(errors_, error) == errors_.end()) errors_.push_back(std::move(error));
  }
  return false;
}

bool Checker::matches(std::string_view pattern, std::string_view text) {
  const auto found = parts_.patterns.find(pattern);
  if (exhausted() || found == parts_.patterns.end()) return false;
  const auto match = found->second.search(text, kMaxWork - work_);
  work_ += match.steps;
  return match.found;
}

Result<void> Schema::check(const boost::json::value& value) const {
  Checker checker(*parts_);
  const bool fits = checker.fits(parts_->root, value, Place{});
  if (checker.exhausted()) {
    return fail(ErrorCode::kUnprocessable,
                "Holding the input against its schema takes too much work; send less, or make the "
                "schema simpler");
  }
  if (fits) return {};
  std::string message = "The input does not fit its schema: ";
  for (const auto& error : checker.errors()) {
    if (&error != &checker.errors().front()) message += "; ";
    message += error.path.empty() ? error.message : error.path + " " + error.message;
  }
  return fail(ErrorCode::kInvalidRequest, std::move(message), std::move(checker.errors()));
}

}  // namespace personas::json_schema
