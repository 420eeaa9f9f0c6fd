// The terminal of this process as the client commands see it: two outputs, a line from a person,
// and what happens while they wait (time, Ctrl-C, keys).
#pragma once

#include <optional>
#include <string>
#include <termios.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "personas/cli/attention.hpp"
#include "personas/cli/terminal.hpp"

#include "world.hpp"

namespace personas::app {

class StandardTerminal final : public cli::Terminal {
 public:
  explicit StandardTerminal(const World& world);
  void out(std::string_view text) override;
  void err(std::string_view text) override;
  cli::Attached attached() const override { return attached_; }
  std::size_t width() const override;
  cli::Colours colours() const override { return colours_; }
  // Fixed also while the shell has put us into the background: the screen is somebody else's then.
  cli::Cursor cursor() const override;
  std::optional<std::string> ask(std::string_view question) override;

 private:
  cli::Attached attached_;
  cli::Colours colours_;
  bool one_terminal_;  // both outputs are the same one, and it can do more than print
  std::string columns_;
};

// On the loop of the command. While it is watched and we are in the foreground of a terminal, keys
// come one by one and are not echoed; however the process ends, short of being killed outright, the
// terminal is given back as it was.
class ProcessAttention final : public cli::Attention {
 public:
  ProcessAttention(boost::asio::io_context& loop, const StandardTerminal& terminal);
  ~ProcessAttention() override;

  void watch(Listener listener) override;
  cli::Answers answers() const override;
  void beside(Task<void> task) override;
  void leave(int exit_code) override;

  std::optional<int> left_with() const { return left_with_; }

 private:
  void take_keys();
  void give_back();
  void wait_for_tick();
  void wait_for_key();
  void wait_for_signal();
  void on_signal(int signal);
  void report(cli::Happening happening, char key = 0);

  boost::asio::io_context& loop_;
  const StandardTerminal& terminal_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  boost::asio::posix::stream_descriptor keys_;
  Listener listener_;
  std::optional<termios> before_;  // set while the terminal is changed
  bool waits_for_key_ = false;
  std::optional<int> left_with_;
};

}  // namespace personas::app
