// A GatewaySession with a hand-written worker at the other end of its wire.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "personas/worker_gateway/session.hpp"

namespace personas::worker_gateway {

inline constexpr std::string_view kSeedHello =
    R"({"type":"hello","workerId":"w","capabilities":["claude"]})";
inline constexpr std::string_view kFullHello =
    R"({"type":"hello","workerId":"w","capabilities":[],"version":"1","instanceId":"i1"})";

inline wire::RunKey key(std::string execution, std::int64_t attempt) {
  return {ExecutionId(std::move(execution)), attempt};
}

inline wire::Assign assignment(const std::string& execution, std::int64_t attempt) {
  wire::Assign assign;
  assign.execution_id = execution;
  assign.prompt = "p";
  assign.attempt = attempt;
  return assign;
}

inline std::string out(const std::string& execution, int attempt, int seq) {
  return fmt::format(
      R"({{"type":"stdout","executionId":"{}","chunk":"c{}","attempt":{},"seq":{}}})", execution,
      seq, attempt, seq);
}

inline std::string complete(const std::string& execution, int attempt, int seq) {
  return fmt::format(
      R"({{"type":"complete","executionId":"{}","status":"completed","attempt":{},"seq":{}}})",
      execution, attempt, seq);
}

class SessionMachine : public testing::Test {
 protected:
  explicit SessionMachine(SessionOptions options = {})
      : session(options, [](std::string_view token) -> std::optional<WorkerGrant> {
          if (token != "good") return std::nullopt;
          return WorkerGrant{"t1", std::nullopt};
        }) {}

  void say(std::string_view text) {
    session.on_text(text, now);
    drain();
  }
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
  // Texts sent since the last call that contain `part`.
  std::size_t sent(std::string_view part) {
    const auto texts = all<Send>();
    return static_cast<std::size_t>(std::ranges::count_if(
        texts, [&](const Send& send) { return send.text.find(part) != std::string::npos; }));
  }
  std::optional<wire::CloseCode> closed() {
    const auto closes = all<Close>();
    return closes.empty() ? std::nullopt : std::optional(closes.front().code);
  }
  void hello(std::string_view text) {
    session.opened("good", now);
    say(text);
  }
  void seed() {
    hello(kSeedHello);
    session.accept({"session-token", "n", {}}, now);
    say(R"({"type":"ready"})");
  }
  void full(std::vector<LeasedRun> runs = {}, std::string_view list = "") {
    hello(kFullHello);
    session.accept({"session-token", "n", std::move(runs)}, now);
    say(fmt::format(R"({{"type":"active_executions","executionIds":[],"runs":[{}]}})", list));
    say(R"({"type":"ready","availableSlots":2,"maxSlots":2})");
  }

  Instant now{1'000'000};
  GatewaySession session;
  std::vector<Output> outputs;
};

}  // namespace personas::worker_gateway
