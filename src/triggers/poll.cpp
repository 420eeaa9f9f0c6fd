#include "personas/triggers/poll.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/filter/mapping.hpp"

namespace personas::triggers {
namespace {

namespace bj = boost::json;

std::string hash_of(std::string_view text) {
  return "sha256:" + to_hex(crypto::sha256(as_bytes(text)));
}

// As filters write it: JSONPath's root is the document, which theirs is without a mark.
Result<filter::Mapping> compile_path(std::string_view path) {
  if (path == "$") {
    path = "$.payload";
  } else if (path.starts_with("$.")) {
    path.remove_prefix(2);
  } else if (path.starts_with("$[")) {
    path.remove_prefix(1);
  }
  std::string text = "{{ ";
  text += path;
  text += " | default: null }}";
  return filter::Mapping::compile(bj::value(bj::string(text)));
}

// Members in the order of their names: their order in the document says nothing.
void append_canonical(const bj::value& value, std::string& out) {
  if (const auto* list = value.if_array()) {
    out += '[';
    for (const auto& child : *list) {
      if (out.back() != '[') out += ',';
      append_canonical(child, out);
    }
    out += ']';
  } else if (const auto* object = value.if_object()) {
    std::vector<const bj::key_value_pair*> members;
    for (const auto& member : *object) members.push_back(&member);
    std::ranges::sort(members, {}, [](const auto* member) { return member->key(); });
    out += '{';
    for (const auto* member : members) {
      if (out.back() != '{') out += ',';
      codec::append_json_string({member->key().data(), member->key().size()}, out);
      out += ':';
      append_canonical(member->value(), out);
    }
    out += '}';
  } else {
    out += codec::serialize(value);
  }
}

struct Seen {
  std::string cursor;
  std::optional<std::string> value = {};
};

Result<Seen> see_path(const TriggerConfig& config, const Looked& looked) {
  const auto json = codec::parse_json(looked.text);
  if (!json) {
    return fail(ErrorCode::kUnprocessable,
                "jsonPath needs JSON, and what came is none: " + json.error().message);
  }
  TRY(const auto path, compile_path(config.json_path.value_or("$")));
  auto value = path.apply({.payload = *json});
  if (!value) {
    return fail(ErrorCode::kUnprocessable,
                "The value at jsonPath is too large to compare; choose a narrower path");
  }
  std::string text;
  append_canonical(*value, text);
  Seen seen{.cursor = hash_of(text)};
  if (text.size() <= kMaxKeptValue) seen.value = std::move(text);
  return seen;
}

// A weak mark says that the content means the same; that is what is asked.
std::string_view strong(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  return etag;
}

Result<Seen> see(const TriggerConfig& config, const Looked& looked) {
  switch (config.detect.value_or(Detect::kHash)) {
    case Detect::kEtag:
      if (!looked.etag.empty()) return Seen{"etag:" + std::string(strong(looked.etag))};
      if (!looked.last_modified.empty()) return Seen{"modified:" + looked.last_modified};
      return fail(ErrorCode::kUnprocessable,
                  "The answer has neither ETag nor Last-Modified; take detect \"hash\"");
    case Detect::kPath:
      return see_path(config, looked);
    case Detect::kHash:
      break;
  }
  return Seen{hash_of(looked.text)};
}

std::optional<std::string> text_or_none(const std::string& text) {
  constexpr std::size_t kMaxMark = 1024;  // a longer one is not sent back
  return text.empty() || text.size() > kMaxMark ? std::nullopt : std::optional(text);
}

}  // namespace

std::string watched_by(const TriggerConfig& config) {
  const bj::array parts{config.url.value_or(""), config.command.value_or(""),
                        codec::name_of(config.detect.value_or(Detect::kHash)),
                        config.json_path.value_or("")};
  return hash_of(codec::serialize(parts));
}

bool fires(Change change, const TriggerConfig& config) {
  if (change == Change::kFirst) return config.first_look == FirstLook::kFire;
  return change == Change::kChanged;
}

Result<Change> advance(PollState& state, const TriggerConfig& config, const Looked& looked) {
  if (looked.not_modified) {
    if (state.cursor) return Change::kNone;
    return fail(ErrorCode::kUnprocessable, "The answer was 304 to a request without conditions");
  }
  TRY(auto seen, see(config, looked));
  const Change change = !state.cursor                  ? Change::kFirst
                        : *state.cursor == seen.cursor ? Change::kNone
                                                       : Change::kChanged;
  state.cursor = std::move(seen.cursor);
  state.value = std::move(seen.value);
  state.etag = text_or_none(looked.etag);
  state.last_modified = text_or_none(looked.last_modified);
  if (fires(change, config)) ++state.changes;
  return change;
}

std::string change_payload(const Trigger& trigger, const TriggerConfig& config, Timestamp slot,
                           const PollState& before, const PollState& after, const Looked& looked) {
  bj::object payload{
      {"triggerId", trigger.id.str()}, {"slot", to_rfc3339(slot)}, {"change", after.changes}};
  if (config.url) payload["url"] = *config.url;
  if (config.command) payload["command"] = *config.command;
  if (after.etag) payload["etag"] = *after.etag;
  if (after.last_modified) payload["lastModified"] = *after.last_modified;
  const auto put_value = [&payload](std::string_view name, const std::optional<std::string>& text) {
    if (!text) return;
    if (auto value = codec::parse_json(*text)) payload[name] = std::move(*value);
  };
  put_value("value", after.value);
  put_value("previous", before.value);
  if (looked.text.size() <= kMaxShownBytes) {
    // As deep as still can be read within the payload.
    if (auto json = codec::parse_json(looked.text, {.max_depth = filter::kMaxMappedDepth})) {
      payload["content"] = std::move(*json);
      return codec::serialize(payload);
    }
  }
  payload["content"] = to_valid_utf8(std::string_view(looked.text).substr(0, kMaxShownBytes));
  payload["truncated"] = looked.text.size() > kMaxShownBytes;
  return codec::serialize(payload);
}

Duration back_off(std::int64_t failures) {
  Duration pause = kFirstBackOff;
  for (std::int64_t i = 1; i < failures && pause < kLongestBackOff; ++i) pause *= 2;
  return std::min(pause, kLongestBackOff);
}

Result<void> check_json_path(const std::string& path) {
  if (path.contains("{{") || path.contains("}}")) {
    return fail(ErrorCode::kInvalidRequest, "is a path alone, without braces");
  }
  TRY_VOID(compile_path(path));
  return {};
}

}  // namespace personas::triggers
