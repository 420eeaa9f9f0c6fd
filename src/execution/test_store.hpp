// The transactions of executions over a real store in a folder of its own, as values.
#pragma once

#include <filesystem>
#include <map>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "personas/codec/json.hpp"
#include "personas/execution/attempt_store.hpp"
#include "personas/execution/claim.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/journal_reader.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store/repositories.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::execution {

using store::Transaction;

class StoreTest : public testing::Test {
 protected:
  template <class F>
  auto write(F f) {
    auto result = store::write_now(*store_, std::move(f));
    if (!result) throw std::runtime_error(result.error().describe());
    return std::move(*result);
  }

  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "personas-attempts-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    auto opened = store_sqlite::open_sqlite({.path = folder + "/test.db"}, [](const Error& error) {
      ADD_FAILURE() << error.describe();
    });
    ASSERT_TRUE(opened) << opened.error().describe();
    store_ = std::move(*opened);
    write([](Transaction& tx) -> Result<int> {
      return store::migrate(tx, store::schema_migrations(), Timestamp{1});
    });
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder);
  }

  PersonaId add_persona(std::optional<RetryPolicy> retry = {}) {
    Persona persona;
    persona.backend = "command";
    persona.retry = retry;
    return add_persona(std::move(persona));
  }
  PersonaId add_persona(Persona persona) {
    if (persona.id.empty()) persona.id = PersonaId("per_1");
    persona.name = "Tester " + persona.id.str();
    write([&](Transaction& tx) -> Result<bool> {
      TRY_VOID(store::insert_persona(tx, tenant, persona));
      return true;
    });
    return persona.id;
  }

  ExecutionId submit(std::optional<PersonaId> persona = {}, Source source = Source::kApi,
                     std::optional<ExecutionConfig> config = {}) {
    const ExecutionId id = ExecutionId::make(clock.wall(), random);
    clock.advance(milliseconds(2));
    ExecuteRequest request;
    request.prompt = "do it";
    request.persona_id = persona;
    request.config = std::move(config);
    write([&](Transaction& tx) { return enqueue(tx, tenant, id, request, source, clock.wall()); });
    return id;
  }

  std::optional<ClaimedRun> take(const ExecutionId& id, std::int64_t attempt = 1) {
    return write([&](Transaction& tx) {
      return claim(tx, {.tenant = tenant,
                        .id = id,
                        .attempt = attempt,
                        .worker = WorkerId("w1"),
                        .worker_instance = "i1",
                        .node = NodeId("node_1"),
                        .now = clock.wall(),
                        .session_key = &session_key});
    });
  }

  store::RecordedEvents recorded_events;
  AppendRequest batch(const ExecutionId& id, std::int64_t expected,
                      std::vector<std::string> chunks) {
    AppendRequest request;
    request.events = &recorded_events;
    request.tenant = tenant;
    request.id = id;
    request.attempt = 1;
    request.expected_seq = expected;
    request.origin = InstanceId("inst_1");
    request.now = clock.wall();
    std::int64_t seq = expected;
    for (auto& chunk : chunks) {
      FrameEntry frame;
      frame.seq = ++seq;
      frame.text = FrameEntry::Text{"stdout", std::move(chunk)};
      request.frames.push_back(std::move(frame));
    }
    return request;
  }

  AppendOutcome put(const AppendRequest& request) {
    return write([&](Transaction& tx) { return append(tx, request); });
  }

  AppendOutcome end(const ExecutionId& id, std::int64_t expected, AttemptEnd how,
                    std::int64_t attempt = 1) {
    auto request = batch(id, expected, {});
    request.attempt = attempt;
    request.end = std::move(how);
    request.end_seq = expected + 1;
    return put(request);
  }

  Execution get(const ExecutionId& id, Output output = Output::kFull) {
    return write([&](Transaction& tx) { return load(tx, tenant, id, output); });
  }

  std::vector<std::string> journal(const ExecutionId& id) {
    return write([&](Transaction& tx) -> Result<std::vector<std::string>> {
      TRY(const auto page, store::read_journal(tx, {.after = {}, .execution_id = id.str()}));
      std::vector<std::string> types;
      for (const auto& record : page.records) types.push_back(record.type);
      return types;
    });
  }

  std::vector<store::JournalRecord> whole_journal() {
    return write([&](Transaction& tx) -> Result<std::vector<store::JournalRecord>> {
      std::vector<store::JournalRecord> all;
      store::JournalPosition after;
      for (;;) {
        TRY(auto page, store::read_journal(tx, {.after = after}));
        for (auto& record : page.records) all.push_back(std::move(record));
        after = page.next;
        if (page.more == store::JournalPage::More::kNo) return all;
      }
    });
  }

  // The journal alone says what every status is.
  static std::map<std::string, std::string> fold(const std::vector<store::JournalRecord>& records) {
    std::map<std::string, std::string> statuses;
    for (const auto& record : records) {
      if (record.type == "execution.queued") statuses[record.execution_id] = "queued";
      if (record.type != "execution.status") continue;
      const auto data = codec::parse_json(record.data());
      statuses[record.execution_id] = std::string(data->at("status").get_string());
    }
    return statuses;
  }

  const TenantId tenant = default_tenant();
  Secret session_key{std::string(32, 'k')};
  ManualClock clock;
  SeededRandom random{1};
  std::string folder;
  std::unique_ptr<store::Store> store_;
};

}  // namespace personas::execution
