#include "personas/base/secret.hpp"

#include <utility>

namespace personas {

void wipe(std::string& text) {
  volatile char* at = text.data();
  for (std::size_t i = 0; i < text.capacity(); ++i) at[i] = 0;
  text.clear();
}

Secret::Secret(std::string value) : value_(value) { wipe(value); }

Secret::~Secret() { wipe(value_); }

Secret::Secret(Secret&& other) noexcept : value_(other.value_) { wipe(other.value_); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe(value_);
    value_ = other.value_;
    wipe(other.value_);
  }
  return *this;
}

bool Secret::equals(std::string_view candidate) const {
  if (candidate.size() != value_.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < candidate.size(); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(candidate[i]) ^
                                        static_cast<unsigned char>(value_[i]));
  }
  return difference == 0;
}

}  // namespace personas
