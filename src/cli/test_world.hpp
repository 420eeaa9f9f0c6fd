// A command line in a box: a server of canned answers, a terminal that remembers, virtual time.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "personas/cli/commands.hpp"

#include "test_terminal.hpp"

namespace personas::cli {

// Answers "METHOD /path" with the prepared answers, the last one again and again.
class CannedServer final : public net::Client {
 public:
  struct Answer {
    int status = 200;
    std::string body{};
    net::Headers headers{};
    std::vector<std::string> pieces{};  // of a stream
    bool refuses = false;               // the connection is refused, or breaks after the pieces
    std::function<void(std::size_t)> before_piece{};
  };

  void answer(const std::string& what, Answer answer) {
    answers_[what].push_back(std::move(answer));
  }
  void answer(const std::string& what, std::string body) {
    answer(what, Answer{.body = std::move(body)});
  }
  std::vector<net::Request> requests;
  bool is_down = false;

  // The body of the only request of this kind.
  std::string body_of(const std::string& what) const {
    for (const auto& request : requests) {
      if (name_of(request) == what) return request.body;
    }
    return "(none)";
  }

  Task<Result<net::Response>> send(net::Request request) override {
    const Answer answer = take(std::move(request));
    if (answer.refuses) co_return fail(ErrorCode::kUnavailable, "Connection refused");
    net::Response response;
    response.status = answer.status;
    response.headers = answer.headers;
    response.body = answer.body;
    co_return response;
  }

  Task<Result<net::Response>> stream(net::Request request,
                                     std::function<bool(std::string_view)> on_piece) override {
    const Answer answer = take(std::move(request));
    net::Response response;
    response.status = answer.status;
    if (answer.status != 200) response.body = answer.body;
    for (std::size_t i = 0; i < answer.pieces.size(); ++i) {
      if (answer.before_piece) answer.before_piece(i);
      if (!on_piece(answer.pieces[i])) co_return response;
    }
    if (answer.refuses) co_return fail(ErrorCode::kUnavailable, "Connection reset by peer");
    co_return response;
  }

  Task<Result<std::shared_ptr<net::WebSocket>>> connect_websocket(
      std::string, net::Headers, std::shared_ptr<net::WebSocketListener>) override {
    co_return fail(ErrorCode::kUnavailable, "not offered");
  }

 private:
  static std::string name_of(const net::Request& request) {
    const std::size_t host = request.target.find("://") + 3;
    return request.method + " " + request.target.substr(request.target.find('/', host));
  }
  Answer take(net::Request request) {
    const std::string what = name_of(request);
    requests.push_back(std::move(request));
    if (is_down) return Answer{.refuses = true};
    auto& prepared = answers_[what];
    if (prepared.empty()) {
      return Answer{
          .status = 404,
          .body = fmt::format(R"({{"detail":"no answer for {}","code":"not_found"}})", what)};
    }
    Answer answer = prepared.front();
    if (prepared.size() > 1) prepared.pop_front();
    return answer;
  }

  std::map<std::string, std::deque<Answer>> answers_;
};

struct World {
  CannedServer server;
  StringTerminal terminal;
  ManualClock clock;
  Secret key{"the-team-key"};
  std::map<std::string, std::string> files;
  int pauses = 0;
  Machine* machine = nullptr;
  Attention* attention = nullptr;
  std::string url = "http://server";
  SecretInput* secrets = nullptr;

  Context context() {
    return Context{
        .client = server,
        .terminal = terminal,
        .clock = clock,
        .url = url,
        .key = key,
        .key_hint = "TEAM_API_KEY or data/team.key",
        .read_file = [this](const std::string& path) -> Result<std::string> {
          const auto it = files.find(path);
          if (it == files.end()) return fail(ErrorCode::kIo, "There is no file " + path);
          return it->second;
        },
        .write_file = [this](const std::string& path, const std::string& text) -> Result<void> {
          files[path] = text;
          return {};
        },
        .pause = [this](Duration time) { return pause(time); },
        .machine = machine,
        .version = "1.0",
        .attention = attention,
        .secrets = secrets,
    };
  }

  // Runs "personas <arguments>"; 2 when the command line is wrong.
  int run(std::vector<std::string> arguments) {
    Commands commands;
    CLI::App app;
    commands.add_to(app, [](CLI::App&) {});
    std::ranges::reverse(arguments);
    try {
      app.parse(arguments);
    } catch (const CLI::ParseError&) {
      return kExitUsage;
    }
    EXPECT_TRUE(commands.chosen());
    Context here = context();
    return finish(commands.run(here));
  }

  template <class T>
  T finish(Task<T> task) {
    boost::asio::io_context io;
    std::optional<T> result;
    boost::asio::co_spawn(io, std::move(task), [&result](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result = std::move(value);
    });
    io.run();
    return std::move(result.value());
  }

 private:
  Task<void> pause(Duration time) {
    ++pauses;
    clock.advance(time);
    co_return;
  }
};

inline constexpr std::string_view kDemoPersonas =
    R"([{"id":"per_1","name":"demo","backend":"demo","createdAt":"2026-11-21T00:00:00Z"},
        {"id":"per_2","name":"Reviewer","createdAt":"2026-11-21T00:00:00Z"}])";

inline std::string execution_json(std::string_view status, std::string_view more = "") {
  return fmt::format(R"({{"id":"exe_01jd2m9x7v0000000000000abc","personaId":"per_1","status":"{}",)"
                     R"("prompt":"Say hello","createdAt":"2027-01-15T08:00:00Z"{}}})",
                     status, more);
}

inline const std::string kExecutionId = "exe_01jd2m9x7v0000000000000abc";

}  // namespace personas::cli
