#include "personas/filter/filter.hpp"

#include <cstdlib>
#include <new>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace {
std::size_t allocations = 0;
}
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace personas::filter {
namespace {

using testing::HasSubstr;

constexpr std::string_view kEvent = R"({
  "action": "opened", "number": 42, "ratio": 0.5, "draft": false, "merged": true, "nothing": null,
  "odd name": "x", "in": 1, "user-agent": "curl", "größe": 7,
  "big": 9007199254740993, "bigger": 18446744073709551615,
  "labels": [{"name": "bug"}, {"name": "urgent", "color": "red"}, {}],
  "tags": ["a", "b", 3, null], "empty": [], "matrix": [[1, 2], [3]],
  "user": {"login": "ada", "teams": {"x": {"size": 3}, "y": {"size": 9}}}
})";

boost::json::value event() {
  return *codec::parse_json(kEvent);
}

Verdict verdict(std::string_view text, const boost::json::value& payload) {
  const auto filter = Filter::compile(text);
  EXPECT_TRUE(filter) << text << ": " << filter.error().message;
  if (!filter) return {};
  return filter->evaluate(
      {.payload = payload,
       .envelope = {.event_type = "github_pull_request", .source_id = "octo/cat"}});
}
bool holds(std::string_view text) {
  return verdict(text, event()).matches;
}
std::string problem(std::string_view text) {
  const auto filter = Filter::compile(text);
  return filter ? "none" : filter.error().message;
}

TEST(Filter, FollowsPathsIntoThePayload) {
  for (const auto* yes :
       {R"(action == "opened")", R"(user.login == "ada")", R"(labels[0].name == "bug")",
        R"(labels[-2].color == "red")", R"(["odd name"] == "x")", R"(["in"] == 1)",
        R"($.payload["in"] == 1)", R"(user["login"] == 'ada')", R"(user-agent == "curl")",
        R"(größe == 7)", R"(matrix[1][0] == 3)", R"(user.teams[*].size == 9)",
        R"(matrix[*][*] == 2)", R"($.payload.number == 42)"}) {
    EXPECT_TRUE(holds(yes)) << yes;
  }
  for (const auto* no :
       {R"(labels[9].name == "bug")", R"(labels.name == "bug")", R"(action[0] == "o")",
        R"(action.x == "o")", R"(labels[-4].name == "bug")", R"(user[0] == "ada")"}) {
    EXPECT_FALSE(holds(no)) << no;
  }
}

TEST(Filter, SeesTheEnvelopeOfTheEvent) {
  EXPECT_TRUE(holds(R"($.eventType starts_with "github_" and $.sourceId == "octo/cat")"));
  EXPECT_TRUE(holds("$.targetPersonaId == null and not $.targetPersonaId exists"));
  EXPECT_THAT(problem("$.evenType == 1"), HasSubstr(".eventType"));
}

// The table of docs/filters.md, line by line.
TEST(Filter, ComparesValuesOfOneTypeAndNoOthers) {
  struct Row {
    std::string_view left, right;
    bool equal, less;
  };
  for (const auto& [left, right, equal, less] : std::vector<Row>{
           {"1", "1.0", true, false},
           {"1", "2", false, true},
           {"-1", "0.5", false, true},
           {"9007199254740993", "9007199254740992.0", false, false},
           {"9007199254740992.0", "9007199254740993", false, true},
           {"big", "9007199254740993", true, false},
           {"18446744073709551614", "bigger", false, true},
           {"-1", "bigger", false, true},
           {R"("a")", R"("a")", true, false},
           {R"("a")", R"("b")", false, true},
           {R"("B")", R"("a")", false, true},
           {R"("a")", R"("ab")", false, true},
           {R"("z")", R"("ä")", false, true},
           {"true", "true", true, false},
           {"false", "true", false, false},
           {"null", "null", true, false},
           {"null", "missing", true, false},
           {"nothing", "missing", true, false},
           {"null", "0", false, false},
           {"null", R"("")", false, false},
           {"null", "false", false, false},
           {"1", R"("1")", false, false},
           {"1", "true", false, false},
           {R"("true")", "true", false, false},
           {"labels", "labels", false, false},
           {"user", "user", false, false},
           {"labels", "null", false, false},
       }) {
    const auto is = [&](std::string_view op) {
      return holds(fmt::format("{} {} {}", left, op, right));
    };
    const auto back = [&](std::string_view op) {
      return holds(fmt::format("{} {} {}", right, op, left));
    };
    SCOPED_TRACE(fmt::format("{} and {}", left, right));
    EXPECT_EQ(is("=="), equal);
    EXPECT_EQ(back("=="), equal);
    EXPECT_EQ(is("!="), !equal);
    EXPECT_EQ(is("<"), less);
    EXPECT_EQ(back(">"), less);
    const bool same_order =
        left == "1" ? right == "1.0" : equal && (left == "big" || left == R"("a")");
    EXPECT_EQ(is("<="), less || same_order);
    EXPECT_EQ(back(">="), less || same_order);
    EXPECT_FALSE(less && is(">"));
  }
}

TEST(Filter, LooksIntoTextsAndLists) {
  for (const auto* yes :
       {R"(action contains "pen")", R"(action contains "")", R"(tags contains "b")",
        R"(tags contains 3.0)", R"(tags contains null)", R"(labels[*].name contains "urg")",
        R"(action starts_with "op" and action ends_with "ed")", R"(action in ["closed", "opened"])",
        R"(number in [1, 42.0])", R"(missing in [null])", R"(labels[*].name in ["urgent"])",
        R"(labels[*].color exists)", "nothing exists", "merged", "not draft", "true",
        R"(number > 41 and number <= 42)", R"("ada" == user.login)"}) {
    EXPECT_TRUE(holds(yes)) << yes;
  }
  for (const auto* no :
       {R"(action contains "OPEN")", R"(tags contains "c")", R"(user contains "login")",
        R"(number contains 4)", R"(number starts_with "4")", R"(labels[*].nothing exists)",
        "missing exists", "number", "action", "missing", R"(empty[*] == null)",
        R"(action in ["close"])", R"(number in ["42"])"}) {
    EXPECT_FALSE(holds(no)) << no;
  }
}

TEST(Filter, TakesAnyOfSeveralValuesAndForNotEqualNone) {
  EXPECT_TRUE(holds(R"(labels[*].name == "bug")"));
  EXPECT_FALSE(holds(R"(labels[*].name != "bug")"));
  EXPECT_TRUE(holds(R"(labels[*].name != "docs")"));
  EXPECT_TRUE(holds(R"(labels[*].name == tags[*] or matrix[*][*] == tags[*])"));
}

TEST(Filter, BindsNotBeforeAndBeforeOr) {
  EXPECT_TRUE(holds("true or false and false"));
  EXPECT_FALSE(holds("(true or false) and false"));
  EXPECT_FALSE(holds("not true or false"));
  EXPECT_FALSE(holds("not (true or false)"));
  EXPECT_TRUE(holds("not false and not not true"));
  EXPECT_TRUE(holds("false and true or false or true"));
}

TEST(Filter, SaysWhatWasExpectedAndWhere) {
  EXPECT_EQ(problem("action == "),
            "The filter is wrong at character 11: expected a path such as issue.title, or a value, "
            "and found the end\n  action == \n            ^");
  EXPECT_THAT(problem("größe = 7"), HasSubstr("character 7: "));
  EXPECT_THAT(problem("größe = 7"), HasSubstr("write `==`\n  größe = 7\n        ^"));
  EXPECT_THAT(problem("a == 1 && b == 2"), HasSubstr("write `and`"));
  EXPECT_THAT(problem("!a"), HasSubstr("write `not`"));
  EXPECT_THAT(problem("a startswith \"x\""), HasSubstr("did you mean `starts_with`?"));
  EXPECT_THAT(problem("a == 1\n  and b ~ 2"), HasSubstr("line 2, character 9: "));
  EXPECT_THAT(problem("(a == 1"), HasSubstr("character 1: a ( without its )"));
  EXPECT_THAT(problem("a == 1)"), HasSubstr("found `)`"));
  EXPECT_THAT(problem("a == \"x"), HasSubstr("a text without its closing quote"));
  EXPECT_THAT(problem("a == \"\\q\""), HasSubstr("a text is written as in JSON"));
  EXPECT_THAT(problem("a == 1e400"), HasSubstr("a number is written as in JSON"));
  EXPECT_THAT(problem("a == 01"), HasSubstr("a number is written as in JSON"));
  EXPECT_THAT(problem("a in 3"), HasSubstr("expected a list"));
  EXPECT_THAT(problem("a in []"), HasSubstr("expected a text, a number"));
  EXPECT_THAT(problem("a in [1 2]"), HasSubstr("expected , or ]"));
  EXPECT_THAT(problem("a[1.5] == 1"), HasSubstr("in brackets expected a number"));
  EXPECT_THAT(problem("a. == 1"), HasSubstr("expected a name after the dot"));
  EXPECT_THAT(problem("\"x\" exists"), HasSubstr("only a path"));
  EXPECT_THAT(problem("\"x\""), HasSubstr("expected a comparison"));
  EXPECT_THAT(problem(""), HasSubstr("found the end"));
  EXPECT_THAT(problem("a == \"\xFF\""), HasSubstr("not UTF-8"));
}

TEST(Filter, RefusesWhatIsTooLong) {
  const auto repeated = [](std::size_t times, std::string_view part) {
    std::string text;
    while (times-- > 0) text += part;
    return text;
  };
  EXPECT_EQ(problem(repeated(kMaxFilterDepth, "(") + "a" + repeated(kMaxFilterDepth, ")")), "none");
  EXPECT_THAT(problem(repeated(kMaxFilterDepth + 1, "(") + "a"), HasSubstr("nested more than"));
  EXPECT_THAT(problem(repeated(40, "not ") + "a"), HasSubstr("nested more than"));
  EXPECT_EQ(problem(repeated(249, "a or ") + "a"), "none");
  EXPECT_THAT(problem(repeated(250, "a or ") + "a"), HasSubstr("more than 500 tests"));
  EXPECT_EQ(problem("a" + repeated(kMaxPathSteps - 1, ".a")), "none");
  EXPECT_THAT(problem("a" + repeated(kMaxPathSteps, ".a")), HasSubstr("at most 32 steps"));
  EXPECT_THAT(problem("a == \"" + repeated(kMaxFilterBytes, "x") + "\""),
              HasSubstr("at most 4096"));
}

// --- properties, over random filters and events --------------------------------------------------

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string filter(int depth = 0) {
    switch (depth > 4 ? 3 : below(7)) {
      case 0:
        return filter(depth + 1) + " and " + filter(depth + 1);
      case 1:
        return filter(depth + 1) + " or " + filter(depth + 1);
      case 2:
        return (below(2) != 0 ? "not " : "  not\n") + ("(" + filter(depth + 1) + " )");
      default:
        return test();
    }
  }
  boost::json::value value(int depth = 0) {
    switch (below(depth > 3 ? 5 : 8)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) != 0;
      case 2:
        return static_cast<int>(below(4)) - 1;
      case 3:
        return 0.5 * static_cast<double>(below(5));
      case 4:
        return boost::json::string(word());
      case 5: {
        boost::json::array list;
        for (auto left = below(4); left > 0; --left) list.push_back(value(depth + 1));
        return list;
      }
      default: {
        boost::json::object object;
        for (auto left = below(4); left > 0; --left) object[word()] = value(depth + 1);
        return object;
      }
    }
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  std::string word() { return std::string(1, "abc"[below(3)]) + (below(3) == 0 ? "b" : ""); }
  std::string literal() {
    switch (below(5)) {
      case 0:
        return "null";
      case 1:
        return below(2) != 0 ? "true" : "false";
      case 2:
        return fmt::format("{}", static_cast<int>(below(4)) - 1);
      case 3:
        return fmt::format("{}.5e0", below(3));
      default:
        return below(2) != 0 ? "'" + word() + "'" : '"' + word() + '"';
    }
  }
  std::string path() {
    std::string text = below(6) == 0 ? "$.payload" : below(8) == 0 ? "[*]" : word();
    for (auto left = below(3); left > 0; --left) {
      switch (below(4)) {
        case 0:
          text += "[*]";
          break;
        case 1:
          text += fmt::format("[{}]", static_cast<int>(below(4)) - 2);
          break;
        case 2:
          text += fmt::format("[ \"{}\"]", word());
          break;
        default:
          text += "." + word();
      }
    }
    return text;
  }
  std::string test() {
    constexpr std::array<std::string_view, 9> kOps{"==", "!=",       "<",           "<=",       ">",
                                                   ">=", "contains", "starts_with", "ends_with"};
    switch (below(8)) {
      case 0:
        return path() + " exists";
      case 1:
        return path() + " in [" + literal() + "," + literal() + "]";
      case 2:
        return path();
      case 3:
        return path() + " " + std::string(kOps[below(kOps.size())]) + "  " + path();
      default:
        return path() + " " + std::string(kOps[below(kOps.size())]) + " " + literal();
    }
  }

  std::mt19937_64 random_;
};

TEST(Filter, PrintedAndReadAgainIsTheSame) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Generator generator(seed);
    const auto text = generator.filter();
    SCOPED_TRACE(fmt::format("seed {}: {}", seed, text));
    const auto filter = Filter::compile(text);
    ASSERT_TRUE(filter) << filter.error().message;
    const auto again = Filter::compile(filter->text());
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(*again, *filter);
  }
}

TEST(Filter, PrintsNumbersAsTheyAreCompared) {
  const auto filter = Filter::compile("a in [-1.5e3, 1E18, 0.50, -0.0, 18446744073709551616]");
  EXPECT_EQ(filter->text(), "a in [-1500, 1e+18, 0.5, 0, 18446744073709551616]");
  EXPECT_EQ(*Filter::compile(filter->text()), *filter);
}

TEST(Filter, ObeysTheLawsOfLogicOnAnyEvent) {
  int matched = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Generator generator(seed);
    const auto a = generator.filter(3);
    const auto b = generator.filter(3);
    const auto payload = generator.value();
    SCOPED_TRACE(fmt::format("seed {}: {}; {}; {}", seed, a, b, codec::serialize(payload)));
    const auto of = [&](const std::string& text) { return verdict(text, payload).matches; };
    const bool is_a = of(a), is_b = of(b);
    matched += is_a ? 1 : 0;
    ASSERT_EQ(of("not (" + a + ")"), !is_a);
    ASSERT_EQ(of("(" + a + ") and (" + b + ")"), is_a && is_b);
    ASSERT_EQ(of("(" + a + ") or (" + b + ")"), is_a || is_b);
    ASSERT_EQ(of("not (not (" + a + ") and not (" + b + "))"), is_a || is_b);
  }
  EXPECT_GT(matched, 300) << "the events must exercise both sides";
  EXPECT_LT(matched, 2700);
}

TEST(Filter, TakesNoHeapWhileItEvaluates) {
  const auto payload = event();
  const auto filter = Filter::compile(
      R"(labels[*].name contains "x" or user.teams[*].size > 5 and not (action in ["a", "b"]))");
  const auto before = allocations;
  EXPECT_GT(before, 0U);
  const auto found = filter->evaluate({.payload = payload});
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(found.matches);
}

// --- bounds --------------------------------------------------------------------------------------

TEST(Filter, GivesUpAfterItsStepsWhateverIsAsked) {
  boost::json::array many;
  for (int i = 0; i < 2000; ++i) many.push_back(boost::json::object{{"n", i}, {"t", "x"}});
  const boost::json::value payload{{"a", many}, {"long", std::string(2'000'000, 'a')}};
  const auto pairs = verdict("a[*].t == a[*].n", payload);
  EXPECT_TRUE(pairs.gave_up);
  EXPECT_FALSE(pairs.matches);
  EXPECT_FALSE(verdict("not (a[*].t == a[*].n)", payload).matches);
  EXPECT_LE(pairs.steps, kMaxSteps);

  std::string texts = "long contains \"" + std::string(1000, 'a') + "b\"";
  EXPECT_FALSE(verdict(texts, payload).gave_up);
  for (int i = 0; i < 40; ++i) texts += " or long contains \"aaaaab\"";
  EXPECT_TRUE(verdict(texts, payload).gave_up);

  const auto few = verdict(R"(a[0].n == 0 and a[1].t in ["y", "x"])", payload);
  EXPECT_TRUE(few.matches);
  EXPECT_LT(few.steps, 20U);
}

}  // namespace
}  // namespace personas::filter
