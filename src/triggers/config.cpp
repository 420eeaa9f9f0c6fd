#include "personas/triggers/config.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/triggers/poll.hpp"

namespace personas::triggers {
namespace {

using schedule::kLongestJitter;
using schedule::kLongestWindow;

constexpr bool has_schedule(TriggerType type) {
  return type == TriggerType::kSchedule || type == TriggerType::kPolling;
}

Timestamp whole_second(Timestamp time) {
  return {time.micros - time.micros % 1'000'000};
}

// Reads what the struct's own rules cannot say: what goes with what, and values within texts.
class PlanReader {
 public:
  PlanReader(TriggerType type, Plan& plan) : type_(type), plan_(plan), config_(plan.config) {}

  std::vector<FieldError> read(Timestamp made_at) {
    check_membership();
    if (has_schedule(type_)) read_schedule(made_at);
    if (type_ == TriggerType::kPolling) check_polling();
    if (type_ == TriggerType::kChain) check_chain();
    plan_.missed.runs = config_.missed_runs.value_or(schedule::MissedRuns::kOnce);
    read_duration("/missedWindow", config_.missed_window, kLongestWindow, plan_.missed.window);
    read_duration("/jitter", config_.jitter, kLongestJitter, plan_.jitter);
    return std::move(errors_);
  }

 private:
  void wrong(std::string path, std::string message) {
    errors_.push_back({std::move(path), std::move(message)});
  }

  template <class T>
  void only_for(std::string_view name, const std::optional<T>& value, bool fits) {
    if (!value || fits) return;
    wrong(fmt::format("/{}", name),
          fmt::format("is not for a trigger of type {}", codec::name_of(type_)));
  }

  void check_membership() {
    const bool timed = has_schedule(type_);
    only_for("cron", config_.cron, timed);
    only_for("interval_seconds", config_.interval_seconds, timed);
    only_for("timezone", config_.timezone, timed);
    only_for("start", config_.start, timed);
    only_for("end", config_.end, timed);
    only_for("jitter", config_.jitter, timed);
    only_for("missedRuns", config_.missed_runs, timed);
    only_for("missedWindow", config_.missed_window, timed);
    only_for("overlap", config_.overlap, timed);
    const bool polls = type_ == TriggerType::kPolling;
    only_for("url", config_.url, polls);
    only_for("command", config_.command, polls);
    only_for("jsonPath", config_.json_path, polls);
    only_for("detect", config_.detect, polls);
    only_for("firstLook", config_.first_look, polls);
    const bool chains = type_ == TriggerType::kChain;
    only_for("sourcePersonaId", config_.source_persona_id, chains);
    only_for("on", config_.on, chains);
    only_for("eventType", config_.source_event_type, chains);
  }

  void read_schedule(Timestamp made_at) {
    auto parsed = schedule::parse_schedule({.expression = config_.cron.value_or(""),
                                            .interval_seconds = config_.interval_seconds,
                                            .timezone = config_.timezone.value_or(""),
                                            .start = config_.start,
                                            .end = config_.end,
                                            .anchor = whole_second(made_at)});
    if (parsed) {
      plan_.schedule = std::move(*parsed);
      return;
    }
    auto& error = parsed.error();
    if (error.fields.empty()) wrong("/timezone", error.message);
    for (auto& field : error.fields) errors_.push_back(std::move(field));
  }

  void check_polling() {
    if (config_.url.has_value() == config_.command.has_value()) {
      wrong("/url", "one of url and command is needed, and only one");
    }
    if (config_.url && !config_.url->starts_with("https://") &&
        !config_.url->starts_with("http://")) {
      wrong("/url", "must begin with https:// or http://");
    }
    const bool by_path = config_.detect == Detect::kPath;
    if (by_path != config_.json_path.has_value()) {
      wrong("/jsonPath", "goes with detect \"path\", and only with it");
    } else if (config_.json_path) {
      if (const auto fits = check_json_path(*config_.json_path); !fits) {
        wrong("/jsonPath", fits.error().message);
      }
    }
    if (config_.command && config_.detect == Detect::kEtag) {
      wrong("/detect", "a command has no ETag; take hash or path");
    }
  }

  void check_chain() {
    if (!config_.source_persona_id) wrong("/sourcePersonaId", "is missing");
    if (!config_.on) wrong("/on", "is missing");
    if (config_.on && (config_.on == ChainOn::kEvent) != config_.source_event_type.has_value()) {
      wrong("/eventType", "goes with on \"event\", and only with it");
    }
  }

  void read_duration(std::string path, const std::optional<std::string>& text, Duration most,
                     Duration& out) {
    if (!text) return;
    const auto read = parse_duration(*text);
    if (!read) {
      wrong(std::move(path), "is not a duration such as \"30s\", \"10m\" or \"2h\"");
    } else if (*read > most) {
      wrong(std::move(path), fmt::format("must not be longer than {} h",
                                         std::chrono::duration_cast<hours>(most).count()));
    } else {
      out = *read;
    }
  }

  TriggerType type_;
  Plan& plan_;
  const TriggerConfig& config_;
  std::vector<FieldError> errors_;
};

Error below_config(Error error) {
  for (auto& field : error.fields) field.path.insert(0, "/config");
  if (error.fields.empty()) error.fields.push_back({"/config", error.message});
  error.code = ErrorCode::kInvalidRequest;
  error.message = "The trigger's config is wrong";
  for (const auto& field : error.fields) {
    error.message += fmt::format("{} {} {}", &field == &error.fields.front() ? ":" : ";",
                                 field.path, field.message);
  }
  return error;
}

}  // namespace

Result<Plan> read_plan(TriggerType type, const codec::JsonText& config, Timestamp made_at) {
  Plan plan;
  auto read = codec::parse<TriggerConfig>(config.text.empty() ? "{}" : config.text);
  std::vector<FieldError> errors;
  if (read) {
    plan.config = std::move(*read);
    errors = PlanReader(type, plan).read(made_at);
  } else {
    return fail(below_config(std::move(read).error()));
  }
  if (!errors.empty()) {
    return fail(below_config({ErrorCode::kInvalidRequest, "", std::move(errors)}));
  }
  return plan;
}

void set_next(Trigger& trigger, const Plan& plan, std::optional<Timestamp> slot) {
  trigger.next_slot = slot;
  trigger.next_trigger_at = slot;
  if (!slot) return;
  trigger.next_trigger_at =
      schedule::due_at(*plan.schedule, *slot, {trigger.id.str(), plan.jitter});
}

void plan_next(Trigger& trigger, const Plan& plan, Timestamp now) {
  const bool fires = trigger.enabled && has_schedule(trigger.trigger_type);
  set_next(trigger, plan, fires && plan.schedule ? plan.schedule->next_after(now) : std::nullopt);
}

}  // namespace personas::triggers
