// A value that must not get out by accident: it cannot be printed, formatted, compared with ==,
// serialised or copied implicitly, and its memory is overwritten when it goes.
#pragma once

#include <string>
#include <string_view>

namespace personas {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value);
  ~Secret();
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  Secret clone() const { return Secret(value_); }
  bool empty() const { return value_.empty(); }
  std::size_t size() const { return value_.size(); }
  // The only way out. Each call is a place to review.
  std::string_view reveal() const { return value_; }
  // Constant-time for equal lengths.
  bool equals(std::string_view candidate) const;

 private:
  std::string value_;
};

// Overwrites memory in a way the optimiser keeps.
void wipe(std::string& text);

}  // namespace personas
