#include "personas/cli/tree.hpp"

#include "test_world.hpp"

namespace personas::cli {
namespace {

class TreeTest : public ::testing::Test {
 protected:
  TreeTest() : app_("Agents", "personas") {
    commands_.add_to(app_, [](CLI::App& app) { app.add_option("--url", url_, "The server"); });
  }
  Completions completions(const std::vector<std::string>& words) { return complete(app_, words); }

  inline static std::string url_;
  Commands commands_;
  CLI::App app_;
};

TEST_F(TreeTest, ATypingMistakeIsMetWithWhatWasMeant) {
  EXPECT_EQ(did_you_mean(app_, {"statsu"}), "Did you mean: personas status");
  EXPECT_EQ(did_you_mean(app_, {"memory", "fogret"}), "Did you mean: personas memory forget");
  EXPECT_EQ(did_you_mean(app_, {"run", "demo", "--folow"}), "Did you mean: personas run --follow");
  EXPECT_EQ(did_you_mean(app_, {"xyzzy"}), "");
  EXPECT_EQ(did_you_mean(app_, {"run", "statsu"}), "") << "a name is not a command";
}

TEST_F(TreeTest, CompletesCommandsFlagsAndWhatTheServerKnows) {
  EXPECT_EQ(completions({"mem"}).words, (std::vector<std::string>{"memory"}));
  EXPECT_EQ(completions({"memory", "f"}).words, (std::vector<std::string>{"forget"}));
  EXPECT_EQ(completions({"run", "--fo"}).words, (std::vector<std::string>{"--follow"}));
  EXPECT_EQ(completions({"run", "d"}).kind, "personas");
  EXPECT_EQ(completions({"run", "demo", "d"}).kind, "") << "the prompt is the person's";
  EXPECT_EQ(completions({"logs", "-f", ""}).kind, "executions");
  EXPECT_EQ(completions({"logs", "la"}).words, (std::vector<std::string>{"last"}));
  EXPECT_EQ(completions({"ls", "--persona", ""}).kind, "personas");
  EXPECT_EQ(completions({"approve", ""}).kind, "reviews");
  const auto all = completions({""}).words;
  EXPECT_EQ(std::ranges::count(all, "complete"), 0) << "it is for shells";
  EXPECT_EQ(std::ranges::count(all, "doctor"), 1);
}

TEST_F(TreeTest, TheHiddenCommandPrintsWhatFits) {
  World world;
  world.server.answer("GET /api/personas?limit=50", std::string(kDemoPersonas));
  EXPECT_EQ(world.run({"complete", "--", "run", "de"}), 0);
  EXPECT_EQ(world.terminal.output, "demo\n");
  world.terminal.both.clear();
  world.server.is_down = true;
  EXPECT_EQ(world.run({"complete", "--", "run", ""}), 0) << "no error while somebody types";
  EXPECT_EQ(world.terminal.both, "");
}

TEST_F(TreeTest, EveryShellHasItsScript) {
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    World world;
    EXPECT_EQ(world.run({"completion", shell}), 0);
    EXPECT_NE(world.terminal.output.find("personas complete --"), std::string::npos) << shell;
  }
  EXPECT_FALSE(completion_script("csh"));
}

TEST_F(TreeTest, TheManPageHasEveryCommandAndItsFlags) {
  const auto page = man_page(app_, "1.0");
  EXPECT_TRUE(page.starts_with(".TH PERSONAS 1"));
  EXPECT_NE(page.find(".SS \"personas memory forget memory\""), std::string::npos) << page;
  EXPECT_NE(page.find("\\-\\-follow"), std::string::npos);
  EXPECT_NE(page.find(".SH EXIT STATUS"), std::string::npos);
  EXPECT_EQ(page.find("personas complete\""), std::string::npos);
}

}  // namespace
}  // namespace personas::cli
