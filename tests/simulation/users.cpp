#include "users.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/net/target.hpp"

namespace personas::simulation {
namespace {

constexpr Duration kPatience = seconds(10);  // with one request
constexpr Duration kLongestPause = minutes(1);

std::string text_at(const boost::json::value& json, std::string_view name) {
  const auto* object = json.if_object();
  const auto* value = object != nullptr ? object->if_contains(name) : nullptr;
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

boost::json::value parsed(const net::Response& response) {
  auto json = codec::parse_json(response.body);
  return json ? std::move(*json) : boost::json::value();
}

net::Request request_of(const std::string& method, const std::string& target,
                        const std::string& body, const std::string& key) {
  net::Request request;
  request.method = method;
  request.target = target;
  if (auto parts = net::parse_target(target)) {
    request.path = std::move(parts->path);
    request.query = std::move(parts->query);
  }
  request.body = body;
  request.headers.set("Authorization", "Bearer " + std::string(kTeamKey));
  if (!body.empty()) request.headers.set("Content-Type", "application/json");
  if (!key.empty()) request.headers.set("Idempotency-Key", key);
  return request;
}

}  // namespace

void Users::send(const Asking& asking, Answer answer) {
  // Answered once: by what comes, or by the end of patience.
  auto once = std::make_shared<Answer>(std::move(answer));
  const auto settle = [once](const net::Response* response) {
    if (auto answer = std::exchange(*once, nullptr)) answer(response);
  };
  const auto way = [this] {
    return between(random_, microseconds(200), calm_ ? milliseconds(5) : milliseconds(80));
  };
  scheduler_.after(kPatience, [settle] { settle(nullptr); });
  if (!calm_ && chance(random_, 3)) return;  // the request is lost
  const bool answer_lost = !calm_ && chance(random_, 3);
  scheduler_.after(way(), [this, asking, settle, way, answer_lost] {
    auto* orchestrator = reach_();
    if (orchestrator == nullptr || !orchestrator->ready()) {
      return scheduler_.after(way(), [settle] { settle(nullptr); });
    }
    auto request = request_of(asking.method, asking.target, asking.body, asking.key);
    const auto answered = [this, settle, way, answer_lost](net::Response response) {
      if (answer_lost) return observer_.count("answers lost");
      scheduler_.after(way(), [settle, response = std::move(response)] { settle(&response); });
    };
    orchestrator->process()->run([orchestrator, request = std::move(request), answered]() mutable {
      orchestrator->request(std::move(request), answered);
    });
  });
}

void Users::insist(Asking asking, std::function<void(const net::Response&)> answered,
                   Duration longest_pause) {
  send(asking, [this, asking, answered, longest_pause](const net::Response* response) {
    // 4xx says that it is our fault, and asking again does not help; 429 and 5xx pass.
    const bool decided = response != nullptr && response->status < 500 && response->status != 429;
    if (decided) {
      if (response->headers.find("Idempotency-Replayed") != nullptr) {
        observer_.count("answers given again");
      }
      return answered(*response);
    }
    observer_.count(response != nullptr ? fmt::format("answers {}", response->status)
                                        : "requests repeated");
    const auto next = std::min(longest_pause * 3 / 2, kLongestPause);
    scheduler_.after(between(random_, milliseconds(200), longest_pause),
                     [this, asking, answered, next] { insist(asking, answered, next); });
  });
}

// ---- personas -----------------------------------------------------------------------------------

void Users::make_personas(std::vector<Persona> personas) {
  personas_ = std::move(personas);
  for (std::size_t i = 0; i < personas_.size(); ++i) make(i);
}

void Users::make(std::size_t index) {
  const auto& persona = personas_[index];
  insist({"POST", "/api/personas", persona.body, "make-" + persona.name},
         [this, index](const net::Response& response) {
           const auto json = parsed(response);
           if (response.status != 201) {
             return observer_.violate("no persona is made: " + response.body);
           }
           personas_[index].id = text_at(json, "id");
           observer_.limits.persona[personas_[index].id] = personas_[index].limit;
           ++made_;
         });
}

// ---- events -------------------------------------------------------------------------------------

std::int64_t Users::wake_personas(Timestamp now, Duration time) {
  std::int64_t runs = 0;
  const auto streams = random_.below(3);
  for (std::uint64_t i = 0; i < streams; ++i) {
    streams_[fmt::format("stream.{}", i)] = 1 + random_.below(6);
  }
  for (const auto& persona : personas_) {
    if (!streams_.empty() && chance(random_, 70)) {
      subscribe(persona);
      ++runs;
    }
    if (chance(random_, 25)) runs += schedule(persona, now, time);
  }
  return runs;
}

void Users::subscribe(const Persona& persona) {
  const std::string pattern = chance(random_, 30) ? "stream.*" : "stream.0";
  ++waiting_;
  const auto number = observer_.events.subscribing(pattern, persona.id);
  insist({"POST", "/api/subscriptions",
          fmt::format(R"({{"personaId":"{}","eventType":"{}"}})", persona.id, pattern),
          "subscribe " + persona.name},
         [this, number](const net::Response& response) {
           --waiting_;
           if (response.status != 201) {
             return observer_.violate("no subscription is made: " + response.body);
           }
           observer_.events.subscribed(number);
         });
}

std::int64_t Users::schedule(const Persona& persona, Timestamp now, Duration time) {
  constexpr std::array kMissed = {"skip", "once", "all"};
  const auto missed = random_.below(kMissed.size());
  const Duration every = seconds(5 + static_cast<std::int64_t>(random_.below(40)));
  ++waiting_;
  insist(
      {"POST", "/api/triggers",
       fmt::format(R"({{"personaId":"{}","triggerType":"schedule","config":{{"cron":)"
                   R"("every {}s","end":"{}","missedRuns":"{}"}}}})",
                   persona.id, every.count() / 1'000'000, to_rfc3339(now + time), kMissed[missed]),
       "schedule " + persona.name},
      [this, every, all = missed == 2](const net::Response& response) {
        --waiting_;
        if (response.status != 201) {
          return observer_.violate("no schedule is made: " + response.body);
        }
        if (all) observer_.events.scheduled(text_at(parsed(response), "id"), every);
      });
  return time / every + 1;
}

// The next one follows when this one is acknowledged, and is repeated until it is.
void Users::publish(const std::string& stream, std::size_t number) {
  const auto key = EventHistory::key(stream, number);
  observer_.events.asked(stream, number);
  insist({"POST", "/api/events",
          fmt::format(R"({{"eventType":"{}","payload":{{"n":{}}},"idempotencyKey":"{}"}})", stream,
                      number, key),
          ""},
         [this, stream, number, key](const net::Response& response) {
           --waiting_;
           if (response.status != 201 && response.status != 200) {
             return observer_.violate(key + " is refused: " + response.body);
           }
           if (response.status == 200) observer_.count("events sent again");
           observer_.events.acknowledged(stream, number, text_at(parsed(response), "id"));
           if (number + 1 >= streams_[stream]) return;
           const auto pause = between(random_, Duration::zero(), seconds(calm_ ? 1 : 15));
           scheduler_.after(pause, [this, stream, number] { publish(stream, number + 1); });
         });
}

// ---- executions ---------------------------------------------------------------------------------

void Users::begin(std::size_t count, Duration time) {
  waiting_ += count;
  for (std::size_t i = 0; i < count; ++i) {
    scheduler_.after(between(random_, Duration::zero(), time), [this, i] { submit(i); });
  }
  for (const auto& [stream, events] : streams_) {
    waiting_ += events;
    scheduler_.after(between(random_, Duration::zero(), time),
                     [this, name = stream] { publish(name, 0); });
  }
  look_for_questions();
}

void Users::submit(std::size_t number) {
  const auto& persona = personas_[random_.below(personas_.size())];
  const std::string key = fmt::format("task {}", number);
  Asking asking{"POST", "/api/execute",
                fmt::format(R"({{"prompt":"{}","personaId":"{}","priority":{}}})", key, persona.id,
                            random_.below(3)),
                key};
  observer_.asked(key);
  if (chance(random_, 10)) {
    observer_.count("requests doubled");
    send(asking, [this, key](const net::Response* response) {
      if (response != nullptr && response->status == 202) submitted(key, *response);
    });
  }
  insist(asking, [this, key](const net::Response& response) {
    --waiting_;
    if (response.status != 202) return observer_.violate(key + " is refused: " + response.body);
    submitted(key, response);
    maybe_cancel(text_at(parsed(response), "executionId"));
  });
}

void Users::submitted(const std::string& key, const net::Response& response) {
  observer_.promised(key, text_at(parsed(response), "executionId"));
}

void Users::maybe_cancel(const std::string& execution) {
  if (!chance(random_, 12)) return;
  const auto key = fmt::format("cancel {}", ++keys_);
  scheduler_.after(between(random_, milliseconds(1), seconds(40)), [this, execution, key] {
    insist({"POST", fmt::format("/api/executions/{}/cancel", execution), "", key},
           [this, execution](const net::Response& response) {
             const auto status = text_at(parsed(response), "status");
             if (response.status >= 300) return observer_.violate("cancel: " + response.body);
             observer_.count("cancels answered " + status);
             if (status != "completed" && status != "failed") observer_.cancel_promised(execution);
           });
  });
}

// ---- questions ----------------------------------------------------------------------------------

void Users::look_for_questions() {
  scheduler_.after(between(random_, seconds(1), calm_ ? minutes(1) : seconds(12)), [this] {
    send({"GET", "/api/reviews/pending?limit=50", "", ""}, [this](const net::Response* response) {
      if (response != nullptr && response->status == 200) answer_questions(*response);
    });
    look_for_questions();
  });
}

void Users::answer_questions(const net::Response& response) {
  const auto json = parsed(response);
  const auto* all = json.if_array();
  if (all == nullptr) return observer_.violate("no list of questions: " + response.body);
  for (const auto& one : *all) {
    // Some are left to expire, or for the next look.
    if (!calm_ && chance(random_, 60)) continue;
    const auto review = text_at(one, "id");
    const bool yes = chance(random_, 60);
    const auto target =
        fmt::format("/api/executions/{}/reviews/{}/respond", text_at(one, "executionId"), review);
    insist(
        {"POST", target,
         fmt::format(R"({{"decision":"{}","message":"so be it"}})", yes ? "approved" : "rejected"),
         fmt::format("answer {}", ++keys_)},
        [this, review](const net::Response& answer) {
          if (answer.status == 409) return observer_.count("answers too late");
          if (answer.status != 200) return observer_.violate("answer: " + answer.body);
          observer_.count("questions answered");
          observer_.answer_promised(review, text_at(parsed(answer), "status"));
        });
  }
}

}  // namespace personas::simulation
