#include "personas/triggers/poll.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::triggers {
namespace {

using testing::HasSubstr;

TriggerConfig watching(Detect detect, std::string path = {}) {
  TriggerConfig config;
  config.url = "https://example.com/feed";
  config.detect = detect;
  if (!path.empty()) config.json_path = std::move(path);
  return config;
}

// Looks one after the other: "first", "none", "changed", or what was wrong.
class Watcher {
 public:
  explicit Watcher(TriggerConfig config) : config_(std::move(config)) {}
  std::string see(const Looked& looked) {
    const auto change = advance(state, config_, looked);
    if (!change) return change.error().message;
    constexpr std::array kNames{"none", "first", "changed"};
    return kNames[static_cast<std::size_t>(*change)];
  }
  PollState state;

 private:
  TriggerConfig config_;
};

TEST(Poll, AnotherTextIsAChangeAndTheSameIsNone) {
  Watcher watcher(watching(Detect::kHash));
  EXPECT_EQ(watcher.see({.text = "a"}), "first");
  EXPECT_EQ(watcher.see({.text = "a", .etag = "\"1\""}), "none");
  EXPECT_EQ(watcher.see({.text = "b", .etag = "\"1\""}), "changed");
  EXPECT_EQ(watcher.see({.text = "a"}), "changed") << "back again is a change too";
  EXPECT_EQ(watcher.state.changes, 2) << "the first look only remembers";
}

TEST(Poll, A304IsNoChangeOnceThereIsSomethingToCompare) {
  Watcher watcher(watching(Detect::kHash));
  EXPECT_THAT(watcher.see({.not_modified = true}), HasSubstr("304"));
  watcher.see({.text = "a", .etag = "\"1\""});
  EXPECT_EQ(watcher.see({.not_modified = true}), "none");
  EXPECT_EQ(watcher.state.etag, "\"1\"") << "is asked with again";
}

TEST(Poll, MarksOfTheServerCountWhenTheyAreToldTo) {
  Watcher watcher(watching(Detect::kEtag));
  EXPECT_THAT(watcher.see({.text = "a"}), HasSubstr("neither ETag nor Last-Modified"));
  EXPECT_EQ(watcher.see({.text = "a", .etag = "W/\"1\""}), "first");
  EXPECT_EQ(watcher.see({.text = "b", .etag = "\"1\""}), "none") << "weak or not, the same";
  EXPECT_EQ(watcher.see({.text = "b", .etag = "\"2\""}), "changed");
  EXPECT_EQ(watcher.see({.text = "b", .last_modified = "Sun"}), "changed");
  EXPECT_EQ(watcher.see({.text = "c", .last_modified = "Sun"}), "none");
}

TEST(Poll, OnlyTheValueAtThePathCounts) {
  Watcher watcher(watching(Detect::kPath, "$.release.tag"));
  EXPECT_EQ(watcher.see({.text = R"({"release":{"tag":"v1"},"at":1})"}), "first");
  EXPECT_EQ(watcher.see({.text = R"({"at":2,"release":{"tag":"v1"}})"}), "none");
  EXPECT_EQ(watcher.see({.text = R"({"release":{"tag":"v2"}})"}), "changed");
  EXPECT_EQ(watcher.state.value, R"("v2")");
  EXPECT_EQ(watcher.see({.text = "{}"}), "changed") << "gone is null";
  EXPECT_EQ(watcher.see({.text = R"({"release":{"tag":null}})"}), "none");
  EXPECT_THAT(watcher.see({.text = "<html>"}), HasSubstr("needs JSON"));
  EXPECT_EQ(watcher.state.value, "null") << "what cannot be compared moves nothing";
}

TEST(Poll, TheOrderOfMembersIsNoChange) {
  Watcher watcher(watching(Detect::kPath, "$"));
  EXPECT_EQ(watcher.see({.text = R"([{"a":1,"b":{"c":2,"d":3}}])"}), "first");
  EXPECT_EQ(watcher.see({.text = R"([ {"b":{"d":3,"c":2},"a":1} ])"}), "none");
  EXPECT_EQ(watcher.see({.text = R"([{"a":1,"b":{"c":3,"d":2}}])"}), "changed");
}

TEST(Poll, PathsAreThoseOfFiltersWithJsonPathsRoot) {
  for (const auto* path : {"$", "$.a.b", "a[0].b", "$[0].a", "items[*].id", "$[\"odd name\"]"}) {
    EXPECT_TRUE(check_json_path(path)) << path;
  }
  for (const auto* path : {"", "$.", "a..b", "a }} {{ b", "a b", "a | default: 1"}) {
    EXPECT_FALSE(check_json_path(path)) << path;
  }
}

TEST(Poll, AValueThatIsTooLargeSaysSo) {
  Watcher watcher(watching(Detect::kPath, "$"));
  EXPECT_THAT(watcher.see({.text = '"' + std::string(100'000, 'x') + '"'}), HasSubstr("too large"));
}

TEST(Poll, TheFirstLookFiresIfItIsToldTo) {
  auto config = watching(Detect::kHash);
  EXPECT_FALSE(fires(Change::kFirst, config));
  EXPECT_TRUE(fires(Change::kChanged, config));
  EXPECT_FALSE(fires(Change::kNone, config));
  config.first_look = FirstLook::kFire;
  EXPECT_TRUE(fires(Change::kFirst, config));
  EXPECT_FALSE(fires(Change::kNone, config));
}

TEST(Poll, AnotherConfigWatchesSomethingElse) {
  const auto one = watched_by(watching(Detect::kHash));
  EXPECT_EQ(one, watched_by(watching(Detect::kHash)));
  EXPECT_NE(one, watched_by(watching(Detect::kEtag)));
  auto other = watching(Detect::kHash);
  other.url = "https://example.com/other";
  EXPECT_NE(one, watched_by(other));
  other = watching(Detect::kHash);
  other.command = std::move(other.url);
  other.url.reset();
  EXPECT_NE(one, watched_by(other)) << "a command is not a URL";
}

TEST(Poll, ThePayloadShowsWhatWasSeenCutToABound) {
  Trigger trigger{.id = TriggerId("trg_1")};
  const auto config = watching(Detect::kPath, "v");
  const auto payload = [&](const std::string& text, const PollState& before,
                           const PollState& after) {
    return codec::parse_json(
               change_payload(trigger, config, Timestamp{0}, before, after, {.text = text}))
        .value();
  };
  PollState before;
  before.value = "1";
  PollState after;
  after.value = "2";
  after.changes = 7;
  const auto shown = payload(R"({"v":2})", before, after);
  EXPECT_EQ(shown.at("content").at("v"), 2);
  EXPECT_EQ(shown.at("previous"), 1);
  EXPECT_EQ(shown.at("value"), 2);
  EXPECT_EQ(shown.at("change"), 7);
  EXPECT_EQ(shown.at("triggerId"), "trg_1");
  const auto cut = payload(std::string(kMaxShownBytes + 5, 'x'), before, after);
  EXPECT_EQ(cut.at("content").as_string().size(), kMaxShownBytes);
  EXPECT_EQ(cut.at("truncated"), true);
  EXPECT_EQ(payload("\xff plain", before, after).at("truncated"), false);
  const std::string deep = std::string(64, '[') + std::string(64, ']');
  EXPECT_EQ(std::string(payload(deep, before, after).at("content").as_string()), deep)
      << "else nobody could read the whole";
}

TEST(Poll, PausesDoubleUpToABound) {
  EXPECT_EQ(back_off(1), seconds(30));
  EXPECT_EQ(back_off(2), seconds(60));
  EXPECT_EQ(back_off(3), seconds(120));
  EXPECT_EQ(back_off(1'000'000), hours(1));
}

}  // namespace
}  // namespace personas::triggers
