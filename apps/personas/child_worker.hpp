// The local worker of `personas up`: a child process, started again when it dies.
//
// Strand: the loop given to the constructor. The child has a process group of its own, so that
// Ctrl-C in the terminal reaches us only and the stop is in order; it ends by itself when we die.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/base/time.hpp"

namespace personas::app {

class ChildWorker {
 public:
  // `environment` carries the worker token: never argv, which is public.
  ChildWorker(boost::asio::io_context& loop, std::vector<std::string> argv,
              std::map<std::string, std::string> environment,
              std::function<void(std::string_view)> notice);
  ~ChildWorker();

  Result<void> start();
  // Asks it to finish its runs, waits at most `grace`, then kills it.
  Task<void> stop(Duration grace);
  // Ends it at once, without waiting.
  void kill();

 private:
  Result<void> spawn();
  void watch();
  void died(int status);

  std::vector<std::string> argv_;
  std::map<std::string, std::string> environment_;
  std::function<void(std::string_view)> notice_;
  boost::asio::posix::stream_descriptor pidfd_;
  boost::asio::steady_timer restart_;
  boost::asio::steady_timer gone_;
  Duration backoff_{};
  int pid_ = -1;
  bool stopping_ = false;
};

}  // namespace personas::app
