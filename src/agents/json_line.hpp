// What the readers of JSON lines share: parsing a line as CLIs write it, and looking at fields that
// may be missing or of another kind. Private to the module.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "line_reader.hpp"

namespace personas::agents {

// Tolerates what JavaScript writes and strict JSON does not have: half a surrogate pair.
boost::json::value parse_line(std::string_view line, const boost::json::storage_ptr& memory,
                              boost::json::error_code& error);

// Empty, null or nothing if there is no such field of that kind.
std::string_view text_of(const boost::json::object& object, std::string_view key);
const boost::json::object* object_of(const boost::json::object& object, std::string_view key);
const boost::json::array* array_of(const boost::json::object& object, std::string_view key);
std::optional<double> number_of(const boost::json::object& object, std::string_view key);
std::optional<std::int64_t> integer_of(const boost::json::object& object, std::string_view key);
bool is_set(const boost::json::object& object, std::string_view key);  // there and not null
bool flag_of(const boost::json::object& object, std::string_view key);

// One cleaned line that tells people what a tool was asked to do.
std::string summary_of_input(const boost::json::value* input);

// A reader of lines that are objects with a `type`.
class TypedLineReader : public LineReader {
 public:
  TypedLineReader();
  LineKind read(std::string_view line, std::vector<AgentItem>& items) final;

 protected:
  virtual LineKind take(std::string_view type, const boost::json::object& line,
                        std::vector<AgentItem>& items) = 0;

  // For CLIs that do not say where a message of the model begins: with its words, or with a call
  // that follows a result. To be called before the words or the call are appended, and at a result.
  void begin_words(std::vector<AgentItem>& items);
  void begin_call(std::vector<AgentItem>& items);
  void note_result() { answered_ = true; }

 private:
  bool answered_ = true;
  std::unique_ptr<unsigned char[]> buffer_;  // memory of the tree, used again for each line
};

// The HTTP status that the provider answered with, as a CLI words it in its error: "unexpected
// status 401", or the provider's own JSON with "code":401.
std::optional<std::int64_t> status_in(std::string_view message);

}  // namespace personas::agents
