#include "agents.hpp"

#include <algorithm>
#include <utility>

namespace personas::simulation {
namespace {

using sandbox::Ending;

// What a pipe holds; an agent that writes more waits for its reader.
constexpr std::size_t kPipeBytes = 64 * 1024;
// A supervisor whose worker has died kills within this.
constexpr Duration kKillTime = milliseconds(50);

}  // namespace

// One agent with its supervisor and its pipes.
class Agents::Agent : public std::enable_shared_from_this<Agents::Agent> {
 public:
  Agent(Agents& agents, std::string worker, const std::shared_ptr<Process>& process,
        sandbox::Launch launch, sandbox::RunListener& listener)
      : agents_(agents),
        observer_(agents.observer_),
        machine_(process->machine()),
        worker_(std::move(worker)),
        process_(process),
        launch_(std::move(launch)),
        listener_(&listener),
        script_(agents.script_of(launch_)),
        lease_until_(launch_.lease_until),
        began_(machine_.now()),
        last_word_(began_) {}

  void begin() {
    if (script_.refused) {
      outcome_.ending = *script_.refused;
      outcome_.detail = "by script";
      dead_ = true;
      return pass_on_later();
    }
    std::map<std::string, std::string> given;
    for (const auto& file : launch_.session.files) given[file.path] = file.content;
    for (const auto& [path, content] : given) session_path_ = path;
    session_size_ = session_path_.empty() ? 0 : given[session_path_].size();
    observer_.agent_started(launch_.label, worker_, given);
    alive_ = true;
    isolation_ = sandbox::Isolation::kNone;
    watch_lease();
    if (launch_.wall_limit > Duration::zero()) {
      later(launch_.wall_limit, [this] { die(Ending::kWallLimit); });
    }
    watch_idle();
    next();
  }

  // ---- the worker's hands
  void renew(Instant until) {
    lease_until_ = until;
    watch_lease();
  }
  void kill() {
    killed_ = true;
    later(milliseconds(5), [this] { die(Ending::kKilled); });
  }
  void pause() { paused_ = true; }
  void resume() {
    paused_ = false;
    last_word_ = machine_.now();
    pass_on_later();
  }
  void detach() {
    listener_ = nullptr;
    if (alive_) kill();
  }

  // ---- the world
  void worker_died() {
    listener_ = nullptr;
    later(kKillTime, [this] { die(Ending::kKilled); });
  }
  void machine_died() {
    listener_ = nullptr;
    die(Ending::kKilled);
  }
  bool alive() const { return alive_; }
  bool forgotten() const { return !alive_ && (told_ || listener_ == nullptr); }
  bool of(const std::shared_ptr<Process>& process) const { return process_.lock() == process; }

 private:
  void later(Duration local, Event event) {
    machine_.after(local, [self = weak_from_this(), event = std::move(event)]() mutable {
      if (const auto agent = self.lock()) event();
    });
  }

  void watch_lease() {
    if (lease_until_ == Instant::never() || agents_.plants_.supervisor_sleeps) return;
    later(std::max(lease_until_ - machine_.now(), Duration::zero()), [this] {
      if (machine_.now() >= lease_until_) die(Ending::kLeaseLost);
    });
  }
  void watch_idle() {
    if (!launch_.idle_limit) return;
    const Duration left = last_word_ + *launch_.idle_limit - machine_.now();
    later(std::max(left, Duration(milliseconds(100))), [this] {
      if (!alive_) return;
      if (!paused_ && machine_.now() - last_word_ >= *launch_.idle_limit) die(Ending::kIdleLimit);
      watch_idle();
    });
  }

  void next() {
    if (at_ == script_.steps.size()) return end();
    later(script_.steps[at_].pause, [this] { write(); });
  }
  void write() {
    if (!alive_) return;
    auto& step = script_.steps[at_];
    if (piped_ + step.out.size() > kPipeBytes && piped_ > 0) {
      blocked_ = true;  // pass_on() goes on here
      return;
    }
    ++at_;
    last_word_ = machine_.now();
    if (!step.session.empty() && launch_.session.wanted != nullptr) keep(step.session);
    if (!step.out.empty()) {
      observer_.agent_wrote(launch_.label, step.out);
      written_ += static_cast<std::int64_t>(step.out.size());
      put({.kind = Piece::Kind::kOut, .text = step.out});
    }
    if (!step.err.empty()) put({.kind = Piece::Kind::kErr, .text = step.err});
    if (written_ > launch_.max_output_bytes) return die(Ending::kOutputLimit);
    next();
  }
  void keep(const std::string& text) {
    if (session_path_.empty()) session_path_ = "-workspace/session.jsonl";
    observer_.agent_kept(launch_.label, session_path_, text);
    put({.kind = Piece::Kind::kSession, .text = text, .offset = session_size_});
    session_size_ += text.size();
  }
  void end() {
    if (!alive_ || script_.end == Script::End::kHang) return;
    outcome_.exit_code = script_.exit_code;
    if (script_.end == Script::End::kSignal) outcome_.signal = 9;
    stop(script_.end == Script::End::kSignal ? Ending::kSignalled : Ending::kExited,
         Observer::Ending::kByItself);
  }
  void die(Ending ending) {
    if (!alive_ || agents_.plants_.never_ends) return;
    stop(ending, Observer::Ending::kByForce);
  }
  void stop(Ending ending, Observer::Ending how) {
    alive_ = false;
    dead_ = true;
    outcome_.ending = ending;
    observer_.agent_ended(launch_.label, how);
    pass_on_later();
  }

  // ---- pipes
  struct Piece {
    enum class Kind : std::uint8_t { kOut, kErr, kSession } kind = Kind::kOut;
    std::string text;
    std::size_t offset = 0;
  };
  void put(Piece piece) {
    piped_ += piece.text.size();
    pipe_.push_back(std::move(piece));
    pass_on_later();
  }
  // Into the worker's process, when it gets round to reading.
  void pass_on_later() {
    const auto process = process_.lock();
    if (!process || listener_ == nullptr) return;
    process->after(microseconds(50), [self = shared_from_this()] { self->pass_on(); });
  }
  void pass_on() {
    while (listener_ != nullptr && !pipe_.empty() && (!paused_ || killed_)) {
      auto piece = std::move(pipe_.front());
      pipe_.pop_front();
      piped_ -= piece.text.size();
      hand_over(std::move(piece));
    }
    if (blocked_ && piped_ == 0) {
      blocked_ = false;
      later(Duration::zero(), [this] { write(); });
    }
    if (!dead_ || !pipe_.empty() || listener_ == nullptr || std::exchange(told_, true)) return;
    outcome_.duration = machine_.now() - began_;
    outcome_.isolation = isolation_;
    std::exchange(listener_, nullptr)->on_exit(outcome_);
  }
  void hand_over(Piece piece) {
    const auto& plants = agents_.plants_;
    if (piece.kind == Piece::Kind::kErr) return listener_->on_stderr(piece.text);
    if (piece.kind == Piece::Kind::kSession) {
      return listener_->on_session({.path = session_path_,
                                    .offset = static_cast<std::int64_t>(piece.offset),
                                    .data = std::move(piece.text)});
    }
    if (plants.output_vanishes && at_ == 2) return;
    if (plants.output_swaps && at_ == 2 && held_back_.empty()) {
      held_back_ = std::move(piece.text);
      return;
    }
    if (plants.output_changes && piece.text.size() > 2) piece.text[1] ^= 1;
    listener_->on_stdout(piece.text);
    if (!held_back_.empty()) listener_->on_stdout(std::exchange(held_back_, {}));
  }

  Agents& agents_;
  Observer& observer_;
  Machine& machine_;
  std::string worker_;
  std::weak_ptr<Process> process_;
  sandbox::Launch launch_;
  sandbox::RunListener* listener_;
  Script script_;
  std::size_t at_ = 0;
  Instant lease_until_;
  Instant began_;
  Instant last_word_;
  std::int64_t written_ = 0;
  std::string session_path_;
  std::size_t session_size_ = 0;
  std::deque<Piece> pipe_;
  std::size_t piped_ = 0;
  std::string held_back_;  // by the fault that is planted for it
  bool alive_ = false;
  bool dead_ = false;
  bool told_ = false;
  bool paused_ = false;
  bool killed_ = false;
  bool blocked_ = false;
  sandbox::Isolation isolation_ = sandbox::Isolation::kNone;
  sandbox::RunOutcome outcome_;
};

namespace {

class ScriptedRun final : public sandbox::Run {
 public:
  explicit ScriptedRun(std::shared_ptr<Agents::Agent> agent) : agent_(std::move(agent)) {}
  ~ScriptedRun() override { agent_->detach(); }
  void renew_lease(Instant until) override { agent_->renew(until); }
  void kill() override { agent_->kill(); }
  void pause_reading() override { agent_->pause(); }
  void resume_reading() override { agent_->resume(); }

 private:
  std::shared_ptr<Agents::Agent> agent_;
};

class ScriptedSandbox final : public sandbox::Sandbox {
 public:
  ScriptedSandbox(Agents& agents, std::string worker, std::shared_ptr<Process> process)
      : agents_(agents), worker_(std::move(worker)), process_(process) {}
  Result<std::unique_ptr<sandbox::Run>> start(sandbox::Launch launch,
                                              sandbox::RunListener& listener) override {
    auto agent = agents_.start(worker_, process_.lock(), std::move(launch), listener);
    return std::make_unique<ScriptedRun>(std::move(agent));
  }
  sandbox::Isolation strongest_isolation() const override { return sandbox::Isolation::kNone; }

 private:
  Agents& agents_;
  std::string worker_;
  std::weak_ptr<Process> process_;
};

}  // namespace

std::unique_ptr<sandbox::Sandbox> make_sandbox(Agents& agents, std::string worker,
                                               std::shared_ptr<Process> process) {
  return std::make_unique<ScriptedSandbox>(agents, std::move(worker), std::move(process));
}

Agents::~Agents() = default;

std::shared_ptr<Agents::Agent> Agents::start(const std::string& worker,
                                             const std::shared_ptr<Process>& process,
                                             sandbox::Launch launch,
                                             sandbox::RunListener& listener) {
  forget_dead();
  auto agent = std::make_shared<Agent>(*this, worker, process, std::move(launch), listener);
  living_.push_back(agent);
  agent->begin();
  return agent;
}

void Agents::forget_dead() {
  std::erase_if(living_, [](const auto& agent) { return agent->forgotten(); });
}

void Agents::worker_died(const std::shared_ptr<Process>& process) {
  for (const auto& agent : living_) {
    if (agent->of(process)) agent->worker_died();
  }
}

void Agents::machine_died(const std::shared_ptr<Process>& process) {
  for (const auto& agent : living_) {
    if (agent->of(process)) agent->machine_died();
  }
}

}  // namespace personas::simulation
