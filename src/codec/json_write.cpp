// Values → compact JSON text, straight into a string.
#include <array>
#include <charconv>
#include <cmath>

#include "personas/base/bytes.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/json.hpp"

namespace personas::codec {
namespace {

namespace bj = boost::json;

// Bytes that stand for themselves in a JSON string: printable ASCII but the quote and backslash.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

constexpr std::size_t kNumberBytes = 32;  // longest: -1.7976931348623157e+308, 24 characters

template <class Number>
void append_number(Number number, std::string& out) {
  std::array<char, kNumberBytes> buffer;
  const auto [end, failure] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  out.append(buffer.data(), end);
}

void append_double(double number, std::string& out) {
  if (number == 0) {
    out += '0';  // also for -0.0, which equals it
  } else if (std::isfinite(number)) {
    append_number(number, out);
  } else {
    out += "null";
  }
}

void append_escape(unsigned char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out.append("\\u00").append({kHex[c >> 4], kHex[c & 15]});
  }
}

void append_value(const bj::value& value, std::string& out) {
  switch (value.kind()) {
    case bj::kind::null:
      out += "null";
      return;
    case bj::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case bj::kind::int64:
      append_number(value.get_int64(), out);
      return;
    case bj::kind::uint64:
      append_number(value.get_uint64(), out);
      return;
    case bj::kind::double_:
      append_double(value.get_double(), out);
      return;
    case bj::kind::string:
      append_json_string(value.get_string(), out);
      return;
    case bj::kind::array: {
      char separator = '[';
      for (const auto& element : value.get_array()) {
        out += std::exchange(separator, ',');
        append_value(element, out);
      }
      out += value.get_array().empty() ? "[]" : "]";
      return;
    }
    case bj::kind::object: {
      char separator = '{';
      for (const auto& member : value.get_object()) {
        out += std::exchange(separator, ',');
        append_json_string(member.key(), out);
        out += ':';
        append_value(member.value(), out);
      }
      out += value.get_object().empty() ? "{}" : "}";
      return;
    }
  }
}

class Writer {
 public:
  Writer(const WriteOptions& options, std::string& out) : options_(options), out_(out) {}

  void write(const TypeInfo& type, const void* value) {
    switch (type.kind) {
      case Kind::kBool:
        out_ += get<bool>(value) ? "true" : "false";
        return;
      case Kind::kInt32:
        append_number(get<std::int32_t>(value), out_);
        return;
      case Kind::kInt64:
        append_number(get<std::int64_t>(value), out_);
        return;
      case Kind::kDouble:
        append_double(get<double>(value), out_);
        return;
      case Kind::kString:
        append_json_string(get<std::string>(value), out_);
        return;
      case Kind::kId:
        append_json_string(type.id_text(value), out_);
        return;
      case Kind::kTimestamp:
        quote(to_rfc3339(get<Timestamp>(value)));
        return;
      case Kind::kEnum:
        write_enum(type, value);
        return;
      case Kind::kStruct:
        write_struct(type, value);
        return;
      case Kind::kRawJson:
        write_raw(get<RawJson>(value).text);
        return;
      case Kind::kJsonText:
        append_json_string(get<JsonText>(value).text, out_);
        return;
      case Kind::kOptional:
      case Kind::kList:
      case Kind::kMap:
        write_container(type, value);
        return;
    }
  }

 private:
  template <class T>
  static const T& get(const void* value) {
    return *static_cast<const T*>(value);
  }

  // For text that needs no escapes: names from descriptions, times.
  void quote(std::string_view text) {
    out_ += '"';
    out_ += text;
    out_ += '"';
  }

  void write_raw(std::string_view text) { out_ += text.empty() ? "null" : text; }

  void write_enum(const TypeInfo& type, const void* value) {
    const int index = type.enum_index(value);
    if (index < 0) {
      out_ += "null";  // a value without a name: a bug elsewhere, but never broken JSON
    } else {
      quote(type.enumerators[static_cast<std::size_t>(index)]);
    }
  }

  void write_struct(const TypeInfo& type, const void* value) {
    char separator = '{';
    for (const auto& field : type.fields) {
      if (field.rules.write_only && options_.write_only == WriteOptions::WriteOnly::kSkip) continue;
      const TypeInfo& field_type = field.type();
      // The accessor serves reading and writing; here nothing is written through it.
      const void* member = field.get(const_cast<void*>(value));
      if (options_.absent == WriteOptions::Absent::kOmit && field_type.kind == Kind::kOptional &&
          field_type.container->size(member) == 0) {
        continue;
      }
      out_ += std::exchange(separator, ',');
      quote(field.rules.name);
      out_ += ':';
      write(field_type, member);
    }
    out_ += separator == '{' ? "{}" : "}";
  }

  void write_container(const TypeInfo& type, const void* value) {
    struct Context {
      Writer& writer;
      const TypeInfo& element;
      Kind kind;
      std::size_t count = 0;
    } context{*this, type.container->element(), type.kind};
    if (type.kind == Kind::kList) out_ += '[';
    if (type.kind == Kind::kMap) out_ += '{';
    type.container->each(
        value, &context, [](void* erased, std::string_view key, const void* element) {
          auto& [writer, element_type, kind, count] = *static_cast<Context*>(erased);
          if (count++ > 0) writer.out_ += ',';
          if (kind == Kind::kMap) {
            append_json_string(key, writer.out_);
            writer.out_ += ':';
          }
          writer.write(element_type, element);
        });
    if (type.kind == Kind::kList) out_ += ']';
    if (type.kind == Kind::kMap) out_ += '}';
    if (type.kind == Kind::kOptional && context.count == 0) out_ += "null";
  }

  const WriteOptions& options_;
  std::string& out_;
};

}  // namespace

std::string serialize(const bj::value& value) {
  std::string out;
  append_value(value, out);
  return out;
}

void write_json(const TypeInfo& type, const void* value, const WriteOptions& options,
                std::string& out) {
  Writer(options, out).write(type, value);
}

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    while (at < text.size() && kPlain[static_cast<unsigned char>(text[at])]) ++at;
    out.append(text, start, at - start);
    if (at == text.size()) break;
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      append_escape(static_cast<unsigned char>(text[at++]), out);
      continue;
    }
    // A run of non-ASCII bytes holds whole sequences only, so it can be judged by itself.
    const std::size_t run = at;
    while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80) ++at;
    const std::string_view foreign = text.substr(run, at - run);
    if (is_utf8(foreign)) {
      out += foreign;
    } else {
      out += to_valid_utf8(foreign);
    }
  }
  out += '"';
}

}  // namespace personas::codec
