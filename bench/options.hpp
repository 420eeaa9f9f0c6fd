// What the command line asks for. Every scenario is bounded by these counts and times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "personas/base/time.hpp"

namespace personas::bench {

struct Options {
  std::string binary;
  std::string data_root;  // private folders are made here, and removed
  std::string json_file;
  std::vector<std::string> scenarios;
  std::vector<std::string> server_environment;  // NAME=VALUE, for experiments
  std::vector<std::string> server_prefix;       // what the server is run under: a profiler
  std::string work = "execution";               // work: what is done `count` times
  std::int64_t count = 1'000;
  std::int64_t measured_seconds = 10;
  std::int64_t rate = 200;        // latency: executions a second
  std::int64_t connections = 64;  // throughput: HTTP connections
  std::int64_t in_flight = 256;   // throughput: accepted and not yet finished, at most
  std::int64_t workers = 4;       // throughput
  std::int64_t slots = 64;        // of each of them
  std::int64_t idle_workers = 10'000;
  std::int64_t backlog = 100'000;
  std::int64_t pause_seconds = 0;  // before the load of a run, to attach a profiler
};

// Nothing here takes longer than this; a scenario that does is stopped and reported as failed.
inline constexpr Duration kPatience = seconds(60);

}  // namespace personas::bench
