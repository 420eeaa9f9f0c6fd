// A WorkerSession with a hand-written orchestrator at the other end of its wire.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"
#include "personas/worker_agent/session.hpp"

namespace personas::worker_agent {

inline wire::RunKey key(std::string execution, std::int64_t attempt) {
  return {ExecutionId(std::move(execution)), attempt};
}

class WorkerMachine : public testing::Test {
 protected:
  static WorkerOptions options() {
    WorkerOptions result;
    result.worker_id = "w";
    result.instance_id = "i1";
    result.version = "1.0";
    result.token = Secret("tok");
    result.slots = 2;
    return result;
  }
  explicit WorkerMachine(WorkerOptions chosen = options()) : session(std::move(chosen), random) {}

  void drain() {
    for (auto& output : session.take()) outputs.push_back(std::move(output));
  }
  template <class T>
  std::vector<T> all() {
    drain();
    std::vector<T> found;
    for (const auto& output : outputs) {
      if (const auto* value = std::get_if<T>(&output)) found.push_back(*value);
    }
    return found;
  }
  void forget_outputs() {
    drain();
    outputs.clear();
  }
  std::vector<std::string> texts(std::string_view part = "") {
    std::vector<std::string> found;
    for (auto& send : all<SendText>()) {
      if (send.text.find(part) != std::string::npos) found.push_back(std::move(send.text));
    }
    return found;
  }
  void hear(std::string_view text) {
    session.on_text(text, now);
    drain();
  }
  void pass(Duration time) {
    const Instant end = now + time;
    while (session.next_deadline() <= end) {
      now = std::max(now, session.next_deadline());
      session.tick(now);
    }
    now = end;
    drain();
  }
  void ack(std::string_view resume = "") {
    hear(fmt::format(R"({{"type":"ack","workerId":"w","token":"st","sessionToken":"st",)"
                     R"("heartbeatMs":4000,"leaseMs":18000,"nonce":"n","features":[{}],)"
                     R"("resumeFrom":[{}]}})",
                     features, resume));
  }
  void connect(std::string_view resume = "") {
    session.connected(now);
    ack(resume);
  }
  void begin() {
    session.start(now);
    connect();
  }
  void assign(const std::string& execution, int attempt = 1) {
    hear(
        fmt::format(R"({{"type":"assign","executionId":"{}","prompt":"p","env":{{}},"config":{{}},)"
                    R"("attempt":{},"leaseMs":18000}})",
                    execution, attempt));
  }
  void received(const std::string& execution, int attempt, int seq, bool final_frame) {
    hear(fmt::format(R"({{"type":"received","executionId":"{}","attempt":{},"seq":{},"final":{}}})",
                     execution, attempt, seq, final_frame));
  }
  void cancel(const std::string& execution, int attempt, std::string_view reason) {
    hear(fmt::format(R"({{"type":"cancel","executionId":"{}","attempt":{},"reason":"{}"}})",
                     execution, attempt, reason));
  }
  // Answers the latest heartbeat.
  void echo() {
    const auto beats = texts(R"("type":"heartbeat")");
    ASSERT_FALSE(beats.empty());
    hear(beats.back());
  }
  void finish(const wire::RunKey& run, std::string status = "completed") {
    wire::Complete complete;
    complete.status = std::move(status);
    session.run_finished(run, std::move(complete), now);
    drain();
  }
  std::size_t times(std::string_view part) { return texts(part).size(); }

  std::string features;  // that the orchestrator announces
  Instant now{50'000'000};
  SeededRandom random{7};
  WorkerSession session;
  std::vector<Output> outputs;
};

}  // namespace personas::worker_agent
