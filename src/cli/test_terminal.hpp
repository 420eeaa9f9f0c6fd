// A terminal that remembers, and a person at it who does what the test says.
#pragma once

#include <deque>
#include <exception>
#include <optional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "personas/cli/attention.hpp"
#include "personas/cli/terminal.hpp"

namespace personas::cli {

class StringTerminal final : public Terminal {
 public:
  void out(std::string_view text) override {
    output += text;
    both += text;
  }
  void err(std::string_view text) override {
    errors += text;
    both += text;
  }
  Cursor cursor() const override { return movable; }
  std::optional<std::string> ask(std::string_view question) override {
    if (answers.empty()) return std::nullopt;
    err(question);
    std::string answer = answers.front();
    answers.pop_front();
    return answer;
  }
  Attached attached() const override { return attached_to; }
  std::size_t width() const override { return columns; }
  Colours colours() const override { return shown_colours; }

  std::string output;
  std::string errors;
  std::string both;                 // in the order written
  std::deque<std::string> answers;  // of the person; without any nobody is there
  Cursor movable = Cursor::kFixed;
  Attached attached_to = Attached::kOther;
  std::size_t columns = kUnlimitedWidth;
  Colours shown_colours = Colours::kOff;
};

// Happenings when a test says so.
class FakeAttention final : public Attention {
 public:
  void watch(Listener what) override { listener = std::move(what); }
  Answers answers() const override { return who; }
  // To its end at once: the canned server does not keep it waiting.
  void beside(Task<void> task) override {
    boost::asio::io_context io;
    boost::asio::co_spawn(io, std::move(task), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.run();
  }
  void leave(int exit_code) override { left_with = exit_code; }
  void fire(Happening happening, char key = 0) { listener(happening, key); }

  Listener listener;
  Answers who = Answers::kNobody;
  std::optional<int> left_with;
};

}  // namespace personas::cli
