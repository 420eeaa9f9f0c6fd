// Reads chosen members of a JSON text in place: values are passed over as they stand, nothing is
// built. For the lines of agent CLIs, of which a large tool result is the most and a few short
// members are all that matters.
//
// Strict where it decides who speaks: strings end where JSON says, brackets pair up, members are
// members. Not strict inside what is passed over. A raw value stands as it does in the text,
// without blanks around it. Private to the module.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace personas::agents::json {

inline bool is_object(std::string_view raw) {
  return raw.starts_with('{');
}
inline bool is_array(std::string_view raw) {
  return raw.starts_with('[');
}
inline bool is_string(std::string_view raw) {
  return raw.starts_with('"');
}

// The members of an object, or the elements of an array, one by one.
class Walk {
 public:
  explicit Walk(std::string_view raw);
  // False at the end, and where the text is not JSON.
  bool next();
  // After the end: whether it was reached in good order, with nothing but blanks behind it.
  bool complete() const { return complete_; }
  // Of a member: between its quotes, escapes as they stand (ours have none).
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  char close_ = '\0';
  bool first_ = true;
  bool complete_ = false;
  std::string_view key_;
  std::string_view value_;
};

// The values of these members of a raw object, empty where there is none; of a name that comes
// twice the last. Nothing is found in what is no object.
template <std::size_t N>
std::array<std::string_view, N> members(std::string_view raw,
                                        const std::array<std::string_view, N>& names,
                                        bool* complete = nullptr) {
  std::array<std::string_view, N> values{};
  Walk walk(is_object(raw) ? raw : std::string_view());
  while (walk.next()) {
    for (std::size_t i = 0; i < N; ++i) {
      if (walk.key() == names[i]) values[i] = walk.value();
    }
  }
  if (complete != nullptr) *complete = walk.complete();
  return values;
}
std::string_view member(std::string_view raw, std::string_view name);

// The text of a raw string, empty for other values; the beginning of at most `max_bytes` on a
// character's border. What is no character (half a surrogate pair, wrong UTF-8) becomes U+FFFD.
std::string text(std::string_view raw, std::size_t max_bytes = std::string::npos);
// The bytes of the whole text.
std::size_t text_size(std::string_view raw);
bool text_is(std::string_view raw, std::string_view expected);

std::optional<double> number(std::string_view raw);
// Nothing beyond what a double holds exactly.
std::optional<std::int64_t> integer(std::string_view raw);
inline bool is_true(std::string_view raw) {
  return raw == "true";
}
// There, and not null.
inline bool is_set(std::string_view raw) {
  return !raw.empty() && raw != "null";
}

}  // namespace personas::agents::json
