// Ctrl-C while an execution is followed: what it means. Pure.
//
// An execution does not end because somebody stops looking, so a person is asked what they mean;
// where nobody can be asked, and when Ctrl-C comes twice, the meaning is: stop looking.
#pragma once

#include <cstdint>
#include <string_view>

#include "personas/cli/attention.hpp"

namespace personas::cli {

class Interrupt {
 public:
  enum class Do : std::uint8_t { kNothing, kAsk, kGoOn, kDetach, kCancel };

  explicit Interrupt(Answers answers) : answers_(answers) {}

  Do take(Happening happening, char key);
  bool is_asking() const { return asking_; }

  static constexpr std::string_view kQuestion =
      "Ctrl-C: d(etach), c(ancel), or any other key to go on?";

 private:
  Answers answers_;
  bool asking_ = false;
};

}  // namespace personas::cli
