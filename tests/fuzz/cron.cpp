// Schedules that users write (first line: the expression, second: the zone, the rest: digits of a
// moment): they are read or refused with a reason, and slots rise strictly, on and on.
#include "personas/schedule/schedule.hpp"

#include "support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  using namespace personas::fuzz;
  std::string_view rest = text_of(data, size);
  const std::string expression(take_line(rest));
  const std::string zone(take_line(rest));
  const auto schedule = schedule::parse_schedule({.expression = expression, .timezone = zone});
  if (!schedule) {
    check_error(schedule.error());
    return 0;
  }
  constexpr std::uint64_t kYear2100 = 4'102'444'800;
  Timestamp time{static_cast<std::int64_t>(number_of(rest, kYear2100)) * 1'000'000};
  for (int i = 0; i < 20; ++i) {
    const auto next = schedule->next_after(time);
    if (!next) return 0;
    PERSONAS_FUZZ_CHECK(*next > time, "slots rise");
    PERSONAS_FUZZ_CHECK(schedule->next_after(*next - Duration(1)) == next, "no slot between");
    const Timestamp middle{time.micros + (next->micros - time.micros) / 2};
    PERSONAS_FUZZ_CHECK(schedule->next_after(middle) == next,
                        "the same slot from any moment before it");
    time = *next;
  }
  return 0;
}
