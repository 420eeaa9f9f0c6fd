// The SQL that the domain speaks: one subset that SQLite and PostgreSQL both run
// (docs/decisions/0003-store.md): INSERT … ON CONFLICT, RETURNING, int64 microseconds, typed bytes,
// `?` parameters, no rowid, no engine functions.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "personas/base/bytes.hpp"
#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/rows.hpp"

namespace personas::store {

// A statement with static storage duration. Engines keep one prepared form per Sql object, found by
// address: declare them `static const Sql kName{"…"}` and never build them from values.
class Sql {
 public:
  explicit Sql(std::string text) : text_(std::move(text)) {}
  Sql(const Sql&) = delete;
  Sql& operator=(const Sql&) = delete;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// A parameter; borrows text and bytes until the call returns.
class Value {
 public:
  Value() = default;  // NULL, like nullptr
  Value(std::nullptr_t) {}
  Value(std::int64_t v) : v_(v) {}
  Value(std::int32_t v) : v_(std::int64_t{v}) {}
  Value(double v) : v_(v) {}
  Value(Timestamp v) : v_(v.micros) {}
  Value(std::string_view v) : v_(v) {}
  Value(const std::string& v) : v_(std::string_view(v)) {}
  Value(const char* v) : v_(std::string_view(v)) {}
  Value(ByteView v) : v_(v) {}
  Value(const Bytes& v) : v_(ByteView(v)) {}
  template <class Tag>
  Value(const Id<Tag>& id) : v_(std::string_view(id.str())) {}
  template <class T>
  Value(const std::optional<T>& v) {
    if (v) *this = Value(*v);
  }
  Value(const codec::Cell& cell);

  using Holder = std::variant<std::monostate, std::int64_t, double, std::string_view, ByteView>;
  const Holder& get() const { return v_; }

 private:
  Holder v_;
};

using Row = codec::RowReader;

// Calls back per row. Return false to stop early.
using RowVisitor = std::function<Result<bool>(const Row&)>;

}  // namespace personas::store
