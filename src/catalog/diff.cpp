#include "personas/catalog/diff.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "personas/codec/json.hpp"

namespace personas::catalog {
namespace {

namespace bj = boost::json;

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

void add(std::vector<DiffLine>& out, LineOp op, std::span<const std::string_view> lines) {
  for (const auto line : lines) out.push_back({op, std::string(line)});
}

// By the longest common subsequence of what remains between equal ends.
void diff_middle(std::span<const std::string_view> a, std::span<const std::string_view> b,
                 std::vector<DiffLine>& out) {
  if (a.size() > kMaxComparedLines || b.size() > kMaxComparedLines || a.empty() || b.empty()) {
    add(out, LineOp::kRemoved, a);
    add(out, LineOp::kAdded, b);
    return;
  }
  const std::size_t width = b.size() + 1;
  std::vector<std::uint16_t> common((a.size() + 1) * width, 0);  // of the ends from (i, j) on
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      const auto longer = std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
      const auto both = static_cast<std::uint16_t>(common[(i + 1) * width + j + 1] + 1);
      common[i * width + j] = a[i] == b[j] ? both : longer;
    }
  }
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      add(out, LineOp::kSame, a.subspan(i++, 1));
      ++j;
    } else if (j == b.size() ||
               (i < a.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      add(out, LineOp::kRemoved, a.subspan(i++, 1));
    } else {
      add(out, LineOp::kAdded, b.subspan(j++, 1));
    }
  }
}
static_assert(kMaxComparedLines < UINT16_MAX);

// Leaves out equal lines that no change is near to.
std::vector<DiffLine> condensed(std::vector<DiffLine> all) {
  std::vector<bool> shown(all.size(), false);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].op == LineOp::kSame) continue;
    const std::size_t first = i - std::min(i, kContextLines);
    const std::size_t last = std::min(all.size() - 1, i + kContextLines);
    for (std::size_t k = first; k <= last; ++k) shown[k] = true;
  }
  std::vector<DiffLine> out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (shown[i]) {
      out.push_back(std::move(all[i]));
    } else if (out.empty() || out.back().op != LineOp::kSkipped) {
      out.push_back({LineOp::kSkipped, {}});
    }
  }
  return out;
}

using Fields = std::vector<std::pair<std::string, bj::value>>;

// "customSections" is a list only to keep its order; its entries are fields of their own.
bool add_sections(const std::string& name, const bj::array& sections, Fields& fields) {
  Fields found;
  for (const auto& entry : sections) {
    const auto* section = entry.if_object();
    const auto* title = section == nullptr ? nullptr : section->if_contains("title");
    const auto* content = section == nullptr ? nullptr : section->if_contains("content");
    if (title == nullptr || !title->is_string() || content == nullptr) return false;
    const std::string path = name + "." + std::string(title->get_string());
    if (std::ranges::find(found, path, &Fields::value_type::first) != found.end()) return false;
    found.emplace_back(path, *content);
  }
  std::ranges::move(found, std::back_inserter(fields));
  return true;
}

void flatten(const std::string& name, const bj::value& value, Fields& fields) {
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& member : *object) {
      flatten(name + "." + std::string(member.key()), member.value(), fields);
    }
    return;
  }
  const auto* list = value.if_array();
  if (list != nullptr && name.ends_with(".customSections") && add_sections(name, *list, fields)) {
    return;
  }
  fields.emplace_back(name, value);
}

Fields flat(const bj::object& object) {
  Fields fields;
  for (const auto& member : object) {
    const std::string name(member.key());
    const bool holds_json =
        name == "structuredPrompt" || name == "designContext" || name == "inputSchema";
    if (holds_json && member.value().is_string()) {
      const auto& text = member.value().get_string();
      if (auto json = codec::parse_json(std::string_view(text.data(), text.size()))) {
        flatten(name, *json, fields);
        continue;
      }
    }
    flatten(name, member.value(), fields);
  }
  return fields;
}

bool has_lines(const bj::value& value) {
  return value.is_string() && value.get_string().find('\n') != bj::string::npos;
}

std::string text_of(const bj::value& value) {
  return value.is_string() ? std::string(value.get_string()) : std::string();
}

FieldChange change_of(const std::string& field, const bj::value& before, const bj::value& after) {
  FieldChange change{field, {codec::serialize(before)}, {codec::serialize(after)}, {}};
  const bool texts =
      (before.is_string() || before.is_null()) && (after.is_string() || after.is_null());
  if (texts && (has_lines(before) || has_lines(after))) {
    change.lines = diff_lines(text_of(before), text_of(after));
  }
  return change;
}

}  // namespace

std::vector<DiffLine> diff_lines(std::string_view before, std::string_view after) {
  const Lines a = lines_of(before);
  const Lines b = lines_of(after);
  std::size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  std::size_t tail = 0;
  while (tail < a.size() - head && tail < b.size() - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
    ++tail;
  }
  const std::span whole_a(a);
  const std::span whole_b(b);
  std::vector<DiffLine> all;
  add(all, LineOp::kSame, whole_a.first(head));
  diff_middle(whole_a.subspan(head, a.size() - head - tail),
              whole_b.subspan(head, b.size() - head - tail), all);
  add(all, LineOp::kSame, whole_a.last(tail));
  return condensed(std::move(all));
}

std::vector<FieldChange> diff_objects(const bj::object& before, const bj::object& after) {
  const Fields old_fields = flat(before);
  const Fields new_fields = flat(after);
  const auto find = [](const Fields& fields, const std::string& name) -> const bj::value* {
    const auto it = std::ranges::find(fields, name, &Fields::value_type::first);
    return it == fields.end() ? nullptr : &it->second;
  };
  std::vector<FieldChange> changes;
  for (const auto& [name, value] : new_fields) {
    const auto* old = find(old_fields, name);
    if (old == nullptr ? value.is_null() : *old == value) continue;
    changes.push_back(change_of(name, old == nullptr ? bj::value() : *old, value));
  }
  for (const auto& [name, value] : old_fields) {
    if (value.is_null() || find(new_fields, name) != nullptr) continue;
    changes.push_back(change_of(name, value, bj::value()));
  }
  return changes;
}

}  // namespace personas::catalog
