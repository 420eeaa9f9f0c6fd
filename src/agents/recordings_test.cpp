// What each recorded version of the real CLI said, and what it must be read as: one table for all
// versions, so that a difference between them is met by the reader and never seen behind it.
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/agents/outcome.hpp"
#include "personas/agents/protocols.hpp"
#include "personas/agents/turns.hpp"
#include "personas/codec/json.hpp"

namespace personas::agents {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Recording {
  std::string bytes;
  std::vector<AgentItem> items;
  StreamCounters counters;
  std::optional<Final> final;
  int exit_code = 0;
  int signal = 0;
  std::string stderr_text;
  Timestamp recorded_at;
  Timestamp resets_at;

  ProgramEnd end() const {
    ProgramEnd end;
    end.final = final ? &*final : nullptr;
    end.exit_code = exit_code;
    if (signal != 0) end.signal = signal;
    end.stderr_tail = stderr_text;
    return end;
  }
  std::vector<Turn> turns() const {
    TurnTracker tracker(1);
    for (const auto& item : items) tracker.take(item, recorded_at);
    tracker.finish(recorded_at);
    return tracker.take_changed();
  }
};

class Recordings : public testing::TestWithParam<const char*> {
 protected:
  Recording load(std::string_view name) const {
    const std::string folder = fmt::format("{}/claude-{}", PERSONAS_AGENTS_TESTDATA, GetParam());
    const auto cases = codec::parse_json(read_file(folder + "/cases.json"));
    EXPECT_TRUE(cases) << folder;
    const auto& all = cases->as_object();
    const auto& end = all.at("ends").as_object().at(name).as_object();
    Recording recording;
    recording.bytes = read_file(fmt::format("{}/{}.jsonl", folder, name));
    AgentStream stream(OutputFormat::kClaudeStreamJson);
    stream.feed(recording.bytes, recording.items);
    stream.finish(recording.items);
    recording.counters = stream.counters();
    for (const auto& item : recording.items) {
      if (const auto* final = std::get_if<Final>(&item)) recording.final = *final;
    }
    recording.exit_code = static_cast<int>(end.at("exitCode").to_number<std::int64_t>());
    recording.signal = static_cast<int>(end.at("signal").to_number<std::int64_t>());
    recording.stderr_text = end.at("stderr").as_string();
    recording.recorded_at = *parse_rfc3339(all.at("recordedAt").as_string());
    recording.resets_at = *parse_rfc3339(all.at("resetsAt").as_string());
    return recording;
  }
  bool is_old() const { return std::string_view(GetParam()).starts_with("2.0."); }
};

constexpr const char* kVersions[] = {"2.0.77", "2.1.197", "2.1.330"};
INSTANTIATE_TEST_SUITE_P(Claude, Recordings, testing::ValuesIn(kVersions),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

struct Ending {
  std::string_view name;
  std::optional<FailureReason> reason;
};
constexpr std::array kEndings = {
    Ending{"tool", std::nullopt},
    Ending{"parallel_tools", std::nullopt},
    Ending{"sub_agent", std::nullopt},
    Ending{"sub_agent_waited_for", std::nullopt},
    Ending{"protocols", std::nullopt},
    Ending{"not_allowed", std::nullopt},
    Ending{"disallowed", std::nullopt},
    Ending{"near_limit", std::nullopt},
    Ending{"max_turns", FailureReason::kTurnLimit},
    Ending{"budget", FailureReason::kBudgetExceeded},
    Ending{"session_lost", FailureReason::kSessionLost},
    Ending{"session_malformed", FailureReason::kSessionLost},
    Ending{"killed_in_a_tool", FailureReason::kAgentSignal},
    Ending{"usage_limit", FailureReason::kProviderQuota},
    Ending{"weekly_limit", FailureReason::kProviderQuota},
    Ending{"rate_limit", FailureReason::kProviderQuota},
    Ending{"no_credit", FailureReason::kProviderQuota},
    Ending{"overloaded", FailureReason::kProviderError},
    Ending{"asked_again", FailureReason::kProviderError},
    Ending{"server_error", FailureReason::kProviderError},
    Ending{"no_connection", FailureReason::kProviderError},
    Ending{"unauthorized", FailureReason::kAgentNotAuthenticated},
    Ending{"no_token", FailureReason::kAgentNotAuthenticated},
    Ending{"expired_token", FailureReason::kAgentNotAuthenticated},
    Ending{"revoked_token", FailureReason::kAgentNotAuthenticated},
    Ending{"no_such_model", FailureReason::kModelUnavailable},
    Ending{"model_not_offered", FailureReason::kModelUnavailable},
    Ending{"prompt_too_long", FailureReason::kPromptTooLarge},
    Ending{"request_too_large", FailureReason::kPromptTooLarge},
};

TEST_P(Recordings, EveryEndingHasItsReason) {
  for (const auto& [name, reason] : kEndings) {
    const auto recording = load(name);
    EXPECT_EQ(classify(recording.end()), reason) << name;
    EXPECT_EQ(recording.counters.malformed_lines, 0U) << name;
  }
  // An answer that was cut off: the old version took it for whole.
  EXPECT_EQ(classify(load("broken").end()),
            is_old() ? std::nullopt : std::optional(FailureReason::kProviderError));
  // A short limit of the provider's; the old version did not tell it from the account's.
  EXPECT_EQ(classify(load("server_limit").end()),
            is_old() ? FailureReason::kProviderQuota : FailureReason::kProviderError);
}

TEST_P(Recordings, AReachedLimitSaysWhenItResets) {
  for (const auto& [name, later] : {std::pair{"usage_limit", 0}, std::pair{"weekly_limit", 48}}) {
    const auto recording = load(name);
    const auto failure = failure_of(recording.end(), recording.recorded_at);
    ASSERT_TRUE(failure && failure->quota_resets_at) << name;
    // The old version tells it in words only: to the minute, or to the hour when it is days away.
    const Duration off = *failure->quota_resets_at - (recording.resets_at + hours(later));
    EXPECT_LE(std::chrono::abs(off), is_old() ? (later > 0 ? minutes(60) : minutes(1)) : Duration{})
        << name;
  }
  const auto recording = load("overloaded");
  EXPECT_FALSE(failure_of(recording.end(), recording.recorded_at)->quota_resets_at);
}

TEST_P(Recordings, AToolIsATurnWithItsResultAndTheNextTurnFollows) {
  const auto recording = load("tool");
  const auto turns = recording.turns();
  ASSERT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns[0].text, "I look it up.");
  ASSERT_EQ(turns[0].tools.size(), 1U);
  EXPECT_EQ(turns[0].tools[0].name, "Bash");
  EXPECT_EQ(turns[0].tools[0].input, "echo the-answer-is-$((6 * 7))");
  EXPECT_EQ(turns[0].tools[0].state, ToolState::kDone);
  EXPECT_EQ(turns[0].tools[0].result, "the-answer-is-42");
  EXPECT_EQ(turns[0].tools[0].result_bytes, 16);
  EXPECT_EQ(turns[0].stop_reason, "tool_use");
  EXPECT_EQ(turns[0].usage.input_tokens, 120);
  EXPECT_EQ(turns[1].text, "The tool said: the-answer-is-42");
  EXPECT_EQ(turns[1].stop_reason, "end_turn");
  EXPECT_TRUE(turns[1].completed_at);
  EXPECT_TRUE(turns[1].model);
}

TEST_P(Recordings, TwoCallsOfOneMessageAreOneTurn) {
  const auto turns = load("parallel_tools").turns();
  ASSERT_EQ(turns.size(), 2U);
  ASSERT_EQ(turns[0].tools.size(), 2U);
  EXPECT_EQ(turns[0].tools[0].result, "first");
  EXPECT_EQ(turns[0].tools[1].result, "second");
}

TEST_P(Recordings, ASubAgentsTurnsStandUnderTheCallThatStartedIt) {
  for (const auto* name : {"sub_agent", "sub_agent_waited_for"}) {
    const auto recording = load(name);
    const auto turns = recording.turns();
    ASSERT_GE(turns.size(), 3U) << name;
    ASSERT_EQ(turns[0].tools.size(), 1U);
    EXPECT_EQ(turns[0].tools[0].name, "Task");
    EXPECT_EQ(turns[0].tools[0].state, ToolState::kDone);
    std::size_t of_sub_agent = 0;
    for (const auto& turn : turns) {
      EXPECT_TRUE(turn.completed_at);
      if (!turn.parent_tool_id) continue;
      ++of_sub_agent;
      EXPECT_EQ(turn.parent_tool_id, turns[0].tools[0].id);
      if (!turn.tools.empty()) EXPECT_EQ(turn.tools[0].result, "the-answer-is-42");
    }
    EXPECT_GE(of_sub_agent, 1U) << name;
    // What the sub-agent used is part of the whole.
    EXPECT_GE(recording.final->usage.input_tokens, 4 * 120) << name;
  }
}

TEST_P(Recordings, TheEndTellsModelsUsageAndCost) {
  for (const auto* name : {"tool", "sub_agent"}) {
    const auto final = load(name).final;
    ASSERT_TRUE(final && !final->models.empty()) << name;
    Usage sum;
    double cost = 0;
    for (const auto& model : final->models) {
      sum += model.usage;
      cost += model.cost_usd;
      EXPECT_THAT(model.model, HasSubstr("claude-"));
    }
    EXPECT_EQ(sum, final->usage);
    EXPECT_NEAR(cost, final->total_cost_usd, 1e-9);
    EXPECT_GT(cost, 0);
    EXPECT_GE(final->num_turns, 2);
  }
}

TEST_P(Recordings, ADeniedToolIsShownAsSuch) {
  const auto recording = load("not_allowed");
  ASSERT_EQ(recording.final->denials.size(), 1U);
  EXPECT_EQ(recording.final->denials[0].tool, "Bash");
  EXPECT_EQ(recording.turns()[0].tools[0].state, ToolState::kDenied);
  const auto disallowed = load("disallowed");
  EXPECT_EQ(disallowed.turns()[0].tools[0].state,
            is_old() ? ToolState::kFailed : ToolState::kDenied);
}

TEST_P(Recordings, AKilledAgentsToolIsClosed) {
  const auto recording = load("killed_in_a_tool");
  EXPECT_FALSE(recording.final);
  const auto turns = recording.turns();
  ASSERT_EQ(turns.size(), 1U);
  EXPECT_EQ(turns[0].tools[0].state, ToolState::kFailed);
  EXPECT_THAT(turns[0].tools[0].result, HasSubstr("ended"));
}

TEST_P(Recordings, AllSevenProtocolsAreFound) {
  std::vector<std::string_view> keys;
  for (const auto& item : load("protocols").items) {
    if (const auto* effect = std::get_if<IndexedEffect>(&item)) {
      keys.push_back(key_of(effect->effect));
    }
  }
  EXPECT_THAT(keys, ElementsAre("user_message", "persona_action", "emit_event", "agent_memory",
                                "manual_review", "execution_flow", "outcome_assessment"));
}

TEST_P(Recordings, NoticesOfTheCliAreNoTurns) {
  for (const auto* name : {"overloaded", "usage_limit", "prompt_too_long"}) {
    EXPECT_THAT(load(name).turns(), IsEmpty()) << name;
  }
}

// Everything of the turns, to compare them.
std::string all_of(const std::vector<Turn>& turns) {
  std::string text;
  for (const auto& turn : turns) text += codec::to_json(turn) + "\n";
  return text;
}

TEST_P(Recordings, AnyCutGivesTheSameTurns) {
  const auto recording = load("sub_agent");
  const auto whole = all_of(recording.turns());
  for (std::size_t cut = 1; cut < recording.bytes.size(); ++cut) {
    AgentStream stream(OutputFormat::kClaudeStreamJson);
    TurnTracker tracker(1);
    std::vector<AgentItem> items;
    stream.feed(std::string_view(recording.bytes).substr(0, cut), items);
    stream.feed(std::string_view(recording.bytes).substr(cut), items);
    stream.finish(items);
    for (const auto& item : items) tracker.take(item, recording.recorded_at);
    tracker.finish(recording.recorded_at);
    ASSERT_EQ(all_of(tracker.take_changed()), whole) << cut;
  }
}

}  // namespace
}  // namespace personas::agents
