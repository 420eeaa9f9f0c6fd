#include "personas/os/terminal.hpp"

#include <array>
#include <functional>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace personas::os {
namespace {

// A person at a terminal of their own: waits for texts, and types.
class TypingPerson {
 public:
  explicit TypingPerson(const std::function<int()>& program) {
    child_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (child_ == 0) ::_exit(program());
  }
  ~TypingPerson() { ::close(terminal_); }

  void wait_for(std::string_view text) {
    while (!seen.contains(text)) {
      if (!read_some()) FAIL() << "never saw: " << text << " in: " << seen;
    }
  }
  void type(std::string_view text) {
    ASSERT_EQ(::write(terminal_, text.data(), text.size()), std::ssize(text));
  }
  int wait_for_end() {
    while (read_some()) {
    }
    int status = 0;
    ::waitpid(child_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string seen;

 private:
  bool read_some() {
    std::array<char, 512> buffer{};
    const ssize_t got = ::read(terminal_, buffer.data(), buffer.size());
    if (got > 0) seen.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0;
  }
  int terminal_ = -1;
  pid_t child_ = -1;
};

TEST(Terminal, DoesNotShowWhatIsTyped) {
  TypingPerson person([] {
    const auto typed = ask_hidden("Token? ");
    return typed && typed->reveal() == "sk-hidden 1" ? 0 : 1;
  });
  person.wait_for("Token? ");
  person.type("sk-hidden 1\n");
  EXPECT_EQ(person.wait_for_end(), 0);
  EXPECT_FALSE(person.seen.contains("sk-hidden"));
}

TEST(Terminal, ShowsAProgramAndKeepsWhatItShowed) {
  TypingPerson person([] {
    const auto shown =
        run_at_terminal({"/bin/sh", "-c", "echo name?; read name; echo token-for-$name-$GIVEN"},
                        {{"GIVEN", "42"}, {"PATH", "/usr/bin:/bin"}});
    return shown && shown->reveal().contains("token-for-bob-42") ? 0 : 1;
  });
  person.wait_for("name?");
  person.type("bob\n");
  EXPECT_EQ(person.wait_for_end(), 0);
  EXPECT_TRUE(person.seen.contains("token-for-bob-42"));
}

TEST(Terminal, SaysWhenAProgramCannotBeStarted) {
  TypingPerson person([] {
    const auto shown = run_at_terminal({"/nowhere/claude"}, {});
    return !shown && shown.error().code == ErrorCode::kUnavailable ? 0 : 1;
  });
  EXPECT_EQ(person.wait_for_end(), 0);
}

}  // namespace
}  // namespace personas::os
