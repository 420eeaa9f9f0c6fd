// A few threads that read, each with its own connection; every operation sees one snapshot.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "completions.hpp"
#include "connection.hpp"

namespace personas::store_sqlite {

class Readers {
 public:
  Readers(std::vector<std::unique_ptr<Connection>> connections, Health& health);
  ~Readers();  // runs what is queued, then stops

  void submit(Request&& request);

 private:
  void loop(Connection& connection);
  Result<void> run(Connection& connection, store::Operation& operation);

  std::vector<std::unique_ptr<Connection>> connections_;
  Health& health_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Request> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: use all of the above
};

}  // namespace personas::store_sqlite
