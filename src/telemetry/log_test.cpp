#include "personas/telemetry/log.hpp"

#include <gtest/gtest.h>

namespace personas::telemetry {
namespace {

class LogTest : public testing::Test {
 protected:
  Logger logger(Level least) {
    return Logger(clock_, least, [this](std::string_view line) { lines_.emplace_back(line); });
  }
  ManualClock clock_;
  std::vector<std::string> lines_;
};

TEST_F(LogTest, WritesOneJsonObjectALine) {
  auto log = logger(Level::kInfo);
  log.info("hello \"you\"\n", {{"requestId", "req_1"}, {"status", std::int64_t{200}}});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0],
            "{\"at\":\"2027-01-15T08:00:00.000Z\",\"level\":\"info\",\"message\":\"hello "
            "\\\"you\\\"\\n\",\"requestId\":\"req_1\",\"status\":200}");
}

TEST_F(LogTest, LeavesOutWhatIsBelowTheLevel) {
  auto log = logger(Level::kWarn);
  log.info("no");
  log.error("yes");
  EXPECT_EQ(lines_.size(), 1U);
}

TEST_F(LogTest, MasksSecretsInMessagesAndFields) {
  auto log = logger(Level::kDebug);
  std::vector<NamedSecret> secrets;
  secrets.push_back({"TEAM_API_KEY", Secret("very-secret")});
  log.set_redactor(std::make_shared<Redactor>(std::move(secrets)));
  log.debug("key very-secret", {{"header", "Bearer very-secret"}});
  EXPECT_EQ(lines_[0].find("very-secret"), std::string::npos);
}

TEST_F(LogTest, CutsLongValues) {
  auto log = logger(Level::kDebug);
  log.debug(std::string(100'000, 'x'));
  EXPECT_LT(lines_[0].size(), kMaxLogValue + 200);
}

}  // namespace
}  // namespace personas::telemetry
