// A client that follows a stream of server-sent events, for scenarios that measure one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "personas/net/client.hpp"

#include "trial.hpp"

namespace personas::bench {

// Open from its making until the server ends it, `take` returns false, or it is destroyed.
class EventStream {
 public:
  // `take` gets each piece as it arrives; a piece may end anywhere.
  EventStream(Trial& trial, std::string_view path, std::function<bool(std::string_view)> take);
  ~EventStream() { *alive_ = false; }
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // Something has come: the server has found what is followed.
  bool has_begun() const { return has_begun_; }
  // Why it is over; empty while it is open.
  const std::string& ended() const { return ended_; }

 private:
  std::unique_ptr<net::Client> client_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::string ended_;
  bool has_begun_ = false;
};

}  // namespace personas::bench
