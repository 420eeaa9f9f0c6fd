// Tells callers their outcomes, with one post per executor however many callers wait on it: waking
// a thread costs more than running an operation.
#pragma once

#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "personas/base/error.hpp"
#include "personas/store/store.hpp"

namespace personas::store_sqlite {

// A queued operation with its caller.
struct Request {
  store::Operation operation;
  boost::asio::any_io_executor executor;
  store::Completion done;
};

class Completions {
 public:
  void add(Request&& request, Result<void> outcome);
  // Posts and forgets everything added so far.
  void post_all();

 private:
  using Told = std::pair<store::Completion, Result<void>>;
  struct Group {
    boost::asio::any_io_executor executor;
    std::vector<Told> told;
  };
  std::vector<Group> groups_;  // few: a server has one executor per thread or strand
};

void post_one(Request&& request, Result<void> outcome);

}  // namespace personas::store_sqlite
