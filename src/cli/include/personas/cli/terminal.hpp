// Where a command writes, behind a port so that tests read what a person would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace personas::cli {

enum class Colours : std::uint8_t { kOff, kOn };
enum class Attached : std::uint8_t { kTerminal, kOther };  // kOther: a pipe or a file
// Whether what was written last can be taken back: both outputs are one terminal that can do it.
enum class Cursor : std::uint8_t { kFixed, kMovable };

inline constexpr std::size_t kUnlimitedWidth = std::numeric_limits<std::size_t>::max();

// Used from the task of the running command only. Text arrives cleaned of what a terminal would act
// on, save the colours the command itself adds. Writing to a reader that went away is the
// implementation's to handle; the command does not ask.
class Terminal {
 public:
  virtual ~Terminal() = default;
  virtual void out(std::string_view text) = 0;  // results
  virtual void err(std::string_view text) = 0;  // everything said about them
  virtual Attached attached() const = 0;        // standard output
  // Columns of the terminal; kUnlimitedWidth when it is not one, so that nothing is cut for a pipe.
  virtual std::size_t width() const = 0;
  virtual Colours colours() const = 0;
  virtual Cursor cursor() const { return Cursor::kFixed; }
  // One line from a person; nothing when nobody is there to be asked, or they end the input.
  virtual std::optional<std::string> ask(std::string_view) { return std::nullopt; }
};

// The width a terminal says it has, unless COLUMNS names another; not a terminal: no limit.
std::size_t decide_width(Attached attached, std::size_t reported, std::string_view columns);

// Colours only for a person at a terminal who did not ask for none. The arguments are the values of
// NO_COLOR (no-color.org) and TERM; empty for not set.
constexpr Colours decide_colours(Attached attached, std::string_view no_color,
                                 std::string_view term) {
  const bool wanted = attached == Attached::kTerminal && no_color.empty() && term != "dumb";
  return wanted ? Colours::kOn : Colours::kOff;
}

}  // namespace personas::cli
