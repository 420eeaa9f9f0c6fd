// Requests in a closed loop: every connection of an executor always has one under way.
#pragma once

#include <functional>

#include "trial.hpp"

namespace personas::bench {

// Of the loop's thread; while it lives it is what `executor.on_answer` calls.
class Load {
 public:
  // `send` posts the next request.
  using Send = std::function<void(Executor&)>;

  Load(Trial& trial, Executor& executor, Send send);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  struct Spent {
    double per_second = 0;
    double cpu_us = 0;  // the server's, for one request
  };
  // Warms up, measures, and waits until all is answered.
  Result<Spent> run(Duration warm, Duration time);

 private:
  void refill();

  Trial& trial_;
  Executor& executor_;
  Send send_;
  bool loading_ = false;
};

}  // namespace personas::bench
