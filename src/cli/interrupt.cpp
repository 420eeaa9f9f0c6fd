#include "interrupt.hpp"

namespace personas::cli {

Interrupt::Do Interrupt::take(Happening happening, char key) {
  if (happening == Happening::kInterrupt) {
    if (asking_ || answers_ == Answers::kNobody) return Do::kDetach;
    asking_ = true;
    return Do::kAsk;
  }
  if (happening != Happening::kKey || !asking_) return Do::kNothing;
  asking_ = false;
  if (key == 'd' || key == 'D' || key == 'q') return Do::kDetach;
  if (key == 'c' || key == 'C') return Do::kCancel;
  return Do::kGoOn;
}

}  // namespace personas::cli
