#include "personas/execution/live_run.hpp"

#include <algorithm>

#include "personas/agents/backends.hpp"
#include "personas/agents/outcome.hpp"
#include "personas/agents/protocols.hpp"
#include "personas/codec/json.hpp"

namespace personas::execution {
namespace {

const wire::OutputChunk* output_of(const wire::WorkerFrame& frame) {
  if (const auto* out = std::get_if<wire::Stdout>(&frame)) return out;
  return std::get_if<wire::Stderr>(&frame);
}

std::string_view stream_of(const wire::WorkerFrame& frame) {
  return std::holds_alternative<wire::Stdout>(frame) ? "stdout" : "stderr";
}

std::size_t size_of(const wire::WorkerFrame& frame) {
  constexpr std::size_t kFrameOverhead = 256;
  if (const auto* out = output_of(frame)) return out->chunk.size() + kFrameOverhead;
  if (const auto* event = std::get_if<wire::AgentEvent>(&frame)) {
    return (event->payload ? event->payload->text.size() : 0) +
           (event->event ? event->event->text.size() : 0) + kFrameOverhead;
  }
  if (const auto* turn = std::get_if<wire::AgentTurn>(&frame)) {
    return turn->turn.text.size() + kFrameOverhead;
  }
  if (const auto* session = std::get_if<wire::SessionBytes>(&frame)) {
    return session->data.size() + kFrameOverhead;
  }
  return kFrameOverhead;
}

// An `event` frame: a protocol key with its payload, or (the first workers) any object, of which a
// protocol object is understood and anything else becomes an event on the bus.
std::optional<Effect> effect_of(const wire::AgentEvent& frame, const Redactor& redactor) {
  std::string key = frame.event_type.value_or("");
  std::string payload = frame.payload ? frame.payload->text : std::string("{}");
  if (frame.event) {
    auto parsed = codec::parse_json(redactor.redact(frame.event->text));
    if (!parsed || !parsed->is_object()) return std::nullopt;
    for (const auto& [name, value] : parsed->get_object()) {
      if (agents::find_protocol(name) == nullptr) continue;
      if (auto effect = agents::effect_from(name, value)) return std::move(*effect);
    }
    const auto* type = parsed->get_object().if_contains("type");
    key = type != nullptr && type->is_string() ? std::string(type->get_string()) : "agent_event";
    return EmitEvent{key, codec::RawJson{codec::serialize(*parsed)}};
  }
  auto parsed = codec::parse_json(redactor.redact(payload));
  if (!parsed) return std::nullopt;
  if (agents::find_protocol(key) != nullptr) {
    auto effect = agents::effect_from(key, *parsed);
    return effect ? std::optional(std::move(*effect)) : std::nullopt;
  }
  if (key.empty() || key.size() > 200) return std::nullopt;
  return EmitEvent{key, codec::RawJson{codec::serialize(*parsed)}};
}

// Nothing if it is no turn: the worker that sends it is wrong, and the output has it anyway.
std::optional<Turn> turn_of(const wire::AgentTurn& frame, std::int64_t attempt,
                            const Redactor& redactor) {
  auto turn = codec::parse<Turn>(redactor.redact(frame.turn.text),
                                 {.unknown = codec::UnknownFields::kIgnore});
  if (!turn) return std::nullopt;
  turn->attempt = attempt;
  return std::move(*turn);
}

std::optional<FrameEntry::SessionPart> session_of(const wire::SessionBytes& frame) {
  auto data = from_base64(frame.data);
  if (!data || data->size() > wire::kMaxSessionPiece || frame.path.contains('\0')) {
    return std::nullopt;
  }
  FrameEntry::SessionPart part;
  part.path = frame.path;
  part.offset = frame.offset;
  part.data = std::string(as_text(*data));
  part.session_id = frame.session_id;
  return part;
}

std::optional<Effect> effect_of(const wire::ReviewRequest& frame, const Redactor& redactor) {
  auto parsed =
      codec::parse_json(redactor.redact(frame.payload ? frame.payload->text : std::string("{}")));
  if (!parsed) return std::nullopt;
  auto effect = agents::effect_from("manual_review", *parsed);
  if (effect) return std::move(*effect);
  return ManualReview{.title = "Review " + frame.review_id,
                      .description = codec::serialize(*parsed),
                      .severity = Severity::kMedium,
                      .context_data = {},
                      .suggested_actions = {}};
}

}  // namespace

void LiveRun::set_parsing(Parsing parsing) {
  parsing_ = parsing;
  if (parsing == Parsing::kByGateway && !stream_) {
    const auto* backend = agents::find_backend(identity_.backend);
    stream_.emplace(backend != nullptr ? backend->format : agents::OutputFormat::kPlain);
  }
}

void LiveRun::replayed(std::string_view text_so_far, Timestamp now) {
  needs_replay_ = false;
  now_ = now;
  if (!stream_) return;
  std::vector<agents::AgentItem> seen;
  stream_->feed(text_so_far, seen);
  std::vector<Effect> on_disk_already;
  take_items(seen, on_disk_already);
  static_cast<void>(turns_.take_changed());
}

void LiveRun::add(std::int64_t seq, wire::WorkerFrame frame) {
  accepted_seq_ = seq;
  const std::size_t bytes = size_of(frame);
  pending_bytes_ += bytes;
  if (const auto* out = output_of(frame)) {
    output_bytes_ += static_cast<std::int64_t>(out->chunk.size());
  }
  pending_.push_back({seq, std::move(frame), bytes});
}

void LiveRun::add_end(std::int64_t seq, AttemptEnd end) {
  accepted_seq_ = seq;
  if (end_) return;  // the first word on the end counts
  end_ = std::move(end);
  end_seq_ = seq;
}

void LiveRun::end_without_frame(AttemptEnd end) {
  if (end_) return;
  end_ = std::move(end);
  end_seq_ = accepted_seq_;
}

void LiveRun::take_items(std::vector<agents::AgentItem>& items, std::vector<Effect>& effects) {
  for (auto& item : items) {
    turns_.take(item, now_);
    if (auto* found = std::get_if<agents::IndexedEffect>(&item)) {
      effects.push_back(std::move(found->effect));
    } else if (auto* last = std::get_if<agents::Final>(&item)) {
      final_ = std::move(*last);
    }
  }
}

void LiveRun::parse(std::string_view text, std::vector<Effect>& effects) {
  if (parsing_ != Parsing::kByGateway || !stream_) return;
  std::vector<agents::AgentItem> items;
  stream_->feed(text, items);
  take_items(items, effects);
}

// Workers that do not parse cannot tell what the CLI's last line says: cost, usage, why it failed.
void LiveRun::complete_end() {
  if (!final_ || parsing_ != Parsing::kByGateway) return;
  if (!end_->cost_usd) end_->cost_usd = final_->total_cost_usd;
  if (!end_->usage) end_->usage = final_->usage;
  if (end_->turns == 0) end_->turns = turns_.count();
  if (end_->models.empty()) end_->models = final_->models;
  if (!end_->session_id && !final_->session_id.empty()) end_->session_id = final_->session_id;
  const bool vague = !end_->reason || end_->reason == FailureReason::kAgentExit;
  if (end_->status != ExecutionStatus::kFailed || !vague) return;
  agents::ProgramEnd program;
  program.final = &*final_;
  program.exit_code = static_cast<int>(end_->exit_code.value_or(1));
  const auto failure = agents::failure_of(program, now_);
  end_->reason = failure ? failure->reason : FailureReason::kAgentExit;
  if (failure) end_->quota_resets_at = failure->quota_resets_at;
  if (end_->message.empty()) end_->message = std::string(utf8_prefix(final_->result, 2'000));
}

// Prepares the run of consecutive chunks of one stream that begins at `first`; returns how many it
// took. Masking sees them joined, so that a value cut by a frame's border is found. While more may
// follow it takes them up to the last border that no value crosses or may be about to cross.
std::size_t LiveRun::prepare_text(std::size_t first, std::vector<FrameEntry>& prepared) {
  const std::string stream(stream_of(pending_[first].frame));
  std::size_t last = first;
  std::string joined;
  std::vector<std::size_t> ends;  // of the chunks, in `joined`
  for (; last < pending_.size(); ++last) {
    const auto* out = output_of(pending_[last].frame);
    const bool same = out != nullptr && stream_of(pending_[last].frame) == stream;
    if (!same || last - first >= kMaxBatchFrames ||
        (last > first && joined.size() + out->chunk.size() > kMaxBatchBytes)) {
      break;
    }
    joined += out->chunk;
    ends.push_back(joined.size());
  }
  const bool waits = last == pending_.size() && !end_;
  const bool goes_on = last < pending_.size() && output_of(pending_[last].frame) != nullptr &&
                       stream_of(pending_[last].frame) == stream;
  if (waits || goes_on) {
    const auto found = redactor_->find(joined);
    std::size_t safe = ends.size();
    while (safe > 0 && !found.may_cut_at(ends[safe - 1])) --safe;
    if (safe == 0 && waits) return 0;
    // A full batch without a safe border goes as it is: it cannot wait for what is behind it.
    if (safe > 0) {
      joined.resize(ends[safe - 1]);
      last = first + safe;
    }
  }
  std::string masked = redactor_->redact(joined);
  FrameEntry entry;
  entry.seq = pending_[last - 1].seq;
  if (stream == "stdout") parse(masked, entry.effects);
  entry.text = FrameEntry::Text{stream, std::move(masked)};
  prepared.push_back(std::move(entry));
  add_turns(prepared.back().seq, prepared);
  return last - first;
}

FrameEntry LiveRun::prepare_one(Pending& pending) {
  FrameEntry entry;
  entry.seq = pending.seq;
  std::optional<Effect> effect;
  if (const auto* event = std::get_if<wire::AgentEvent>(&pending.frame)) {
    effect = effect_of(*event, *redactor_);
  } else if (const auto* review = std::get_if<wire::ReviewRequest>(&pending.frame)) {
    effect = effect_of(*review, *redactor_);
  } else if (auto* progress = std::get_if<wire::Progress>(&pending.frame)) {
    constexpr std::size_t kMaxProgressText = 2'000;
    const auto clean = [&](std::string_view text) {
      return redactor_->redact(utf8_prefix(text, kMaxProgressText));
    };
    entry.progress = FrameEntry::Progress{
        clean(progress->stage), clean(progress->message), progress->percent_estimate,
        progress->active_tool ? std::optional(clean(*progress->active_tool)) : std::nullopt,
        progress->tool_calls_completed};
  } else if (const auto* turn = std::get_if<wire::AgentTurn>(&pending.frame)) {
    entry.turn = turn_of(*turn, identity_.run.attempt, *redactor_);
  } else if (const auto* session = std::get_if<wire::SessionBytes>(&pending.frame)) {
    entry.session = session_of(*session);
  }
  if (effect) entry.effects.push_back(std::move(*effect));
  return entry;
}

std::vector<FrameEntry> LiveRun::prepare() {
  std::vector<FrameEntry> prepared;
  std::size_t bytes = 0;
  std::size_t done = 0;
  while (done < pending_.size() && bytes < kMaxBatchBytes && done < kMaxBatchFrames) {
    std::size_t took = 1;
    if (output_of(pending_[done].frame) != nullptr) {
      took = prepare_text(done, prepared);
      if (took == 0) break;
    } else {
      prepared.push_back(prepare_one(pending_[done]));
    }
    for (std::size_t i = done; i < done + took; ++i) bytes += pending_[i].bytes;
    done += took;
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(done));
  pending_bytes_ -= std::min(pending_bytes_, bytes);
  return prepared;
}

// Of what was parsed here. Masked once more: cut and written anew, a value may have another form.
void LiveRun::add_turns(std::int64_t seq, std::vector<FrameEntry>& prepared) {
  if (parsing_ != Parsing::kByGateway) return;
  for (const auto& turn : turns_.take_changed()) {
    auto masked = turn_of({.execution_id = {},
                           .turn = codec::RawJson{codec::to_json(turn)},
                           .attempt = {},
                           .seq = {}},
                          identity_.run.attempt, *redactor_);
    if (!masked) continue;
    FrameEntry entry;
    entry.seq = seq;
    entry.turn = std::move(masked);
    prepared.push_back(std::move(entry));
  }
}

// What the parser still held when the agent's text ended.
void LiveRun::finish_parsing(std::vector<FrameEntry>& prepared) {
  if (!stream_) return;
  std::vector<agents::AgentItem> items;
  stream_->finish(items);
  FrameEntry rest;
  rest.seq = end_seq_;
  take_items(items, rest.effects);
  if (!rest.effects.empty()) prepared.push_back(std::move(rest));
  turns_.finish(now_);
  add_turns(end_seq_, prepared);
  complete_end();
}

std::shared_ptr<AppendRequest> LiveRun::next_batch(Timestamp now) {
  now_ = now;
  if (in_flight_ || needs_replay_) return nullptr;
  if (!batch_) {
    auto frames = prepare();
    const bool with_end = end_.has_value() && pending_.empty();
    if (with_end) finish_parsing(frames);
    if (frames.empty() && !with_end) return nullptr;
    batch_ = std::make_shared<AppendRequest>();
    batch_->tenant = identity_.tenant;
    batch_->id = identity_.run.execution;
    batch_->persona = identity_.persona;
    batch_->attempt = identity_.run.attempt;
    batch_->expected_seq = committed_seq_;
    batch_->frames = std::move(frames);
    if (with_end) {
      batch_->end = end_;
      batch_->end_seq = end_seq_;
    }
  }
  in_flight_ = true;
  return batch_;
}

void LiveRun::batch_committed() {
  in_flight_ = false;
  committed_seq_ = batch_->end ? batch_->end_seq : batch_->frames.back().seq;
  batch_.reset();
}

namespace {

// What a worker says was used is a number of an agent's. Beyond these it is a mistake, and sums of
// it would leave their type: whoever adds it up would fail, and with it the end of the attempt.
constexpr std::int64_t kMostCounted = 1'000'000'000'000;
constexpr double kMostCost = 1e9;

std::int64_t plausible(std::int64_t count) {
  return std::clamp(count, std::int64_t{0}, kMostCounted);
}
double plausible(double cost) {
  return std::clamp(cost, 0.0, kMostCost);
}
Usage plausible(const Usage& usage) {
  return {plausible(usage.input_tokens), plausible(usage.output_tokens),
          plausible(usage.cache_creation_input_tokens), plausible(usage.cache_read_input_tokens)};
}

// The CLI's own member names are snake_case, ours are camelCase; both are understood.
std::optional<Usage> usage_of(const codec::RawJson& raw) {
  const auto json = codec::parse_json(raw.text);
  if (!json || !json->is_object()) return std::nullopt;
  const auto& object = json->get_object();
  const auto number = [&](const char* snake, const char* camel) -> std::int64_t {
    const auto* value = object.if_contains(snake);
    if (value == nullptr) value = object.if_contains(camel);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
  };
  return plausible(Usage{number("input_tokens", "inputTokens"),
                         number("output_tokens", "outputTokens"),
                         number("cache_creation_input_tokens", "cacheCreationInputTokens"),
                         number("cache_read_input_tokens", "cacheReadInputTokens")});
}

std::vector<ModelUsage> models_of(const codec::RawJson& raw) {
  constexpr std::size_t kMaxModels = 20;  // each costs a row of metering
  auto models = codec::parse<std::vector<ModelUsage>>(raw.text);
  if (!models) return {};
  if (models->size() > kMaxModels) models->resize(kMaxModels);
  for (auto& share : *models) {
    share.usage = plausible(share.usage);
    share.cost_usd = plausible(share.cost_usd);
  }
  return std::move(*models);
}

void read_meta(const codec::RawJson& raw, AttemptEnd& end) {
  constexpr std::size_t kMaxIsolation = 50;
  const auto meta = codec::parse_json(raw.text);
  if (!meta || !meta->is_object()) return;
  // The first workers tell the exit code here.
  const auto* code = meta->get_object().if_contains("exitCode");
  if (!end.exit_code && code != nullptr && code->is_int64()) end.exit_code = code->get_int64();
  const auto* isolation = meta->get_object().if_contains("isolation");
  if (isolation == nullptr || !isolation->is_string()) return;
  end.isolation = std::string(utf8_prefix(isolation->get_string(), kMaxIsolation));
}

}  // namespace

AttemptEnd to_end(const wire::Complete& frame) {
  AttemptEnd end;
  end.status = ExecutionStatus::kFailed;
  if (frame.status == "completed") end.status = ExecutionStatus::kCompleted;
  if (frame.status == "cancelled") {
    end.status = ExecutionStatus::kCancelled;
    end.reason = FailureReason::kCancelled;
  }
  if (frame.failure_reason) {
    FailureReason reason = FailureReason::kUnknown;
    codec::value_of(*frame.failure_reason, reason);
    end.reason = reason;
  }
  end.message = std::string(utf8_prefix(frame.error_message.value_or(""), 2'000));
  end.exit_code = frame.exit_code;
  if (frame.meta) read_meta(*frame.meta, end);
  if (end.status == ExecutionStatus::kFailed && !end.reason) {
    end.reason = FailureReason::kAgentExit;
  }
  end.session_id = frame.session_id;
  if (frame.total_cost_usd) end.cost_usd = plausible(*frame.total_cost_usd);
  if (frame.usage) end.usage = usage_of(*frame.usage);
  if (frame.models) end.models = models_of(*frame.models);
  end.turns = plausible(frame.turns.value_or(0));
  end.model = frame.model;
  end.quota_resets_at = frame.quota_resets_at;
  return end;
}

}  // namespace personas::execution
