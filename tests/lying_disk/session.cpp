#include "session.hpp"

#include "personas/base/clock.hpp"
#include "personas/execution/attempt_store.hpp"
#include "personas/execution/claim.hpp"
#include "personas/execution/review_store.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store/repositories.hpp"
#include "personas/vault/vault.hpp"

namespace personas::lying_disk {
namespace {

using store::Transaction;

constexpr std::string_view kMasterKey =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
TenantId tenant() {
  return default_tenant();
}
const ExecutionId kAsking("exe_asking");
const ExecutionId kWaiting("exe_waiting");
constexpr Timestamp kNow{1'700'000'000'000'000};

Result<void> add_persona(Transaction& tx) {
  Persona persona;
  persona.id = PersonaId("per_1");
  persona.name = "Tester";
  persona.backend = "command";
  return store::insert_persona(tx, tenant(), persona);
}

Result<void> submit(Transaction& tx, const ExecutionId& id) {
  execution::ExecuteRequest request;
  request.prompt = "do it";
  request.persona_id = PersonaId("per_1");
  TRY_VOID(execution::enqueue(tx, tenant(), id, request, execution::Source::kApi, kNow));
  return {};
}

Result<void> take(Transaction& tx, const ExecutionId& id, std::int64_t attempt) {
  TRY_VOID(execution::claim(tx, {.tenant = tenant(),
                                 .id = id,
                                 .attempt = attempt,
                                 .worker = WorkerId("w1"),
                                 .worker_instance = "i1",
                                 .node = NodeId("node_1"),
                                 .now = kNow}));
  return {};
}

// What no compression makes small.
std::string output(std::uint64_t seed) {
  SeededRandom random(seed);
  Bytes bytes(kOutputBytes / 2);
  random.fill(bytes);
  return to_hex(bytes);
}

execution::AppendRequest frames(const ExecutionId& id, std::int64_t attempt, std::int64_t last) {
  execution::AppendRequest request;
  request.tenant = tenant();
  request.id = id;
  request.persona = PersonaId("per_1");
  request.attempt = attempt;
  request.expected_seq = last;
  request.origin = InstanceId("inst_1");
  request.now = kNow;
  return request;
}

Result<void> put(Transaction& tx, const execution::AppendRequest& request) {
  TRY(const auto outcome, execution::append(tx, request));
  if (!outcome.accepted) return fail(ErrorCode::kInternal, "the script is wrong: not accepted");
  return {};
}

Result<void> write_output(Transaction& tx, std::int64_t attempt, std::int64_t last,
                          bool with_question) {
  auto request = frames(kAsking, attempt, last);
  execution::FrameEntry frame;
  frame.seq = last + 1;
  frame.text = execution::FrameEntry::Text{
      "stdout", output(static_cast<std::uint64_t>(100 * attempt + last))};
  if (with_question) {
    frame.effects.push_back(ManualReview{.title = "May I?",
                                         .description = "",
                                         .severity = Severity::kHigh,
                                         .context_data = {},
                                         .suggested_actions = {}});
  }
  request.frames.push_back(std::move(frame));
  return put(tx, request);
}

Result<void> end(Transaction& tx, std::int64_t attempt, std::int64_t last) {
  auto request = frames(kAsking, attempt, last);
  request.end.emplace();
  request.end->status = ExecutionStatus::kCompleted;
  request.end->exit_code = 0;
  request.end_seq = last + 1;
  return put(tx, request);
}

Result<void> answer(Transaction& tx) {
  TRY(const auto reviews, store::list_reviews(tx, tenant(), kAsking));
  if (reviews.size() != 1) return fail(ErrorCode::kInternal, "the script is wrong: no question");
  TRY_VOID(execution::answer_review(tx, tenant(),
                                    {.execution = kAsking,
                                     .review = reviews[0].id,
                                     .decision = ReviewStatus::kApproved,
                                     .message = "yes",
                                     .by = "ann"},
                                    kNow));
  return {};
}

Result<void> keep_secret(Transaction& tx, std::string_view name) {
  TRY(const auto key, vault::MasterKey::parse(kMasterKey));
  SeededRandom random(3);
  const vault::Vault vault(key, random);
  return vault.put(tx, tenant(), name, Secret(std::string("sk-0123456789abcdef")), kNow);
}

using Step = std::function<Result<void>(Transaction&)>;

Result<void> run(store::Store& store, const std::vector<Step>& steps,
                 const std::function<void()>& acknowledged) {
  for (const auto& step : steps) {
    TRY_VOID(store::run_write(store, step));
    acknowledged();
  }
  return {};
}

}  // namespace

Result<void> first_half(store::Store& store, const std::function<void()>& acknowledged) {
  const std::vector<Step> steps{
      [](Transaction& tx) -> Result<void> {
        TRY_VOID(store::migrate(tx, store::schema_migrations(), kNow));
        return {};
      },
      [](Transaction& tx) { return add_persona(tx); },
      [](Transaction& tx) { return keep_secret(tx, "provider/claude"); },
      [](Transaction& tx) { return submit(tx, kAsking); },
      [](Transaction& tx) { return take(tx, kAsking, 1); },
      [](Transaction& tx) { return write_output(tx, 1, 0, false); },
      [](Transaction& tx) { return write_output(tx, 1, 1, true); },
      [](Transaction& tx) { return end(tx, 1, 2); },  // parks
      [](Transaction& tx) { return answer(tx); },
      [](Transaction& tx) { return take(tx, kAsking, 2); },
  };
  return run(store, steps, acknowledged);
}

Result<void> second_half(store::Store& store, const std::function<void()>& acknowledged) {
  const std::vector<Step> steps{
      [](Transaction& tx) { return write_output(tx, 2, 0, false); },
      [](Transaction& tx) { return end(tx, 2, 1); },
      [](Transaction& tx) { return submit(tx, kWaiting); },
      [](Transaction& tx) { return keep_secret(tx, "provider/codex"); },
  };
  return run(store, steps, acknowledged);
}

}  // namespace personas::lying_disk
