#include "personas/worker_agent/agent_run.hpp"

#include <algorithm>
#include <utility>

#include "personas/agents/protocols.hpp"
#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/worker_agent/spool.hpp"

namespace personas::worker_agent {
namespace {

using sandbox::Ending;
using sandbox::Isolation;
using sandbox::Network;

wire::Complete failed(FailureReason reason, std::string text) {
  wire::Complete complete;
  complete.status = "failed";
  complete.failure_reason = std::string(info(reason).name);
  if (!text.empty()) complete.error_message = std::move(text);
  return complete;
}

// Everything in `env` counts as secret when the orchestrator does not say what is.
bool is_secret(const wire::Assign& assign, const std::string& name) {
  return !assign.secrets || std::ranges::find(*assign.secrets, name) != assign.secrets->end();
}

// Addresses are not secret, and masking them would only make output unreadable.
bool is_address(std::string_view name) {
  return name.ends_with("_URL");
}

// {"mode": "none"} or "none": no network at all. Everything finer needs a broker, which is not
// between the agent and the network here.
bool forbids_network(const std::optional<codec::RawJson>& policy) {
  if (!policy) return false;
  const auto json = codec::parse_json(policy->text);
  if (!json) return false;
  if (const auto* text = json->if_string()) return *text == "none";
  const auto* object = json->if_object();
  const auto* mode = object != nullptr ? object->if_contains("mode") : nullptr;
  return mode != nullptr && mode->is_string() && mode->get_string() == "none";
}

agents::LaunchRequest request_of(const RunOptions& options, wire::Assign& assign) {
  agents::LaunchRequest request;
  if (assign.config.backend && !assign.config.backend->empty()) {
    request.backend = *assign.config.backend;
  }
  request.prompt = std::move(assign.prompt);
  request.model = assign.config.model;
  request.max_turns = assign.config.max_turns;
  request.max_budget_usd = assign.config.max_budget_usd;
  if (assign.permission_policy) request.permission_policy = assign.permission_policy->text;
  request.resume_session_id = assign.resume_session_id;
  request.programs = options.programs;
  const auto* backend = agents::find_backend(request.backend);
  if (backend != nullptr && !backend->url_variable.empty()) {
    const auto url = options.environment.find(std::string(backend->url_variable));
    if (url != options.environment.end()) request.provider_url = url->second;
  }
  return request;
}

// The variables of the run; what must be masked goes to `masked` too.
void add_environment(const RunOptions& options, const wire::Assign& assign,
                     const agents::Launch& plan, sandbox::Launch& launch,
                     std::vector<NamedSecret>& masked) {
  launch.environment = plan.environment;
  for (const auto& [name, value] : assign.env) {
    if (agents::is_removed(plan, name) || launch.environment.contains(name)) continue;
    if (is_secret(assign, name)) {
      launch.secret_environment.push_back({name, Secret(value)});
      masked.push_back({name, Secret(value)});
    } else {
      launch.environment.emplace(name, value);
    }
  }
  for (const auto& name : plan.pass_through) {
    const auto own = options.environment.find(name);
    if (own == options.environment.end() || assign.env.contains(name)) continue;
    launch.secret_environment.push_back({name, Secret(own->second)});
    if (!is_address(name)) masked.push_back({name, Secret(own->second)});
  }
}

std::string isolation_meta(Isolation isolation) {
  return isolation == Isolation::kNamespaces ? R"({"isolation":"namespaces"})"
                                             : R"({"isolation":"none"})";
}

// The files of the session, from pieces that must be whole and in order.
Result<std::vector<sandbox::HomeFile>> session_files(std::vector<sandbox::SessionPiece> pieces) {
  std::vector<sandbox::HomeFile> files;
  for (auto& piece : pieces) {
    const bool same = !files.empty() && files.back().path == piece.path;
    if (!same) files.push_back({std::move(piece.path), {}});
    auto& content = files.back().content;
    if (piece.offset != static_cast<std::int64_t>(content.size())) {
      return fail(ErrorCode::kCorrupt, "a part of the agent's session is missing");
    }
    content += piece.data;
  }
  return files;
}

Result<sandbox::SessionPolicy> session_policy(const agents::Launch& plan,
                                              std::vector<sandbox::SessionPiece> pieces) {
  sandbox::SessionPolicy policy;
  if (!plan.session) return policy;
  policy.root = plan.session->root;
  policy.wanted = plan.session->wanted;
  policy.placed = plan.session->placed;
  policy.max_files = wire::kMaxSessionFiles;
  policy.max_bytes = wire::kMaxSessionBytes;
  TRY(policy.files, session_files(std::move(pieces)));
  for (const auto& file : policy.files) {
    if (!policy.wanted(file.path)) {
      return fail(ErrorCode::kCorrupt, "'" + file.path + "' is no file of a session");
    }
  }
  return policy;
}

FailureReason reason_of_refusal(ErrorCode code) {
  if (code == ErrorCode::kNotFound) return FailureReason::kBackendUnknown;
  if (code == ErrorCode::kUnavailable) return FailureReason::kAgentNotFound;
  return FailureReason::kRejectedByWorker;  // its policy or options cannot be used
}

std::optional<FailureReason> reason_of_ending(Ending ending) {
  switch (ending) {
    case Ending::kExited:
    case Ending::kSignalled:
      return std::nullopt;
    case Ending::kWallLimit:
      return FailureReason::kTimeout;
    case Ending::kIdleLimit:
      return FailureReason::kIdleTimeout;
    case Ending::kOutputLimit:
      return FailureReason::kOutputLimit;
    case Ending::kLeaseLost:
      return FailureReason::kLeaseExpired;
    case Ending::kKilled:
      return FailureReason::kWorkerError;  // the session knows better: it asked for it
    case Ending::kNotFound:
      return FailureReason::kAgentNotFound;
    case Ending::kSandboxRefused:
      return FailureReason::kSandboxUnavailable;
    case Ending::kWorkspaceFailed:
      return FailureReason::kWorkspaceError;
    case Ending::kSupervisorLost:
      return FailureReason::kWorkerError;
  }
  return FailureReason::kUnknown;
}

}  // namespace

std::optional<wire::Complete> AgentRun::start(sandbox::Sandbox& sandbox, const RunOptions& options,
                                              wire::Assign assign,
                                              std::vector<sandbox::SessionPiece> session,
                                              Instant kill_at) {
  const agents::LaunchRequest request = request_of(options, assign);
  auto plan = agents::launch_plan(request);
  if (!plan) return failed(reason_of_refusal(plan.error().code), plan.error().describe());
  auto policy = session_policy(*plan, std::move(session));
  if (!policy) return failed(FailureReason::kSessionLost, policy.error().message);
  format_ = agents::find_backend(request.backend)->format;
  // Programs that write plain text wait for their reader.
  holds_ = format_ != agents::OutputFormat::kPlain;
  sandbox::Launch launch;
  launch.session = *std::move(policy);
  std::vector<NamedSecret> masked;
  add_environment(options, assign, *plan, launch, masked);
  launch.label = key_.execution.str() + "/" + std::to_string(key_.attempt);
  launch.argv = std::move(plan->argv);
  launch.stdin_text = std::move(plan->stdin_text);
  for (auto& file : plan->home_files) {
    launch.home_files.push_back({std::move(file.path), std::move(file.content)});
  }
  launch.policy = options.policy;
  if (forbids_network(assign.config.network_policy)) launch.policy.network = Network::kNone;
  launch.wall_limit = assign.config.timeout_ms ? Duration(milliseconds(*assign.config.timeout_ms))
                                               : options.wall_limit;
  launch.idle_limit = options.idle_limit;
  if (assign.config.idle_timeout_ms) {
    launch.idle_limit = milliseconds(*assign.config.idle_timeout_ms);
  }
  launch.max_output_bytes = assign.config.max_output_bytes.value_or(options.max_output_bytes);
  launch.lease_until = kill_at;

  redactor_ = std::make_shared<const Redactor>(masked);
  stdout_mask_.emplace(redactor_);
  stderr_mask_.emplace(redactor_);
  stream_.emplace(format_);
  auto run = sandbox.start(std::move(launch), *this);
  if (!run) return failed(FailureReason::kSandboxUnavailable, run.error().describe());
  run_ = std::move(*run);
  return std::nullopt;
}

void AgentRun::on_stdout(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kMaxReadBytes);
    bytes.remove_prefix(piece.size());
    if (holds_ && must_hold()) {
      held_.add_stdout(piece);
    } else {
      take_stdout(stdout_mask_->push(piece));
    }
  }
  pause_if_full();
}

void AgentRun::on_stderr(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kMaxReadBytes);
    bytes.remove_prefix(piece.size());
    if (holds_ && must_hold()) {
      held_.add_stderr(piece);
    } else {
      take_stderr(stderr_mask_->push(piece));
    }
  }
  pause_if_full();
}

void AgentRun::on_session(const sandbox::SessionPiece& piece) {
  if (holds_ && must_hold()) {
    held_.add(piece);
    return pause_if_full();
  }
  sink_.run_session(key_, piece, session_id_);
}

// ---- back-pressure ------------------------------------------------------------------------------

void AgentRun::pause_reading() {
  paused_ = true;
  if (holds_ || pipe_paused_) return pause_if_full();
  pipe_paused_ = true;
  run_->pause_reading();
}

void AgentRun::pause_if_full() {
  if (pipe_paused_ || !held_.full()) return;
  pipe_paused_ = true;
  run_->pause_reading();
}

void AgentRun::take(Held item) {
  if (const auto* out = std::get_if<HeldStdout>(&item)) {
    take_stdout(stdout_mask_->push(out->text));
  } else if (const auto* err = std::get_if<HeldStderr>(&item)) {
    take_stderr(stderr_mask_->push(err->text));
  } else {
    sink_.run_session(key_, std::get<sandbox::SessionPiece>(item), session_id_);
  }
}

void AgentRun::go_on() {
  while (!paused_ && !held_.empty()) take(held_.pop());
  if (!paused_) send_turns();
  if (paused_) return;
  if (outcome_) return end();
  if (pipe_paused_ && held_.has_room_again()) {
    pipe_paused_ = false;
    run_->resume_reading();
  }
}

// What it still holds is not waited for: nobody takes it.
void AgentRun::kill() {
  killed_ = true;
  run_->kill();
  if (outcome_) end();
}

void AgentRun::take_stdout(std::string_view masked) {
  if (masked.empty()) return;
  sink_.run_stdout(key_, masked);
  std::vector<agents::AgentItem> items;
  stream_->feed(masked, items);
  report(items);
  send_turns();
}

void AgentRun::take_stderr(std::string_view masked) {
  if (masked.empty()) return;
  stderr_tail_.append(masked);
  if (stderr_tail_.size() > kStderrTail) stderr_tail_.erase(0, stderr_tail_.size() - kStderrTail);
  sink_.run_stderr(key_, masked);
}

void AgentRun::report(std::vector<agents::AgentItem>& items) {
  for (auto& item : items) report(item);
}

void AgentRun::report(agents::AgentItem& item) {
  turns_.take(item, clock_.wall());
  if (auto* effect = std::get_if<agents::IndexedEffect>(&item)) {
    // Masked again: unescaped and written anew, a value may have got another form.
    sink_.run_event(key_, agents::key_of(effect->effect),
                    redactor_->redact(agents::payload_of(effect->effect)));
  } else if (auto* call = std::get_if<agents::ToolCall>(&item)) {
    wire::Progress progress;
    progress.stage = "tool";
    progress.message = redactor_->redact(call->name + " " + call->input);
    progress.active_tool = redactor_->redact(call->name);
    progress.tool_calls_completed = tool_calls_++;
    sink_.run_progress(key_, std::move(progress));
  } else if (auto* started = std::get_if<agents::SessionStarted>(&item)) {
    session_id_ = started->session_id;
    model_ = started->model;
  } else if (auto* final = std::get_if<agents::Final>(&item)) {
    final_ = std::move(*final);
  }
}

// While nothing may be sent they change on, and go out as they are then.
void AgentRun::send_turns() {
  for (auto& turn : turns_.take_changed()) changed_turns_.push_back(std::move(turn));
  int past_pause = 0;
  while (!changed_turns_.empty()) {
    // At its end the last ones go in any case; there will be no later.
    if (paused_ && (!outcome_ || ++past_pause > kTurnsPastPause)) return;
    // Taken out first: what the session does with it may bring us back here.
    const auto turn = std::move(changed_turns_.front());
    changed_turns_.pop_front();
    // Masked again: cut and written anew, a value may have got another form.
    sink_.run_turn(key_, redactor_->redact(codec::to_json(turn)));
  }
}

std::optional<agents::ProgramFailure> AgentRun::failure_of(
    const sandbox::RunOutcome& outcome) const {
  if (const auto reason = reason_of_ending(outcome.ending)) {
    return agents::ProgramFailure{.reason = *reason};
  }
  agents::ProgramEnd end;
  end.format = format_;
  end.final = final_ ? &*final_ : nullptr;
  end.exit_code = outcome.exit_code;
  if (outcome.ending == Ending::kSignalled) end.signal = outcome.signal;
  end.stderr_tail = stderr_tail_;
  return agents::failure_of(end, clock_.wall());
}

std::string AgentRun::error_text(const sandbox::RunOutcome& outcome) const {
  std::string text = outcome.detail;
  if (text.empty() && final_ && final_->is_error) text = final_->result;
  if (text.empty()) text = stderr_tail_;
  if (text.size() > kMaxErrorText) text.erase(0, text.size() - kMaxErrorText);
  return redactor_->redact(agents::clean_text(text));
}

void AgentRun::on_exit(const sandbox::RunOutcome& outcome) {
  outcome_ = outcome;
  // What is held back is waited for, unless nobody wants it any more.
  if (held_.empty() || killed_ || outcome.ending == Ending::kLeaseLost) end();
}

void AgentRun::end() {
  const sandbox::RunOutcome& outcome = *outcome_;
  held_.clear();
  take_stdout(stdout_mask_->finish());
  take_stderr(stderr_mask_->finish());
  std::vector<agents::AgentItem> items;
  stream_->finish(items);
  report(items);
  turns_.finish(clock_.wall());
  send_turns();

  wire::Complete complete;
  complete.status = "completed";
  if (const auto failure = failure_of(outcome)) {
    complete = failed(failure->reason, error_text(outcome));
    complete.quota_resets_at = failure->quota_resets_at;
  }
  complete.meta = codec::RawJson{isolation_meta(outcome.isolation)};
  complete.duration_ms = to_millis(outcome.duration);
  if (outcome.ending == Ending::kExited) complete.exit_code = outcome.exit_code;
  if (outcome.ending == Ending::kSignalled) complete.exit_code = 128 + outcome.signal;
  if (final_) {
    if (!final_->session_id.empty()) session_id_ = final_->session_id;
    complete.total_cost_usd = final_->total_cost_usd;
    complete.usage = codec::RawJson{codec::to_json(final_->usage)};
    if (!final_->models.empty()) complete.models = codec::RawJson{codec::to_json(final_->models)};
  }
  if (turns_.count() > 0) complete.turns = turns_.count();
  if (!model_.empty()) complete.model = model_;
  if (!session_id_.empty()) complete.session_id = session_id_;
  sink_.run_ended(key_, std::move(complete));
}

}  // namespace personas::worker_agent
