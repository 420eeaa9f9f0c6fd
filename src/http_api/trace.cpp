#include "trace.hpp"

#include <array>

#include "personas/base/bytes.hpp"
#include "personas/base/id.hpp"

namespace personas::http_api {
namespace {

constexpr std::size_t kTraceDigits = 32;
constexpr std::size_t kSpanDigits = 16;
constexpr std::size_t kParentLength = 2 + 1 + kTraceDigits + 1 + kSpanDigits + 1 + 2;

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == text.npos;
}
bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == text.npos;
}

// version "-" trace "-" span "-" flags; later versions may go on after another "-".
bool is_valid_parent(std::string_view text) {
  if (text.size() < kParentLength) return false;
  const auto version = text.substr(0, 2);
  if (!is_lower_hex(version) || version == "ff") return false;
  if (text.size() > kParentLength && (version == "00" || text[kParentLength] != '-')) return false;
  const auto trace = text.substr(3, kTraceDigits);
  const auto span = text.substr(4 + kTraceDigits, kSpanDigits);
  const auto flags = text.substr(kParentLength - 2, 2);
  return text[2] == '-' && text[3 + kTraceDigits] == '-' && text[kParentLength - 3] == '-' &&
         is_lower_hex(trace) && is_lower_hex(span) && is_lower_hex(flags) && !is_zero(trace) &&
         !is_zero(span);
}

}  // namespace

std::string request_id_of(std::string_view given, Timestamp now, Random& random) {
  if (is_valid_id(given)) return std::string(given);
  return RequestId::make(now, random).str();
}

std::string child_trace(std::string_view given, Random& random) {
  std::array<std::uint8_t, (kTraceDigits + kSpanDigits) / 2> bytes{};
  random.fill(bytes);
  std::string fresh = to_hex(bytes);
  fresh.back() = fresh.back() == '0' ? '1' : fresh.back();  // never all zeros
  fresh.front() = fresh.front() == '0' ? '1' : fresh.front();
  const bool valid = is_valid_parent(given);
  const auto trace =
      valid ? given.substr(3, kTraceDigits) : std::string_view(fresh).substr(0, kTraceDigits);
  const auto flags = valid ? given.substr(kParentLength - 2, 2) : std::string_view("00");
  std::string child = "00-";
  child.append(trace).append("-").append(fresh, kTraceDigits).append("-").append(flags);
  return child;
}

}  // namespace personas::http_api
