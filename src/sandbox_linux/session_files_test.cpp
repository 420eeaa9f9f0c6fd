#include "session_files.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <sys/stat.h>

#include "test_support.hpp"

namespace personas::sandbox_linux {
namespace {

namespace fs = std::filesystem;

sandbox::SessionPolicy policy() {
  sandbox::SessionPolicy result;
  result.root = ".agent/projects";
  result.wanted = [](std::string_view path) { return path.ends_with(".jsonl"); };
  result.placed = [](std::string_view path, std::string_view workspace) {
    return "of" + fs::path(workspace).filename().string() +
           std::string(path.substr(path.find('/')));
  };
  result.max_files = 4;
  result.max_bytes = 1'000'000;
  return result;
}

class SessionFilesTest : public testing::Test {
 protected:
  SessionFilesTest() {
    std::string name = (fs::temp_directory_path() / "personas-ses-XXXXXX").string();
    home_ = ::mkdtemp(name.data());
    fs::create_directories(home_ / ".agent/projects/p");
    files_ = SessionFiles(home_.string(), "/w", policy());
  }
  ~SessionFilesTest() override { fs::remove_all(home_); }

  fs::path file(const std::string& name) const { return home_ / ".agent/projects" / name; }
  void append(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::app | std::ios::binary) << text;
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::trunc | std::ios::binary) << text;
  }
  // What a store would hold of it after this.
  std::map<std::string, std::string> told() {
    files_.look();
    while (auto piece = files_.next()) {
      auto& held = held_[piece->path];
      EXPECT_LE(piece->offset, static_cast<std::int64_t>(held.size())) << "a gap";
      held.resize(static_cast<std::size_t>(piece->offset));
      held += piece->data;
      ++pieces_;
    }
    return held_;
  }

  fs::path home_;
  SessionFiles files_;
  std::map<std::string, std::string> held_;
  int pieces_ = 0;
};

TEST_F(SessionFilesTest, WhatIsAppendedIsToldOnce) {
  EXPECT_TRUE(told().empty());
  append("p/a.jsonl", "one\n");
  EXPECT_EQ(told()["p/a.jsonl"], "one\n");
  append("p/a.jsonl", "two\n");
  append("p/notes.txt", "not wanted");
  EXPECT_EQ(told()["p/a.jsonl"], "one\ntwo\n");
  EXPECT_EQ(told().size(), 1U);
  EXPECT_EQ(pieces_, 2) << "nothing is told twice";
}

TEST_F(SessionFilesTest, ALargeFileComesInPieces) {
  const std::string text(3 * sandbox::kMaxSessionPiece + 7, 'x');
  append("p/a.jsonl", text);
  EXPECT_EQ(told()["p/a.jsonl"], text);
  EXPECT_EQ(pieces_, 4);
}

TEST_F(SessionFilesTest, AFileThatIsWrittenAnewIsToldFromItsStart) {
  append("p/a.jsonl", "first version, long\n");
  told();
  write("p/a.jsonl", "short\n");
  EXPECT_EQ(told()["p/a.jsonl"], "short\n") << "it shrank";
  write("p/a.jsonl", "other beginning\n");
  EXPECT_EQ(told()["p/a.jsonl"], "other beginning\n");
  write("p/b.jsonl", "other beginning, of a new file\n");
  fs::rename(file("p/b.jsonl"), file("p/a.jsonl"));
  EXPECT_EQ(told()["p/a.jsonl"], "other beginning, of a new file\n");
  write("p/a.jsonl", "");
  EXPECT_EQ(told()["p/a.jsonl"], "");
}

TEST_F(SessionFilesTest, NoLinkIsFollowedAndNothingIsWaitedFor) {
  const fs::path secret = home_ / "secret.jsonl";
  std::ofstream(secret) << "secret";
  fs::create_symlink(secret, file("p/link.jsonl"));
  fs::create_hard_link(secret, file("p/hard.jsonl"));
  fs::create_directory(home_ / "outside");
  std::ofstream(home_ / "outside/x.jsonl") << "secret";
  fs::create_directory_symlink(home_ / "outside", file("linked"));
  ASSERT_EQ(::mkfifo(file("p/pipe.jsonl").c_str(), 0600), 0);
  EXPECT_TRUE(told().empty());
}

TEST_F(SessionFilesTest, AFileReplacedByALinkBetweenTheLooksIsNotRead) {
  append("p/a.jsonl", "mine\n");
  files_.look();
  std::ofstream(home_ / "secret") << "secret";
  fs::remove(file("p/a.jsonl"));
  fs::create_symlink(home_ / "secret", file("p/a.jsonl"));
  EXPECT_FALSE(files_.next());
  // The same one level higher.
  fs::remove(file("p/a.jsonl"));
  append("p/a.jsonl", "mine\n");
  files_.look();
  fs::rename(file("p"), file("q"));
  fs::create_directory_symlink(home_, file("p"));
  std::ofstream(home_ / "a.jsonl") << "secret";
  EXPECT_FALSE(files_.next());
}

TEST_F(SessionFilesTest, ARootThatIsALinkIsNotEntered) {
  fs::remove_all(home_ / ".agent");
  fs::create_directories(home_ / "outside/projects/p");
  std::ofstream(home_ / "outside/projects/p/a.jsonl") << "secret";
  fs::create_directory_symlink(home_ / "outside", home_ / ".agent");
  EXPECT_TRUE(told().empty());
}

TEST_F(SessionFilesTest, FilesNamesAndDepthAreBounded) {
  for (char c = 'a'; c < 'k'; ++c) append(std::string("p/") + c + ".jsonl", "x");
  EXPECT_EQ(told().size(), 4U);
  fs::create_directories(file("d/d/d/d/d/d"));
  append("d/d/d/d/d/d/z.jsonl", "deep");
  append("p/new\nline.jsonl", "name");
  EXPECT_EQ(told().size(), 4U);
}

TEST_F(SessionFilesTest, PastItsLimitNothingMoreIsTold) {
  auto small = policy();
  small.max_bytes = 100;
  files_ = SessionFiles(home_.string(), "/w", small);
  append("p/a.jsonl", std::string(90, 'x'));
  EXPECT_EQ(told()["p/a.jsonl"].size(), 90U);
  append("p/a.jsonl", std::string(20, 'x'));
  EXPECT_EQ(told()["p/a.jsonl"].size(), 110U) << "the piece that passes the limit tells of it";
  append("p/a.jsonl", std::string(20, 'x'));
  EXPECT_EQ(told()["p/a.jsonl"].size(), 110U);
}

TEST_F(SessionFilesTest, OfWhatAnEarlierAttemptLeftOnlyTheNewIsToldUnderItsOldName) {
  auto with_files = policy();
  with_files.files = {{"ofold/a.jsonl", "one\n"}};
  EXPECT_EQ(placed_files(with_files, "/x/new").at(0).path, ".agent/projects/ofnew/a.jsonl");
  files_ = SessionFiles(home_.string(), "/x/new", with_files);
  fs::create_directories(file("ofnew"));
  append("ofnew/a.jsonl", "one\n");
  EXPECT_TRUE(told().empty());
  held_["ofold/a.jsonl"] = "one\n";
  append("ofnew/a.jsonl", "two\n");
  EXPECT_EQ(told()["ofold/a.jsonl"], "one\ntwo\n");
  EXPECT_EQ(held_.size(), 1U);
}

// ---- in a run -----------------------------------------------------------------------------------

class SessionListener final : public sandbox::RunListener {
 public:
  void on_stdout(std::string_view bytes) override { order += bytes; }
  void on_stderr(std::string_view) override {}
  void on_session(const sandbox::SessionPiece& piece) override {
    order += "[" + piece.path + " " + std::to_string(piece.offset) + " " + piece.data + "]";
    if (pause) run->pause_reading();
  }
  void on_exit(const sandbox::RunOutcome&) override { ended = true; }
  std::string order;
  bool pause = false;
  bool ended = false;
  sandbox::Run* run = nullptr;
};

class SessionOfARun : public SandboxTest {
 protected:
  void begin(const std::string& script, std::vector<sandbox::HomeFile> files = {}) {
    auto launch = shell("cd $HOME; mkdir -p .agent/projects/p; cd .agent/projects/p; " + script);
    launch.session = policy();
    launch.session.files = std::move(files);
    run_ = sandbox_->start(std::move(launch), listener_).value();
    listener_.run = run_.get();
  }
  SessionListener listener_;
};
INSTANTIATE_TEST_SUITE_P(Isolations, SessionOfARun,
                         testing::Values(sandbox::Isolation::kNone,
                                         sandbox::Isolation::kNamespaces),
                         isolation_name);

TEST_P(SessionOfARun, ComesBeforeTheTextItBelongsTo) {
  begin("echo -n one > a.jsonl; echo -n said; echo -n two >> a.jsonl");
  ASSERT_TRUE(run_until([&] { return listener_.ended; }));
  EXPECT_TRUE(listener_.order.starts_with("[p/a.jsonl 0 one")) << listener_.order;
  EXPECT_NE(listener_.order.find("said"), std::string::npos);
  EXPECT_NE(listener_.order.find("two"), std::string::npos) << "the last is told at the end";
}

TEST_P(SessionOfARun, IsSeenWhileTheAgentIsSilent) {
  begin("echo -n said; sleep 0.3; echo -n late > a.jsonl; sleep 100");
  EXPECT_TRUE(run_until([&] { return listener_.order == "said[p/a.jsonl 0 late]"; }))
      << listener_.order;
}

TEST_P(SessionOfARun, WaitsForAPausedReaderAtTheEnd) {
  listener_.pause = true;
  begin("echo -n one > a.jsonl; echo -n two > b.jsonl; exec sleep 0");
  ASSERT_TRUE(run_until([&] { return !listener_.order.empty() && agents().empty(); }));
  io_.restart();
  io_.run_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(listener_.ended);
  listener_.pause = false;
  run_->resume_reading();
  ASSERT_TRUE(run_until([&] { return listener_.ended; }));
  EXPECT_NE(listener_.order.find("one"), std::string::npos);
  EXPECT_NE(listener_.order.find("two"), std::string::npos);
}

TEST_P(SessionOfARun, EndsAtOnceWhenAPausedReaderKillsIt) {
  listener_.pause = true;
  begin("echo -n one > a.jsonl; echo -n two > b.jsonl; exec sleep 0");
  ASSERT_TRUE(run_until([&] { return !listener_.order.empty() && agents().empty(); }));
  run_->kill();
  EXPECT_TRUE(run_until([&] { return listener_.ended; }));
}

TEST_P(SessionOfARun, IsThereWhenTheNextAttemptStarts) {
  begin(
      "cat $HOME/.agent/projects/ofworkspace/a.jsonl; "
      "stat -c %a $HOME/.agent/projects/ofworkspace/a.jsonl; "
      "echo -n two >> $HOME/.agent/projects/ofworkspace/a.jsonl",
      {{"old/a.jsonl", "one "}});
  ASSERT_TRUE(run_until([&] { return listener_.ended; }));
  EXPECT_NE(listener_.order.find("one 600\n"), std::string::npos) << listener_.order;
  EXPECT_NE(listener_.order.find("[old/a.jsonl 4 two]"), std::string::npos) << listener_.order;
}

}  // namespace
}  // namespace personas::sandbox_linux
