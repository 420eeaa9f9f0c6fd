// The execution service: drives the dispatcher core and the live runs with store, clock, workers.
//
// Strand: the core's executor. The methods of Executions are thread-safe and hop over; all others
// are called on the strand. Lifetime: until stop() has completed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "personas/async/timer.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/redactor.hpp"
#include "personas/execution/attempt_store.hpp"
#include "personas/execution/claim.hpp"
#include "personas/execution/dispatcher.hpp"
#include "personas/execution/live_run.hpp"
#include "personas/execution/review_store.hpp"
#include "personas/execution/service.hpp"
#include "personas/execution/worker_links.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

struct ServiceOptions {
  DispatcherOptions dispatcher;
  NodeId node;
  InstanceId origin;
  // Encrypts the agents' sessions at rest; 32 bytes.
  Secret session_key;
  store::EventSink* events = nullptr;  // where events of agents go
  std::int64_t max_queued = 1'000'000;  // per installation; more are refused with kUnavailable
};

// Which secrets a run gets.
struct SecretsRequest {
  TenantId tenant;
  ExecutionId execution;
  PersonaId persona;                         // empty: none
  std::vector<CredentialId> credential_ids;  // of the execution, beside those of its persona
  std::string backend;
  Timestamp now;
  // kMasking: the run lives already, and its values are only needed to mask what it writes.
  enum class Purpose : std::uint8_t { kAttempt, kMasking } purpose = Purpose::kAttempt;
};

// The provider's token and the credentials of a run, as environment variables. Called inside the
// transaction that claims the run, so it is re-runnable and sees what that transaction sees. With
// kAttempt: kNotFound or kCorrupt when a credential cannot be had (the attempt then ends as
// credential_missing), kUnauthorized when the provider's token has expired (it ends as
// agent_not_authenticated).
using SecretSource = std::function<Result<std::vector<NamedSecret>>(store::Transaction& tx,
                                                                    const SecretsRequest& request)>;

class ExecutionService final : public Executions {
 public:
  ExecutionService(ServiceOptions options, boost::asio::any_io_executor strand, store::Store& store,
                   Clock& clock, Random& random, SecretSource secrets);
  ~ExecutionService() override;

  // Rebuilds the core from the store. Before anything else; workers may connect afterwards.
  Task<Result<void>> start(WorkerLinks& links);
  // Takes no new claims, waits for transactions under way. Runs of full workers live on.
  Task<void> stop();

  // ---- from the gateway's hub ----
  struct LeasedRun {
    wire::RunKey run;
    std::int64_t committed_seq = 0;
    std::int64_t accepted_seq = 0;
  };
  // The runs leased to this worker that its new connection goes on with.
  std::vector<LeasedRun> worker_joined(WorkerInfo info);
  // Leases that are over by our clock end before anything new is heard of them.
  void expire();
  void worker_left(const WorkerId& worker);
  void worker_ready(const WorkerId& worker, std::int64_t available);
  void worker_alive(const WorkerId& worker);
  // After a reconnect: runs the worker no longer has. The rest is told its desired state again.
  void runs_missing(const WorkerId& worker, const std::vector<wire::RunKey>& missing);
  void frame(const wire::RunKey& run, std::int64_t seq, wire::WorkerFrame frame);
  void complete(const wire::RunKey& run, std::int64_t seq, const wire::Complete& frame);
  void busy(const wire::RunKey& run);

  // ---- Executions ----
  Result<void> admit(const TenantId& tenant) const override;
  void enqueued(QueuedExecution execution) override;
  void cancel_requested(const TenantId& tenant, const ExecutionId& id) override;
  void review_answered(const TenantId& tenant, const Review& review) override;
  void persona_changed(const TenantId& tenant, const PersonaId& id,
                       std::int64_t max_concurrent) override;
  void provider_changed(const TenantId& tenant, const std::string& backend) override;
  Task<std::vector<std::string>> why_waiting(TenantId tenant,
                                             std::vector<ExecutionId> ids) override;
  Task<std::vector<WorkerStatus>> workers() override;
  Task<QueueStatus> queue() override;

 private:
  struct ClaimState;

  Now now() const { return {clock_.now(), clock_.wall()}; }
  void settle();  // carries out the dispatcher's effects and arms the timer
  void perform(const effect::Claim& claim);
  void perform(const effect::Cancel& cancel);
  void perform(const effect::Lose& lose);
  void perform(const effect::Refill& refill);
  void claimed(const effect::Claim& claim, Result<void> outcome,
               std::optional<ClaimedRun> claimed_run, std::vector<NamedSecret> secrets);
  LiveRun& open_run(const QueuedExecution& entry, std::int64_t attempt, const WorkerId& worker,
                    std::int64_t committed_seq);
  static void equip(LiveRun& run, const std::vector<NamedSecret>& secrets);
  Result<wire::Assign> make_assign(const effect::Claim& claim, ClaimedRun& run);
  LiveRun* find_run(const wire::RunKey& key);
  void pump(LiveRun& run);
  void pump_soon(const LiveRun& run);  // when all that came with this frame has been taken
  void replay(LiveRun& run);
  void written(const wire::RunKey& key, Result<void> outcome, const AppendOutcome& appended);
  void pump_later(const wire::RunKey& key);
  void retry_later();
  void retry_now();
  void given_back(const wire::RunKey& key, std::optional<QueuedExecution> entry);
  void recount();
  void arm();
  void let_go_on(QueuedExecution entry);
  void expect_review_expiry(std::optional<Timestamp> at);
  void sweep_reviews();
  void open_gates(const TenantId& tenant, const std::string& backend);
  void tell_worker(const Review& review);
  std::vector<WorkerStatus> worker_statuses() const;
  // A store operation whose completion runs on the strand and is waited for by stop().
  void write(store::Operation operation, store::Completion done);
  void read(store::Operation operation, store::Completion done);
  store::Completion counted(store::Completion done);
  void finished_operation();

  ServiceOptions options_;
  boost::asio::any_io_executor strand_;
  store::Store& store_;
  Clock& clock_;
  Random& random_;
  SecretSource secret_source_;
  WorkerLinks* links_ = nullptr;

  Dispatcher dispatcher_;
  std::unordered_map<wire::RunKey, std::unique_ptr<LiveRun>> runs_;
  std::vector<wire::RunKey> heard_;          // runs with new frames, until pumped
  std::set<wire::RunKey> waiting_for_disk_;  // batches that the store refused for now
  std::set<wire::RunKey> give_back_later_;   // the same for runs that workers gave back
  std::set<std::pair<TenantId, std::string>> open_later_;  // gates
  bool recounting_ = false;
  Timer timer_;
  Instant armed_for_ = Instant::never();
  Instant retry_at_ = Instant::never();
  std::optional<Timestamp> review_expiry_;      // of the first open question
  Instant look_at_reviews_ = Instant::never();  // when to see whether it has come
  bool sweeping_ = false;
  bool settling_ = false;
  bool stopping_ = false;

  std::int64_t operations_ = 0;  // store operations and posts under way
  std::unique_ptr<Timer> idle_;  // cancelled when operations_ reaches zero

  std::atomic<std::int64_t> queued_{0};
  std::int64_t running_ = 0;
  std::int64_t finished_ = 0;
};

}  // namespace personas::execution
