// The users: clients that ask for executions, cancel them and answer questions, over the API. What
// gets no answer they ask again under the same key; what is answered they hold the system to.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "observer.hpp"
#include "orchestrator.hpp"

namespace personas::simulation {

class Users {
 public:
  struct Persona {
    std::string name;
    std::string body;  // of POST /api/personas
    std::int64_t limit = 1;
    std::string id = {};
  };
  // Who takes requests now; null: nobody.
  using Reach = std::function<Orchestrator*()>;

  Users(Scheduler& scheduler, Random& random, Observer& observer, Reach reach)
      : scheduler_(scheduler), random_(random), observer_(observer), reach_(std::move(reach)) {}

  void make_personas(std::vector<Persona> personas);
  bool ready() const { return made_ == personas_.size(); }
  // For some personas: subscriptions to the streams of events, and a schedule from now on. Returns
  // how many runs these can ask for in one transaction.
  std::int64_t wake_personas(Timestamp now, Duration time);
  // `count` executions over the given time, with all that comes with them; and the events.
  void begin(std::size_t count, Duration time);
  void calm() { calm_ = true; }
  // All that they wanted was promised to them.
  bool content() const { return waiting_ == 0; }

 private:
  struct Asking {
    std::string method;
    std::string target;
    std::string body;
    std::string key;
  };
  using Answer = std::function<void(const net::Response*)>;  // null: none came

  void send(const Asking& asking, Answer answer);
  // Until there is an answer that decides; less and less often, as a good client asks.
  void insist(Asking asking, std::function<void(const net::Response&)> answered,
              Duration longest_pause = seconds(3));
  void make(std::size_t index);
  void subscribe(const Persona& persona);
  std::int64_t schedule(const Persona& persona, Timestamp now, Duration time);
  void publish(const std::string& stream, std::size_t number);
  void submit(std::size_t number);
  void submitted(const std::string& key, const net::Response& response);
  void maybe_cancel(const std::string& execution);
  void look_for_questions();
  void answer_questions(const net::Response& response);

  Scheduler& scheduler_;
  Random& random_;
  Observer& observer_;
  Reach reach_;
  std::vector<Persona> personas_;
  std::size_t made_ = 0;
  std::size_t waiting_ = 0;
  std::map<std::string, std::size_t> streams_;  // how many events each has
  std::uint64_t keys_ = 0;
  bool calm_ = false;
};

}  // namespace personas::simulation
