// What a trigger is told to do: its `config` as a described value, and as what follows from it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "personas/base/error.hpp"
#include "personas/codec/described.hpp"
#include "personas/model/trigger.hpp"
#include "personas/schedule/due.hpp"
#include "personas/schedule/schedule.hpp"

namespace personas::triggers {

inline constexpr std::string_view kDefaultEventType = "trigger_fired";
inline constexpr std::int64_t kDefaultPauseAfter = 10;

// When a slot is due while the runs of the one before have not ended.
enum class Overlap : std::uint8_t { kQueue, kSkip, kCancelPrevious };
enum class Detect : std::uint8_t { kEtag, kHash, kPath };
// Whether the first look, which has nothing to compare with, is a change.
enum class FirstLook : std::uint8_t { kRemember, kFire };
enum class ChainOn : std::uint8_t { kCompleted, kFailed, kNotAccomplished, kEvent };

// The names of the first generation are kept as they are (interval_seconds, event_type).
struct TriggerConfig {
  std::optional<std::string> cron;
  std::optional<std::int64_t> interval_seconds;
  std::optional<std::string> timezone;
  std::optional<std::string> event_type;
  std::optional<codec::RawJson> payload;
  std::optional<Timestamp> start;
  std::optional<Timestamp> end;
  std::optional<std::string> jitter;
  std::optional<schedule::MissedRuns> missed_runs;
  std::optional<std::string> missed_window;
  std::optional<Overlap> overlap;
  std::optional<std::int64_t> pause_after_failures;
  // polling
  std::optional<std::string> url;
  std::optional<std::string> command;
  std::optional<std::string> json_path;
  std::optional<Detect> detect;
  std::optional<FirstLook> first_look;
  // chain
  std::optional<PersonaId> source_persona_id;
  std::optional<ChainOn> on;
  std::optional<std::string> source_event_type;
};

struct Plan {
  TriggerConfig config;
  std::optional<schedule::Schedule> schedule;  // of the types that have one
  schedule::MissedPolicy missed;
  Duration jitter = {};

  std::string event_type() const {
    return config.event_type.value_or(std::string(kDefaultEventType));
  }
};

// All that is wrong at once, each with its path below "/config". Intervals count from when the
// trigger was made.
Result<Plan> read_plan(TriggerType type, const codec::JsonText& config, Timestamp made_at);
inline Result<Plan> plan_of(const Trigger& trigger) {
  return read_plan(trigger.trigger_type, trigger.config, trigger.created_at);
}

// The trigger with its next slot after `now`, or none if it fires by no schedule or is disabled.
void set_next(Trigger& trigger, const Plan& plan, std::optional<Timestamp> slot);
void plan_next(Trigger& trigger, const Plan& plan, Timestamp now);

}  // namespace personas::triggers

namespace personas::codec {

template <>
struct Described<schedule::MissedRuns> {
  using M = schedule::MissedRuns;
  static constexpr std::string_view name = "MissedRuns";
  static constexpr std::array values{value("skip", M::kSkip), value("once", M::kOnce),
                                     value("all", M::kAll)};
};
template <>
struct Described<triggers::Overlap> {
  using O = triggers::Overlap;
  static constexpr std::string_view name = "Overlap";
  static constexpr std::array values{value("queue", O::kQueue), value("skip", O::kSkip),
                                     value("cancel_previous", O::kCancelPrevious)};
};
template <>
struct Described<triggers::Detect> {
  using D = triggers::Detect;
  static constexpr std::string_view name = "Detect";
  static constexpr std::array values{value("etag", D::kEtag), value("hash", D::kHash),
                                     value("path", D::kPath)};
};
template <>
struct Described<triggers::FirstLook> {
  using F = triggers::FirstLook;
  static constexpr std::string_view name = "FirstLook";
  static constexpr std::array values{value("remember", F::kRemember), value("fire", F::kFire)};
};
template <>
struct Described<triggers::ChainOn> {
  using C = triggers::ChainOn;
  static constexpr std::string_view name = "ChainOn";
  static constexpr std::array values{value("completed", C::kCompleted), value("failed", C::kFailed),
                                     value("not_accomplished", C::kNotAccomplished),
                                     value("event", C::kEvent)};
};

template <>
struct Described<triggers::TriggerConfig> {
  using C = triggers::TriggerConfig;
  static constexpr std::string_view name = "TriggerConfig";
  static constexpr auto fields = std::tuple{
      field("cron", &C::cron).doc("\"every 30m\", five or six fields, or \"@daily\""),
      field("interval_seconds", &C::interval_seconds),
      field("timezone", &C::timezone).doc("An IANA name; UTC if absent"),
      field("event_type", &C::event_type).length(1, 200).doc("Of the event it publishes"),
      field("payload", &C::payload).doc("Of the event it publishes"),
      field("start", &C::start),
      field("end", &C::end),
      field("jitter", &C::jitter).doc("A duration such as \"10m\""),
      field("missedRuns", &C::missed_runs).doc("once if absent"),
      field("missedWindow", &C::missed_window).doc("A duration; \"24h\" if absent"),
      field("overlap", &C::overlap).doc("queue if absent"),
      field("pauseAfterFailures", &C::pause_after_failures)
          .range(0, 1000)
          .doc("In a row; 10 if absent, 0: never"),
      field("url", &C::url).length(1, 2000),
      field("command", &C::command).length(1, 4000),
      field("jsonPath", &C::json_path).length(1, 500),
      field("detect", &C::detect).doc("hash if absent"),
      field("firstLook", &C::first_look).doc("remember if absent: only what changes later fires"),
      field("sourcePersonaId", &C::source_persona_id),
      field("on", &C::on),
      field("eventType", &C::source_event_type)
          .length(1, 200)
          .doc("Of the event of the other persona")};
};

}  // namespace personas::codec
