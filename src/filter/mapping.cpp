#include "personas/filter/mapping.hpp"

#include <utility>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

#include "lexer.hpp"
#include "view.hpp"

namespace personas::filter {
namespace {

namespace bj = boost::json;

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

std::string_view view(const bj::string& text) {
  return {text.data(), text.size()};
}

// `place` with one more step of a JSON pointer.
std::string below(const std::string& place, std::string_view key) {
  std::string longer = place + '/';
  for (const char c : key) {
    if (c == '~') {
      longer += "~0";
    } else if (c == '/') {
      longer += "~1";
    } else {
      longer += c;
    }
  }
  return longer;
}
std::string shown(const std::string& place) {
  return place.empty() ? "the whole template" : place;
}

std::size_t depth_of(const bj::value& value, std::size_t most) {
  std::size_t deepest = 0;
  if (most == 0) return 0;
  const auto look = [&](const bj::value& child) {
    deepest = std::max(deepest, depth_of(child, most - 1));
  };
  if (const auto* list = value.if_array()) {
    for (const auto& child : *list) look(child);
  } else if (const auto* object = value.if_object()) {
    for (const auto& member : *object) look(member.value());
  } else {
    return 0;
  }
  return deepest + 1;
}

}  // namespace

// --- compiling -----------------------------------------------------------------------------------

class MappingCompiler {
 public:
  Result<Mapping> compile(const bj::value& json) {
    Mapping mapping;
    mapping.root_ = node(json, "");
    if (placeholders_ > kMaxPlaceholders) {
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("The mapping has {} placeholders; at most {} are allowed",
                              placeholders_, kMaxPlaceholders));
    }
    if (!wrong_.empty()) {
      auto message = fmt::format("The mapping is wrong at {}, {}", shown(wrong_.front().path),
                                 wrong_.front().message);
      return fail(ErrorCode::kInvalidRequest, std::move(message), std::move(wrong_));
    }
    return mapping;
  }

 private:
  using Node = Mapping::Node;

  Node node(const bj::value& json, const std::string& place) {
    if (const auto* text = json.if_string()) return text_node(view(*text), place);
    Node made{.constant = json};
    bool constant = true;
    const auto add = [&](const bj::value& child, std::string_view key) {
      made.children.push_back(node(child, below(place, key)));
      constant = constant && made.children.back().kind == Node::Kind::kConstant;
    };
    if (const auto* list = json.if_array()) {
      made.kind = Node::Kind::kList;
      for (std::size_t i = 0; i < list->size(); ++i) add((*list)[i], fmt::format("{}", i));
    } else if (const auto* object = json.if_object()) {
      made.kind = Node::Kind::kObject;
      for (const auto& member : *object) {
        made.keys.emplace_back(member.key().data(), member.key().size());
        add(member.value(), made.keys.back());
      }
    }
    if (constant) return {.constant = json};
    made.constant = nullptr;
    return made;
  }

  Node text_node(std::string_view text, const std::string& place) {
    Node made{.kind = Node::Kind::kText};
    std::size_t at = 0;
    for (;;) {
      const std::size_t open = text.find(kOpen, at);
      Mapping::Piece piece{.text = std::string(text.substr(at, open - at))};
      if (open == std::string_view::npos) {
        if (!piece.text.empty()) made.pieces.push_back(std::move(piece));
        break;
      }
      Lexer lexer(text, open + kOpen.size());
      piece.slot.emplace();
      if (!slot(lexer, *piece.slot)) {
        if (wrong_.size() < codec::kMaxFieldErrors) wrong_.push_back({place, lexer.problem()});
        break;
      }
      ++placeholders_;
      at = lexer.last_end();
      made.pieces.push_back(std::move(piece));
    }
    if (made.pieces.empty() || (made.pieces.size() == 1 && !made.pieces[0].slot)) {
      return {.constant = bj::string(text)};
    }
    if (made.pieces.size() == 1 && made.pieces[0].text.empty()) made.kind = Node::Kind::kValue;
    return made;
  }

  // Up to the closing braces, which are stepped over.
  static bool slot(Lexer& lexer, Placeholder& out) {
    if (lexer.at_literal()) {
      if (!lexer.literal(out.otherwise.emplace())) return false;
    } else {
      if (!lexer.path(out.path.emplace())) return false;
      if (lexer.take("|")) {
        if (!lexer.take("default") || !lexer.take(":")) {
          return lexer.refuse_here("behind | expected `default: value`, and found " +
                                   lexer.found());
        }
        if (!lexer.literal(out.otherwise.emplace())) return false;
      }
    }
    // Only now is it known that the braces end the placeholder and are none of a text in it.
    if (!lexer.at(kClose)) {
      return lexer.refuse_here(fmt::format("expected {}}}}} and found {}",
                                           out.otherwise ? "" : "| default: value, or ",
                                           lexer.found()));
    }
    lexer.step_over();
    return true;
  }

  std::size_t placeholders_ = 0;
  std::vector<FieldError> wrong_;
};

Result<Mapping> Mapping::compile(const bj::value& json) {
  if (depth_of(json, kMaxTemplateDepth + 1) > kMaxTemplateDepth) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("The mapping is nested more than {} deep", kMaxTemplateDepth));
  }
  const auto text = codec::serialize(json);
  if (text.size() > kMaxTemplateBytes) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("The mapping has {} bytes; at most {} are allowed", text.size(),
                            kMaxTemplateBytes));
  }
  if (!is_utf8(text)) return fail(ErrorCode::kInvalidRequest, "The mapping is not UTF-8");
  return MappingCompiler().compile(json);
}

// --- applying ------------------------------------------------------------------------------------

class MappingRun {
 public:
  explicit MappingRun(const Subject& subject) : subject_(subject) {}

  Result<bj::value> run(const Mapping& mapping) {
    TRY(auto made, node(mapping.root_, ""));
    // What was counted leaves out escapes, which only the text itself shows.
    if (codec::serialize(made).size() > kMaxMappedBytes) return too_large("");
    if (depth_of(made, kMaxMappedDepth + 1) > kMaxMappedDepth) {
      return fail(
          ErrorCode::kUnprocessable,
          fmt::format("The mapping makes JSON that is nested more than {} deep", kMaxMappedDepth));
    }
    return made;
  }

 private:
  using Node = Mapping::Node;

  Result<bj::value> node(const Node& node, const std::string& place) {
    switch (node.kind) {
      case Node::Kind::kConstant:
        if (!fits(node.constant)) return too_large(place);
        return node.constant;
      case Node::Kind::kValue:
        return value(*node.pieces[0].slot, place);
      case Node::Kind::kText:
        return text(node, place);
      case Node::Kind::kList: {
        bj::array list;
        for (std::size_t i = 0; i < node.children.size(); ++i) {
          TRY(auto child, this->node(node.children[i], below(place, fmt::format("{}", i))));
          list.push_back(std::move(child));
        }
        return list;
      }
      case Node::Kind::kObject:
        break;
    }
    bj::object object;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      TRY(auto child, this->node(node.children[i], below(place, node.keys[i])));
      if (!spend(node.keys[i].size() + 3)) return too_large(place);
      object.emplace(node.keys[i], std::move(child));
    }
    return object;
  }

  // The value with its type; all of them as a list if the path holds a [*].
  Result<bj::value> value(const Placeholder& slot, const std::string& place) {
    if (!slot.path) return *slot.otherwise;
    bj::array found;
    bool large = false;
    const bool nothing = look(slot, [&](const View& view) {
      large = view.value != nullptr ? !fits(*view.value) : !spend(view.text.size() + 2);
      if (large) return Walk::kEnough;
      found.push_back(view.value != nullptr ? *view.value : bj::value(view.text));
      return Walk::kOn;
    });
    if (large || budget_.exhausted()) return too_large(place);
    if (nothing) return otherwise(slot, place);
    if (slot.path->many) return found;
    return std::move(found.front());
  }

  Result<bj::value> text(const Node& node, const std::string& place) {
    std::string text;
    for (const auto& piece : node.pieces) {
      if (!spend(piece.text.size())) return too_large(place);
      text += piece.text;
      if (!piece.slot) continue;
      TRY_VOID(append(*piece.slot, place, text));
    }
    return bj::string(text);
  }

  // Texts as they are, several of them with commas between; anything else as JSON.
  Result<void> append(const Placeholder& slot, const std::string& place, std::string& text) {
    bool large = false;
    bool first = true;
    const auto put = [&](const View& view) {
      const std::string_view comma = std::exchange(first, false) ? "" : ", ";
      large = !spend(comma.size()) ||
              (view.kind == View::Kind::kString ? !spend(view.text.size()) : !fits(*view.value));
      if (large) return Walk::kEnough;
      text += comma;
      text +=
          view.kind == View::Kind::kString ? std::string(view.text) : codec::serialize(*view.value);
      return Walk::kOn;
    };
    const bool nothing = !slot.path || look(slot, put);
    if (nothing && !large) {
      TRY(const auto instead, otherwise(slot, place));
      put(view_of(instead));
    }
    if (large || budget_.exhausted()) return std::unexpected(too_large(place).error());
    return {};
  }

  // Calls with what the path leads to; true if that is nothing, or null where there is a default.
  template <class Each>
  bool look(const Placeholder& slot, const Each& each) {
    bool nothing = !slot.path->many;
    walk(*slot.path, subject_, budget_, [&](const View& view) {
      const bool null = view.kind == View::Kind::kNull && slot.otherwise && !slot.path->many;
      if (view.kind == View::Kind::kNothing || null) return Walk::kOn;
      nothing = false;
      return each(view);
    });
    return nothing;
  }

  static Result<bj::value> otherwise(const Placeholder& slot, const std::string& place) {
    if (slot.otherwise) return *slot.otherwise;
    return fail(ErrorCode::kUnprocessable,
                fmt::format("The event has no {}, which the mapping wants at {}; a default stands "
                            "for what is missing: {{{{ {} | default: null }}}}",
                            slot.path->text(), shown(place), slot.path->text()));
  }

  std::unexpected<Error> too_large(const std::string& place) const {
    if (budget_.exhausted()) {
      return fail(ErrorCode::kUnprocessable,
                  fmt::format("The mapping looks at more than {} values, reached at {}", kMaxSteps,
                              shown(place)));
    }
    return fail(ErrorCode::kUnprocessable,
                fmt::format("The mapping makes more than {} bytes, reached at {}", kMaxMappedBytes,
                            shown(place)));
  }

  // --- size, before anything is copied; no more than the text that will be written ---

  bool spend(std::size_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

  bool fits(const bj::value& value) {
    if (const auto* text = value.if_string()) return spend(text->size() + 2);
    if (const auto* list = value.if_array()) {
      if (!spend(list->size() + 1)) return false;  // brackets, and commas between members
      for (const auto& child : *list) {
        if (!fits(child)) return false;
      }
      return true;
    }
    const auto* object = value.if_object();
    if (object == nullptr) return spend(1);
    if (!spend(object->size() + 1)) return false;
    for (const auto& member : *object) {
      if (!spend(member.key().size() + 3) || !fits(member.value())) return false;
    }
    return true;
  }

  const Subject& subject_;
  Budget budget_;
  std::size_t left_ = kMaxMappedBytes;
};

Result<bj::value> Mapping::apply(const Subject& subject) const {
  return MappingRun(subject).run(*this);
}

}  // namespace personas::filter
