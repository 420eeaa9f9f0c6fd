// Regular expressions that users write, on texts that agents write (first line, the rest): they end
// within their bound of work; and where no border is asked for, a match stays where it is whatever
// is put behind it or cut off behind it.
#include "personas/pattern/pattern.hpp"

#include "support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  using namespace personas::fuzz;
  constexpr std::size_t kMaxText = 4000;
  std::string_view rest = text_of(data, size).substr(0, kMaxText);
  const auto source = take_line(rest);
  const auto pattern = pattern::Pattern::compile(source);
  if (!pattern) {
    check_error(pattern.error());
    return 0;
  }
  PERSONAS_FUZZ_CHECK(source.size() <= pattern::kMaxPattern, "the limit of a pattern");
  const auto match = pattern->search(rest);
  PERSONAS_FUZZ_CHECK(!match.gave_up, "so short a text is searched to its end");
  if (!match.found) return 0;
  PERSONAS_FUZZ_CHECK(match.end <= rest.size(), "a match within the text");
  if (source.find_first_of("^$") != std::string_view::npos || source.contains("\\b")) return 0;
  const auto prefix = pattern->search(rest.substr(0, match.end));
  PERSONAS_FUZZ_CHECK(prefix.found && prefix.end == match.end, "without what is behind it");
  const auto longer = pattern->search(std::string(rest) + "\nmore");
  PERSONAS_FUZZ_CHECK(longer.found && longer.end == match.end, "with more behind it");
  return 0;
}
