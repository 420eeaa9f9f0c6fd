#include "router.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace personas::http_api {
namespace {

// More segments than any path has.
constexpr std::size_t kMaxSegments = 12;

struct Segments {
  std::array<std::string_view, kMaxSegments> parts;
  std::size_t count = 0;
  bool too_many = false;
};

Segments split(std::string_view path) {
  Segments result;
  path.remove_prefix(std::min<std::size_t>(1, path.size()));
  while (true) {
    const auto slash = path.find('/');
    if (result.count == kMaxSegments) {
      result.too_many = true;
      return result;
    }
    result.parts[result.count++] = path.substr(0, slash);
    if (slash == path.npos) return result;
    path.remove_prefix(slash + 1);
  }
}

bool is_parameter(std::string_view segment) {
  return segment.starts_with('{');
}

}  // namespace

Router::Router(std::span<const operations::Operation> table) {
  for (const auto& operation : table) {
    const auto segments = split(operation.path);
    entries_.push_back(
        {{segments.parts.begin(), segments.parts.begin() + static_cast<long>(segments.count)},
         &operation});
  }
  // Literal segments go before parameters: /api/reviews/pending is not a review called "pending".
  const auto pattern_of = [](const Entry& entry) {
    std::string pattern;
    for (const auto segment : entry.segments) pattern += is_parameter(segment) ? '1' : '0';
    return pattern;
  };
  std::ranges::sort(entries_, [&pattern_of](const Entry& a, const Entry& b) {
    return std::pair(pattern_of(a), a.operation) < std::pair(pattern_of(b), b.operation);
  });
}

Route Router::find(std::string_view method, std::string_view path) const {
  const auto segments = split(path);
  Route route;
  if (segments.too_many) return route;
  if (method == "HEAD") method = "GET";
  const std::span asked(segments.parts.data(), segments.count);
  for (const auto& entry : entries_) {
    const bool matches = std::ranges::equal(entry.segments, asked, [](auto pattern, auto segment) {
      return is_parameter(pattern) ? !segment.empty() : pattern == segment;
    });
    if (!matches) continue;
    route.same_path = entry.operation;
    if (entry.operation->method != method) {
      if (!route.allowed.empty()) route.allowed += ", ";
      route.allowed += entry.operation->method;
      continue;
    }
    route.operation = entry.operation;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (is_parameter(entry.segments[i])) route.parameters.emplace_back(asked[i]);
    }
    return route;
  }
  return route;
}

}  // namespace personas::http_api
