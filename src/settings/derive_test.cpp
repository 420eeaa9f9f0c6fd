#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

#include "personas/settings/load.hpp"
#include "personas/settings/table.hpp"

namespace personas::settings {
namespace {

Flags parse(Role role, const std::string& line) {
  CLI::App app;
  Flags flags;
  add_flags(app, role, flags);
  app.parse(line);
  return flags;
}

TEST(Flags, CarryTheTextOfTheCommandLine) {
  EXPECT_EQ(parse(Role::kUp, "--http-port 1 --lease=20s"),
            (Flags{{"http-port", "1"}, {"lease", "20s"}}));
  EXPECT_EQ(parse(Role::kWorker, "--worker-labels a=1 --worker-labels b=2"),
            (Flags{{"worker-labels", "a=1,b=2"}}));
  EXPECT_EQ(parse(Role::kUp, "--team-api-key-file k"), (Flags{{"team-api-key-file", "k"}}));
  EXPECT_EQ(parse(Role::kUp, ""), Flags{});
}

TEST(Flags, ASwitchNeedsNoValue) {
  EXPECT_EQ(parse(Role::kUp, "--allow-plaintext"), (Flags{{"allow-plaintext", "on"}}));
  EXPECT_EQ(parse(Role::kUp, "--allow-plaintext --http-port 1"),
            (Flags{{"allow-plaintext", "on"}, {"http-port", "1"}}));
  EXPECT_EQ(parse(Role::kUp, "--allow-plaintext=off"), (Flags{{"allow-plaintext", "off"}}));
}

TEST(Flags, ASecretIsRefusedWithTheReason) {
  try {
    parse(Role::kUp, "--master-key hunter2");
    FAIL() << "accepted a secret";
  } catch (const CLI::ValidationError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("MASTER_KEY"), std::string::npos) << text;
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  }
}

TEST(Flags, AreThoseOfTheRole) {
  EXPECT_THROW(parse(Role::kWorker, "--db-path x"), CLI::ParseError);
  EXPECT_THROW(parse(Role::kServe, "--worker-slots 1"), CLI::ParseError);
}

TEST(Flags, AreDocumentedInTheHelp) {
  CLI::App app;
  Flags flags;
  add_flags(app, Role::kServe, flags);
  const auto help = app.help();
  EXPECT_NE(help.find("--http-port"), std::string::npos);
  EXPECT_NE(help.find("[HTTP_PORT, default 3001]"), std::string::npos);
  EXPECT_EQ(help.find("--master-key "), std::string::npos);
  EXPECT_NE(help.find("--master-key-file"), std::string::npos);
}

TEST(Table, NamesAndVariablesAreUnique) {
  std::set<std::string_view> names;
  std::set<std::string_view> variables;
  for (const auto& setting : kSettings) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    EXPECT_TRUE(variables.insert(setting.variable).second) << setting.variable;
    EXPECT_NE(setting.roles, 0) << setting.name;
    EXPECT_FALSE(setting.doc.empty()) << setting.name;
  }
}

TEST(Markdown, IsTheDocumentInTheRepository) {
  const std::string path = std::string(PERSONAS_SOURCE_DIR) + "/docs/settings.md";
  if (std::getenv("PERSONAS_UPDATE_DOCS") != nullptr) std::ofstream(path) << markdown();
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), markdown()) << "run: PERSONAS_UPDATE_DOCS=1 settings_test";
}

}  // namespace
}  // namespace personas::settings
