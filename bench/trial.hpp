// One run of one scenario: a server of its own, a loop, clients and workers. Scenarios are
// straight-line code that starts things and runs the loop until a condition holds.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "personas/base/error.hpp"
#include "personas/base/time.hpp"

#include "http_connection.hpp"
#include "measurement.hpp"
#include "null_workers.hpp"
#include "options.hpp"
#include "server_process.hpp"

namespace personas::bench {

using SteadyClock = std::chrono::steady_clock;
using SteadyTime = SteadyClock::time_point;

inline double ms_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

class Trial {
 public:
  static Result<std::unique_ptr<Trial>> make(const Options& options);

  // Runs the loop until `done()` or for `limit`; whether it was done.
  template <class Done>
  bool run_until(Done done, Duration limit) {
    const SteadyTime deadline = SteadyClock::now() + limit;
    while (!done()) {
      if (io_.run_one_until(deadline) == 0 && SteadyClock::now() >= deadline) return done();
    }
    return true;
  }
  void run_for(Duration time) {
    run_until([] { return false; }, time);
  }

  // Connects null workers to the server and waits until they are ready.
  Result<void> connect_workers(std::int64_t count, std::int64_t slots);

  // Makes a persona that may have everything at once; its id.
  Result<std::string> make_persona();

  boost::asio::io_context& io() { return io_; }
  ServerProcess& server() { return *server_; }
  NullWorkers& workers() { return *workers_; }
  const Options& options() const { return options_; }
  // An error that says what did not happen, and what is known about why.
  std::unexpected<Error> failed(const std::string& what) const;

 private:
  Trial(const Options& options, std::unique_ptr<ServerProcess> server);

  const Options& options_;
  std::unique_ptr<ServerProcess> server_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unique_ptr<NullWorkers> workers_;
};

// What is posted again and again, made once.
struct Post {
  std::string_view path = "/api/execute";
  std::string_view body = R"({"prompt":"x"})";
};
inline constexpr Post kPostEvent{"/api/events", R"({"eventType":"bench","payload":{"n":1}})"};

// The `id` of what an answer tells of; empty if there is none.
std::string id_in(std::string_view answer);

// Sends POSTs over keep-alive connections, each with one request at a time.
class Executor {
 public:
  Executor(Trial& trial, std::int64_t connections, Post post = {});
  Result<void> connect();

  // Sends now, or as soon as a connection is free.
  void post(std::string_view body);
  void execute(std::string_view prompt);
  void execute();  // what the constructor was given

  std::int64_t sent() const { return sent_; }
  std::int64_t accepted() const { return accepted_; }
  bool has_idle() const { return !idle_.empty(); }
  bool settled() const { return answered_ == sent_ && waiting_.empty(); }
  const std::string& trouble() const { return trouble_; }
  const std::string& last_body() const { return last_body_; }
  // Called after each answer.
  std::function<void()> on_answer;

 private:
  void send(const std::string& request);
  void answered(HttpConnection& connection, int status, std::string_view body);

  Trial& trial_;
  const std::string path_;
  std::string fixed_request_;
  std::vector<std::unique_ptr<HttpConnection>> connections_;
  std::vector<HttpConnection*> idle_;
  std::deque<std::string> waiting_;
  std::int64_t sent_ = 0;
  std::int64_t accepted_ = 0;
  std::int64_t answered_ = 0;
  std::string trouble_;
  std::string last_body_;
};

// ---- the scenarios: one run each ----------------------------------------------------------------

using Measured = Result<std::vector<Measurement>>;

Measured measure_latency(const Options& options);
Measured measure_event_latency(const Options& options);
Measured measure_batches(const Options& options);
Measured measure_matching(const Options& options);
Measured measure_throughput(const Options& options);
Measured measure_idle_workers(const Options& options);
Measured measure_idle(const Options& options);
Measured measure_mask(const Options& options);
Measured measure_parse(const Options& options);
Measured measure_size(const Options& options);
Measured measure_backlog(const Options& options);
Measured measure_follow(const Options& options);
Measured measure_bare(const Options& options);
Measured measure_store(const Options& options);
Measured measure_open_loop(const Options& options);
Measured measure_events(const Options& options);
Measured measure_metered(const Options& options);
Measured measure_million(const Options& options);
Measured measure_stream(const Options& options);
Measured measure_work(const Options& options);

}  // namespace personas::bench
