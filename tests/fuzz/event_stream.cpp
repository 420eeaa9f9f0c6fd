// Server-sent events as the client reads them: the same events however the bytes are cut, no event
// beyond the limit, and what is written as an event is read as that event.
#include "personas/base/bytes.hpp"

#include "sse.hpp"
#include "support.hpp"

namespace personas::fuzz {
namespace {

struct Read {
  std::vector<cli::SseEvent> events;
  bool failed = false;
  bool operator==(const Read&) const = default;
};

Read read(const std::vector<std::string_view>& pieces) {
  Read result;
  cli::SseParser parser("before");
  for (const auto piece : pieces) {
    const auto fed = parser.feed(piece, result.events);
    if (fed) continue;
    check_error(fed.error());
    result.failed = true;
    break;
  }
  return result;
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  using namespace personas::fuzz;
  const auto text = text_of(data, size);
  const Read whole = read({text});
  for (const auto& pieces : cuttings(text)) {
    PERSONAS_FUZZ_CHECK(read(pieces) == whole, "however it is cut");
  }
  for (const auto& event : whole.events) {
    PERSONAS_FUZZ_CHECK(event.data.size() <= cli::kMaxSseEventBytes, "the limit of an event");
    PERSONAS_FUZZ_CHECK(event.id.find_first_of("\r\n\0", 0, 3) == std::string::npos, "an id");
    std::string written = "id: " + event.id + "\nevent: " + event.type + "\n";
    for (std::string_view rest = event.data;;) {
      const bool more = rest.contains('\n');
      written += "data: " + std::string(take_line(rest)) + "\n";
      if (!more) break;
    }
    const Read again = read({written + "\n"});
    PERSONAS_FUZZ_CHECK(again.events == std::vector{event}, "what is written is read", written);
  }
  return 0;
}
