// Described structs ↔ JSON text.
//
// Reading collects every wrong field with its JSON pointer; writing goes straight to a string.
// The code per field is a pointer and a type-erased handler, so that a struct costs tables, not
// instantiations (docs/decisions/0008-described-structs.md). All functions are pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "personas/base/error.hpp"
#include "personas/codec/described.hpp"
#include "personas/codec/type_info.hpp"

namespace personas::codec {

struct ParseLimits {
  std::size_t max_bytes = 4 * 1024 * 1024;
  std::size_t max_depth = 64;  // deeper is refused before it can cost stack
};
// Members of one object. Far above any real body; keeps crafted keys that all fall into one hash
// bucket from costing more than milliseconds.
inline constexpr std::size_t kMaxObjectMembers = 10'000;
// Wrong fields reported at once. More do not help anyone, and each costs memory.
inline constexpr std::size_t kMaxFieldErrors = 50;

// Parses JSON text: UTF-8 checked, no duplicate keys in an object, no NaN/Infinity, no numbers
// beyond a double, no trailing text, no byte-order mark. Doubles are read exactly. Error
// kMalformedJson says where; kPayloadTooLarge if the text is longer than max_bytes.
// With `memory` the value lives there (a monotonic_resource halves the cost of a short-lived
// value).
Result<boost::json::value> parse_json(std::string_view text, const ParseLimits& limits = {},
                                      boost::json::storage_ptr memory = {});
// Compact text of a JSON value.
std::string serialize(const boost::json::value& value);

enum class UnknownFields : std::uint8_t {
  kReject,  // API bodies: a typing mistake must not be lost silently
  kIgnore,  // worker frames: newer peers may send more
};

struct ReadOptions {
  UnknownFields unknown = UnknownFields::kReject;
  // With kPartial, missing required fields are fine and absent fields keep their present value
  // (PATCH, PUT over an existing object). Objects merge member by member; lists and maps are
  // replaced, and what is newly made in them must be complete.
  enum class Completeness : std::uint8_t { kFull, kPartial } completeness = Completeness::kFull;
  // Fields marked read_only are refused if they are present (kRefuse), or taken (kAccept: rows,
  // frames and our own responses read by the client), or silently dropped (kDrop: a client that
  // sends back what it got).
  enum class ReadOnly : std::uint8_t { kRefuse, kAccept, kDrop } read_only = ReadOnly::kDrop;
  // kTrust: rules and the form of ids are not checked again (what we stored ourselves under the
  // rules of that day). Types are always checked.
  enum class Rules : std::uint8_t { kCheck, kTrust } rules = Rules::kCheck;
};

// Reads into `out`, which keeps what the JSON does not mention. All errors at once, as
// kInvalidRequest. After an error `out` is partly changed: read into a copy of what matters.
Result<void> read_json(const boost::json::value& json, const TypeInfo& type, void* out,
                       const ReadOptions& options);

template <class T>
Result<void> read_into(const boost::json::value& json, T& out, const ReadOptions& options = {}) {
  return read_json(json, type_info<T>(), &out, options);
}

template <class T>
Result<T> from_json(const boost::json::value& json, const ReadOptions& options = {}) {
  T out{};
  TRY_VOID(read_into(json, out, options));
  return out;
}

// parse_json and read_json in one, without a lasting tree between them.
Result<void> parse_into(std::string_view text, const TypeInfo& type, void* out,
                        const ReadOptions& options, const ParseLimits& limits);

template <class T>
Result<T> parse(std::string_view text, const ReadOptions& options = {},
                const ParseLimits& limits = {}) {
  T out{};
  TRY_VOID(parse_into(text, type_info<T>(), &out, options, limits));
  return out;
}

struct WriteOptions {
  // Absent optionals: null in the API (clients expect the member), left out on the wire.
  enum class Absent : std::uint8_t { kNull, kOmit } absent = Absent::kNull;
  // kInclude: also fields marked write_only (rows; a client that sends a secret).
  enum class WriteOnly : std::uint8_t { kSkip, kInclude } write_only = WriteOnly::kSkip;
};

// Appends compact JSON text. Member order is declaration order, so equal values give equal bytes.
void write_json(const TypeInfo& type, const void* value, const WriteOptions& options,
                std::string& out);

template <class T>
void append_json(const T& value, std::string& out, const WriteOptions& options = {}) {
  write_json(type_info<T>(), &value, options, out);
}

template <class T>
std::string to_json(const T& value, const WriteOptions& options = {}) {
  std::string out;
  append_json(value, out, options);
  return out;
}

// Appends `text` as a JSON string, quotes included. Ill-formed UTF-8 becomes U+FFFD.
void append_json_string(std::string_view text, std::string& out);

}  // namespace personas::codec
