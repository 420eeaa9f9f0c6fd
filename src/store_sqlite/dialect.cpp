#include "dialect.hpp"

#include <cctype>
#include <set>
#include <string>

namespace personas::store_sqlite {

namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string upper(std::string_view word) {
  std::string out(word);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string_view type_of(std::string_view word) {
  if (word == "int64") return "INTEGER";
  if (word == "float64") return "REAL";
  if (word == "bytes") return "BLOB";
  if (word == "text") return "TEXT";
  return {};
}

// The end of the quoted text that begins at `at`.
std::size_t skip_quoted(std::string_view text, std::size_t at) {
  const auto end = text.find(text[at], at + 1);
  return end == std::string_view::npos ? text.size() : end + 1;
}

class Translator {
 public:
  std::string run(std::string_view statement) {
    for (std::size_t at = 0; at < statement.size();) {
      const char c = statement[at];
      std::size_t end = at + 1;
      if (c == '\'' || c == '"') {
        end = skip_quoted(statement, at);
        out_ += statement.substr(at, end - at);
        previous_.clear();
      } else if (is_word(c)) {
        while (end < statement.size() && is_word(statement[end])) ++end;
        word(statement.substr(at, end - at));
      } else {
        if (c == '(') ++depth_;
        if (c == ')') --depth_;
        if (c == ',' || c == '(') clause_words_ = 0;
        if (std::isspace(static_cast<unsigned char>(c)) == 0) previous_.clear();
        out_ += c;
      }
      at = end;
    }
    return std::move(out_);
  }

  bool defines_table() const { return is_create_ && is_table_; }
  // "n int64 PRIMARY KEY" or "PRIMARY KEY (n)" of such a column.
  bool keyed_by_integer() const {
    return key_columns_ == 0 ? integer_column_is_key_
                             : key_columns_ == 1 && integers_.contains(key_column_);
  }

 private:
  void word(std::string_view word) {
    const auto name = upper(word);
    if (count_ == 0) is_create_ = name == "CREATE";
    if (count_ == 0) is_alter_ = name == "ALTER";
    if (count_ == 1) is_table_ = name == "TABLE";
    ++count_;
    // A type follows a column's name, so that a column may itself be called "bytes" or "text".
    const int level = is_create_ ? 1 : 0;
    const bool in_type_place = is_table_ && (is_create_ || is_alter_) && depth_ == level &&
                               !previous_.empty() && previous_ != "COLUMN";
    const auto type = in_type_place ? type_of(word) : std::string_view{};
    if (!type.empty() && type == "INTEGER") integers_.insert(previous_);
    if (!type.empty()) column_is_integer_ = type == "INTEGER";
    if (in_key_ && depth_ == 2) {
      ++key_columns_;
      key_column_ = name;
    } else {
      in_key_ = depth_ == 1 && name == "KEY" && previous_ == "PRIMARY";
      // Only a column's own clause has a word before "PRIMARY".
      if (in_key_ && clause_words_ > 1) integer_column_is_key_ = column_is_integer_;
    }
    ++clause_words_;
    out_ += type.empty() ? word : type;
    previous_ = name;
  }

  std::string out_;
  std::string previous_;  // the word before, upper case; empty after anything else
  int depth_ = 0;
  int count_ = 0;
  bool is_create_ = false;
  bool is_alter_ = false;
  bool is_table_ = false;
  int clause_words_ = 0;            // since the last ',' or '('
  bool column_is_integer_ = false;  // the column being defined
  bool integer_column_is_key_ = false;
  bool in_key_ = false;  // after PRIMARY KEY
  int key_columns_ = 0;  // named in PRIMARY KEY (…)
  std::string key_column_;
  std::set<std::string> integers_;  // columns, upper case
};

}  // namespace

std::string to_sqlite(std::string_view statement) {
  Translator translator;
  auto out = translator.run(statement);
  if (translator.defines_table()) {
    out += translator.keyed_by_integer() ? " STRICT" : " STRICT, WITHOUT ROWID";
  }
  return out;
}

}  // namespace personas::store_sqlite
