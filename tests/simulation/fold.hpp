// The journal, folded: what the tables have to say if it is the whole truth. Written without the
// code that writes either of them, from the description of the records alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personas/base/error.hpp"

namespace personas::simulation {

class Fold {
 public:
  struct Execution {
    std::string persona;
    std::string status;
    std::int64_t attempt = 0;
    std::optional<std::string> worker;  // of the running attempt
    std::optional<std::string> parked;
    std::optional<std::string> reason;
    std::int64_t last_seq = 0;  // of the present attempt's records
    bool final = false;
  };
  struct OutputBlock {
    std::string execution;
    std::int64_t attempt = 0;
    std::int64_t first_seq = 0;
    std::int64_t last_seq = 0;
    std::string stream;
    std::int64_t bytes = 0;
  };
  // An attempt that is over, and what became of its execution by that.
  struct Ended {
    std::string execution;
    std::int64_t attempt = 0;
    std::string status;
    std::optional<std::string> reason;
    std::optional<std::string> parked;
  };

  // What one record says. Errors are broken rules of the journal itself.
  Result<void> add(std::int64_t position, std::string_view type, std::string_view record);

  const std::map<std::string, Execution>& executions() const { return executions_; }
  const std::map<std::string, std::string>& reviews() const { return reviews_; }  // status by id
  const std::set<std::string>& messages() const { return messages_; }
  const std::set<std::string>& memories() const { return memories_; }
  const std::set<std::string>& events() const { return events_; }
  const std::vector<std::string>& events_in_order() const { return events_in_order_; }
  std::int64_t last() const { return last_; }
  // What metering has to have counted.
  struct Counts {
    std::int64_t executions = 0;
    std::int64_t failed = 0;
    std::int64_t attempts = 0;
    std::int64_t events = 0;
  };
  const Counts& counts() const { return counts_; }

  // Since the last call.
  std::vector<OutputBlock> take_output() { return std::exchange(output_, {}); }
  std::vector<Ended> take_ended() { return std::exchange(ended_, {}); }
  std::set<std::string> take_touched() { return std::exchange(touched_, {}); }

 private:
  class Record;
  Result<void> status(const Record& record);
  Result<void> of_attempt(const Record& record, std::string_view type);
  Result<void> effect(const Record& record, std::string_view type);
  Result<void> of_live_attempt(const std::string& execution, std::int64_t attempt,
                               std::string_view type);

  std::int64_t last_ = 0;
  std::map<std::string, Execution> executions_;
  std::map<std::string, std::string> reviews_;
  std::set<std::string> messages_;
  std::set<std::string> memories_;
  std::set<std::string> events_;
  std::vector<std::string> events_in_order_;
  Counts counts_;
  std::vector<OutputBlock> output_;
  std::vector<Ended> ended_;
  std::set<std::string> touched_;
};

}  // namespace personas::simulation
