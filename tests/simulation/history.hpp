// What those who publish events were promised, held against the database: a history checker in the
// manner of Jepsen's for Kafka.
//
// A stream is one publisher that sends its next event when the last one is acknowledged, and
// repeats one that is not. So of each stream, in the order of the journal: whatever was
// acknowledged is there (else it is lost), once (else it is doubled), in order, and nothing is
// there that nobody sent. Every event has a run for each subscription that was there before it, and
// none has two. A slot of a schedule is one event.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/store/store.hpp"

namespace personas::simulation {

class EventHistory {
 public:
  // `pattern`: a type, or a prefix with a final '*'. From asking on it may take events, from being
  // told so it must.
  std::size_t subscribing(const std::string& pattern, const std::string& persona);
  void subscribed(std::size_t subscription);
  void asked(const std::string& stream, std::size_t number);
  void acknowledged(const std::string& stream, std::size_t number, const std::string& event);
  // A schedule that makes up for each slot it has missed.
  void scheduled(const std::string& trigger, Duration every);

  // `order`: all events, as the journal has them.
  Result<std::vector<std::string>> faults(store::Transaction& tx,
                                          const std::vector<std::string>& order) const;

  static std::string key(const std::string& stream, std::size_t number);

 private:
  struct Subscription {
    std::string pattern;
    std::string persona;
    bool told = false;
    std::map<std::string, std::size_t> before = {};  // how many a stream had sent when it was told
  };
  struct Stream {
    std::size_t sent = 0;
    std::vector<std::string> acknowledged;  // events, by number
  };
  struct Row;

  void check_order(const std::map<std::string, Row>& rows, const std::vector<std::string>& order,
                   std::vector<std::string>& faults) const;
  Result<void> check_runs(store::Transaction& tx, const std::map<std::string, Row>& rows,
                          std::vector<std::string>& faults) const;
  Result<void> check_slots(store::Transaction& tx, std::vector<std::string>& faults) const;

  std::map<std::string, Stream> streams_;
  std::vector<Subscription> subscriptions_;
  std::map<std::string, Duration> schedules_;
};

}  // namespace personas::simulation
