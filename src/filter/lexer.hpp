// Words of filters and placeholders, and the parts of their grammar that both share.
//
// Reading stops at the first problem; every function says false from then on. The text must outlive
// the reader and is well-formed UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "personas/base/error.hpp"
#include "personas/filter/path.hpp"

namespace personas::filter {

struct Token {
  enum class Kind : std::uint8_t { kEnd, kName, kString, kNumber, kSign, kUnknown };
  Kind kind = Kind::kEnd;
  std::string_view text = {};
  std::size_t begin = 0;  // in the whole text
};

// "line 2, character 5: <problem>", then the line and a caret below the place.
std::string located(std::string_view text, std::size_t at, std::string_view problem);

class Lexer {
 public:
  explicit Lexer(std::string_view text, std::size_t begin = 0);

  const Token& now() const { return now_; }
  bool at(std::string_view sign_or_word) const;
  void advance();
  // Steps over the sign or word, if it is here.
  bool take(std::string_view sign_or_word);
  // Steps over what is here without reading on: other text follows.
  void step_over() { last_end_ = now_.begin + now_.text.size(); }
  // Where what was stepped over last ended.
  std::size_t last_end() const { return last_end_; }

  bool refuse(std::size_t at, std::string problem);
  bool refuse_here(std::string problem) { return refuse(now_.begin, std::move(problem)); }
  bool failed() const { return problem_.has_value(); }
  // As located() shows it.
  std::string problem() const;

  // What stands here, in words: `"opened"`, "the end".
  std::string found() const;

  bool at_literal() const;
  bool literal(boost::json::value& out);
  bool at_path() const;
  bool path(Path& out);

 private:
  struct Problem {
    std::size_t at;
    std::string what;
  };

  Token read(std::size_t begin) const;
  std::size_t end_of_string(std::size_t begin) const;
  bool envelope(Path& out);
  bool brackets(Path& out);
  bool add(Path& out, Step step);

  std::string_view text_;
  Token now_;
  std::size_t last_end_ = 0;
  std::optional<Problem> problem_;
};

// Words with a meaning; as the first name of a path they are written ["in"].
bool is_keyword(std::string_view word);
// A name that needs no quotes behind a dot.
bool is_plain_name(std::string_view name);

}  // namespace personas::filter
