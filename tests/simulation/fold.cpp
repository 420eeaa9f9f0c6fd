#include "fold.hpp"

#include <algorithm>
#include <charconv>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/codec/json.hpp"

namespace personas::simulation {
namespace {

std::unexpected<Error> broken(std::string what) {
  return fail(ErrorCode::kCorrupt, std::move(what));
}

bool is_final(std::string_view status) {
  return status == "completed" || status == "failed" || status == "cancelled";
}

// "msg_….2.17.0": attempt 2, frame 17, its first effect.
std::optional<std::int64_t> attempt_in(std::string_view effect_id) {
  const auto index = effect_id.rfind('.');
  if (index == std::string_view::npos || index == 0) return std::nullopt;
  const auto seq = effect_id.rfind('.', index - 1);
  if (seq == std::string_view::npos || seq == 0) return std::nullopt;
  const auto attempt = effect_id.rfind('.', seq - 1);
  if (attempt == std::string_view::npos) return std::nullopt;
  const auto digits = effect_id.substr(attempt + 1, seq - attempt - 1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

// The data object of a record.
class Fold::Record {
 public:
  explicit Record(const boost::json::object& data) : data_(data) {}

  std::optional<std::string> text(std::string_view name) const {
    const auto* value = data_.if_contains(name);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->as_string());
  }
  std::int64_t number(std::string_view name) const {
    const auto* value = data_.if_contains(name);
    return value != nullptr && value->is_int64() ? value->as_int64() : -1;
  }
  std::string id() const { return text("executionId").value_or(""); }

 private:
  const boost::json::object& data_;
};

Result<void> Fold::add(std::int64_t position, std::string_view type, std::string_view record) {
  if (position <= last_) {
    return broken(fmt::format("record {} comes after record {}", position, last_));
  }
  last_ = position;
  TRY(const auto json, codec::parse_json(record));
  const auto* data = json.as_object().if_contains("data");
  if (data == nullptr || !data->is_object()) return broken("a record without data");
  const Record fields(data->as_object());
  if (type == "execution.queued") {
    if (executions_.contains(fields.id())) return broken(fields.id() + " is queued as new twice");
    auto& made = executions_[fields.id()];
    made.persona = fields.text("personaId").value_or("");
    made.status = "queued";
    touched_.insert(fields.id());
    return {};
  }
  if (type == "execution.status") return status(fields);
  if (type.starts_with("execution.")) return of_attempt(fields, type);
  if (type == "review.answered" || type == "review.expired") {
    auto& review = reviews_[fields.text("reviewId").value_or("")];
    if (review != "pending") return broken(std::string(type) + " of a review that is " + review);
    review = fields.text("status").value_or("");
    return {};
  }
  if (type == "subscription.created" || type == "trigger.created") return {};
  if (type.ends_with(".created") || type == "review.requested" || type == "event.published") {
    return effect(fields, type);
  }
  return {};
}

Result<void> Fold::status(const Record& record) {
  const auto found = executions_.find(record.id());
  if (found == executions_.end()) return broken(record.id() + " changes before it is queued");
  auto& execution = found->second;
  const auto next = record.text("status").value_or("");
  const auto attempt = record.number("attempt");
  const bool was_live = execution.status == "running" && !execution.parked;
  const auto describe = [&] {
    return fmt::format("{}: {} of attempt {} after {}{} of attempt {}", record.id(), next, attempt,
                       execution.status, execution.parked ? " (parked)" : "", execution.attempt);
  };
  if (execution.final) return broken(describe() + ": it was over");
  if (next == "running" && !record.text("parked")) {
    if (execution.status != "queued" || attempt != execution.attempt + 1) return broken(describe());
    execution.last_seq = 0;
  } else {
    if (attempt != execution.attempt) return broken(describe() + ": a stale attempt");
    // Given back by its worker, it names no node; it is as if it had never been claimed.
    const bool ended = was_live && record.text("nodeId").has_value();
    if (ended) {
      ended_.push_back(
          {record.id(), attempt, next, record.text("failureReason"), record.text("parked")});
      ++counts_.attempts;
      if (is_final(next)) ++counts_.executions;
      if (next == "failed") ++counts_.failed;
    }
    if (next == "queued" && execution.status == "queued" && !execution.parked) {
      return broken(describe());
    }
  }
  execution.status = next;
  execution.attempt = attempt;
  execution.worker = record.text("workerId");
  execution.parked = record.text("parked");
  execution.reason = record.text("failureReason");
  execution.final = is_final(next);
  if (next == "failed" && !execution.reason) return broken(describe() + ": for no reason");
  if (next == "cancelled" && execution.reason != "cancelled") {
    return broken(describe() + ": the reason is " + execution.reason.value_or("none"));
  }
  touched_.insert(record.id());
  return {};
}

Result<void> Fold::of_live_attempt(const std::string& execution, std::int64_t attempt,
                                   std::string_view type) {
  const auto found = executions_.find(execution);
  if (found == executions_.end()) return broken(fmt::format("{} of no execution", type));
  const auto& now = found->second;
  if (now.status == "running" && !now.parked && now.attempt == attempt) return {};
  return broken(fmt::format("{} of {}/{}, which is not live: {} at attempt {}", type, execution,
                            attempt, now.status, now.attempt));
}

Result<void> Fold::of_attempt(const Record& record, std::string_view type) {
  TRY_VOID(of_live_attempt(record.id(), record.number("attempt"), type));
  if (type != "execution.output") return {};
  auto& execution = executions_[record.id()];
  OutputBlock block{.execution = record.id(),
                    .attempt = record.number("attempt"),
                    .first_seq = record.number("firstSeq"),
                    .last_seq = record.number("lastSeq"),
                    .stream = record.text("stream").value_or(""),
                    .bytes = record.number("bytes")};
  if (block.first_seq <= execution.last_seq || block.last_seq < block.first_seq) {
    return broken(fmt::format("{}/{}: output {}..{} after {}", block.execution, block.attempt,
                              block.first_seq, block.last_seq, execution.last_seq));
  }
  execution.last_seq = block.last_seq;
  output_.push_back(std::move(block));
  return {};
}

Result<void> Fold::effect(const Record& record, std::string_view type) {
  const bool is_event = type == "event.published";
  const bool is_review = type == "review.requested";
  const auto id = record.text(is_event ? "eventId" : is_review ? "reviewId" : "id").value_or("");
  if (type.starts_with("persona.")) return {};
  if (is_event) {
    if (!events_.insert(id).second) return broken(id + " published twice");
    events_in_order_.push_back(id);
    return {};
  }
  const auto attempt = attempt_in(id);
  if (!attempt) return broken(fmt::format("{} {} names no frame", type, id));
  TRY_VOID(of_live_attempt(record.id(), *attempt, type));
  if (is_review && !reviews_.emplace(id, "pending").second) return broken(id + " asked twice");
  if (type == "message.created" && !messages_.insert(id).second) return broken(id + " twice");
  if (type == "memory.created" && !memories_.insert(id).second) return broken(id + " twice");
  return {};
}

}  // namespace personas::simulation
