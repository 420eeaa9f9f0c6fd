// The checks of `personas doctor`: one table, each row a small function from what was seen to what
// it means and what cures it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/cli/machine.hpp"
#include "personas/cli/terminal.hpp"
#include "personas/model/execution.hpp"

namespace personas::cli {

enum class Verdict : std::uint8_t { kOk, kNote, kProblem };

struct ModeFix {
  std::string path;
  unsigned mode = 0;
};

struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string means;           // a sentence
  std::string cure;            // what to do; empty when nothing has to be done
  std::optional<ModeFix> fix;  // done by --fix
};

struct WorkerFacts {
  std::string id;
  std::string sandbox;
  std::string version;
  std::int64_t slots = 0;
};

// What the server says of itself.
struct ServerFacts {
  std::string url;
  std::optional<Error> health;  // why it did not answer
  std::optional<Error> access;  // why it refuses us
  std::string version;
  std::string trouble;  // a dependency that failed
  std::vector<WorkerFacts> workers;
  std::int64_t queued = 0;
  bool token_configured = false;
  std::optional<Timestamp> token_expires;
  std::vector<Execution> waiting;  // the oldest of what is queued
};

struct Seen {
  ServerFacts server;
  MachineFacts machine;
  std::string our_version;
  Timestamp now;
  Colours colours = Colours::kOff;
  Attached attached = Attached::kOther;

  bool server_answers() const { return !server.health; }
  // A worker or a server would run on this machine.
  bool is_host() const {
    return machine.data_folder.kind != FileFacts::Kind::kAbsent || server.health.has_value();
  }
};

struct Check {
  std::string_view id;     // stable: "data.permissions"
  std::string_view group;  // as it is shown
  // Without a finding there is nothing to say: the question does not arise here.
  std::vector<Finding> (*look)(const Seen& seen);
};

std::span<const Check> doctor_checks();

}  // namespace personas::cli
