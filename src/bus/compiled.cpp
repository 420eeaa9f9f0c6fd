#include "compiled.hpp"

#include "personas/base/bytes.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/json.hpp"
#include "personas/crypto/hash.hpp"

namespace personas::bus {

namespace bj = boost::json;

const bj::value& EventView::payload() const {
  if (!payload_) {
    const auto& text = event_.payload;
    auto parsed = text && !text->text.empty() ? codec::parse_json(text->text)
                                              : Result<bj::value>(bj::value(nullptr));
    payload_ = parsed ? std::move(*parsed) : bj::value(nullptr);
  }
  return *payload_;
}

bj::object EventView::envelope() const {
  bj::object all{{"id", event_.id.str()},
                 {"type", event_.event_type},
                 {"sourceType", event_.source_type},
                 {"createdAt", to_rfc3339(event_.created_at)}};
  if (event_.source_id) all["sourceId"] = *event_.source_id;
  return all;
}

filter::Subject EventView::subject() const {
  const auto text_of = [](const auto& text) {
    return text ? std::string_view(*text) : std::string_view();
  };
  return {.payload = payload(),
          .envelope = {.id = event_.id.str(),
                       .event_type = event_.event_type,
                       .source_type = event_.source_type,
                       .source_id = text_of(event_.source_id),
                       .target_persona_id = event_.target_persona_id
                                                ? std::string_view(event_.target_persona_id->str())
                                                : std::string_view(),
                       .project_id = text_of(event_.project_id)}};
}

Result<std::optional<filter::Filter>> compile_filter(const Subscription& subscription) {
  if (!subscription.filter || subscription.filter->empty()) return std::nullopt;
  TRY(auto compiled, filter::Filter::compile(*subscription.filter));
  return compiled;
}

Result<std::optional<filter::Mapping>> compile_input(const Subscription& subscription) {
  if (!subscription.input || subscription.input->text.empty()) return std::nullopt;
  TRY(const auto json, codec::parse_json(subscription.input->text));
  TRY(auto compiled, filter::Mapping::compile(json));
  return compiled;
}

Result<std::optional<filter::Mapping>> compile_key(const Subscription& subscription) {
  if (!subscription.concurrency_key || subscription.concurrency_key->empty()) return std::nullopt;
  TRY(auto compiled,
      filter::Mapping::compile(bj::value(bj::string(*subscription.concurrency_key))));
  return compiled;
}

Compiled::Compiled(Subscription subscription) : subscription_(std::move(subscription)) {
  auto filter = compile_filter(subscription_);
  auto mapping = compile_input(subscription_);
  auto key = compile_key(subscription_);
  if (!key) {
    broken_ = std::move(key).error();
  } else if (!filter) {
    broken_ = std::move(filter).error();
  } else if (!mapping) {
    broken_ = std::move(mapping).error();
  } else {
    filter_ = std::move(*filter);
    mapping_ = std::move(*mapping);
    key_ = std::move(*key);
  }
}

bool Compiled::accepts(const EventView& event) const {
  return !filter_ || filter_->evaluate(event.subject()).matches;
}

Result<codec::RawJson> Compiled::input_of(const EventView& event) const {
  if (broken_) return fail(*broken_);
  if (!mapping_) return default_input(event);
  TRY(const auto input, mapping_->apply(event.subject()));
  return codec::RawJson{codec::serialize(input)};
}

Result<std::string> Compiled::concurrency_of(const EventView& event) const {
  if (broken_) return fail(*broken_);
  if (!key_ && !subscription_.max_concurrent) return std::string();
  std::string key = subscription_.id.str() + ":";
  if (!key_) return key;
  const auto value = key_->apply(event.subject());
  if (!value) return fail(value.error().code, "concurrencyKey: " + value.error().message);
  const auto* text = value->if_string();
  std::string shown = text != nullptr ? std::string(*text) : codec::serialize(*value);
  if (shown.size() > kMaxKeyBytes) shown = "sha256:" + to_hex(crypto::sha256(as_bytes(shown)));
  return key + shown;
}

codec::RawJson default_input(const EventView& event) {
  bj::object input;
  if (event.payload().is_object()) {
    input = event.payload().get_object();
  } else if (!event.payload().is_null()) {
    input["payload"] = event.payload();
  }
  input["_event"] = event.envelope();
  return {codec::serialize(input)};
}

}  // namespace personas::bus
