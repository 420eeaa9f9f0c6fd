// A subscription with its filter and its input made ready.
#pragma once

#include <optional>
#include <string>

#include <boost/json.hpp>

#include "personas/base/error.hpp"
#include "personas/filter/filter.hpp"
#include "personas/filter/mapping.hpp"
#include "personas/model/signals.hpp"
#include "personas/model/subscription.hpp"

namespace personas::bus {

// What filters and inputs look at: the payload, parsed at most once, and the event around it.
class EventView {
 public:
  explicit EventView(const Event& event) : event_(event) {}
  const Event& event() const { return event_; }
  const boost::json::value& payload() const;
  // {id, type, sourceType, sourceId, createdAt}
  boost::json::object envelope() const;
  filter::Subject subject() const;

 private:
  const Event& event_;
  mutable std::optional<boost::json::value> payload_;
};

// Of a value of concurrencyKey; of a longer one its hash stands for it.
inline constexpr std::size_t kMaxKeyBytes = 200;

class Compiled {
 public:
  // Its filter and input were compiled when it was saved. Should they not compile now (the row was
  // changed by other means), it refuses what it might take instead of taking too much.
  explicit Compiled(Subscription subscription);

  const Subscription& subscription() const { return subscription_; }
  bool accepts(const EventView& event) const;
  // The run's input; an error says which part of the event is missing.
  Result<codec::RawJson> input_of(const EventView& event) const;
  // Of the run, unique to the subscription; empty if it has no bound.
  Result<std::string> concurrency_of(const EventView& event) const;

 private:
  Subscription subscription_;
  std::optional<filter::Filter> filter_;
  std::optional<filter::Mapping> mapping_;
  std::optional<filter::Mapping> key_;
  std::optional<Error> broken_;
};

// None: there is no filter, or no input, of its own.
Result<std::optional<filter::Filter>> compile_filter(const Subscription& subscription);
Result<std::optional<filter::Mapping>> compile_input(const Subscription& subscription);
Result<std::optional<filter::Mapping>> compile_key(const Subscription& subscription);

// Without a template of its own: the payload, with what is known of the event as "_event".
codec::RawJson default_input(const EventView& event);

}  // namespace personas::bus
