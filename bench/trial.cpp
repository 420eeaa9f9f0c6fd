#include "trial.hpp"

#include <utility>

namespace personas::bench {
namespace {

constexpr bool is_accepted(int status) {
  return status / 100 == 2;
}

}  // namespace

Trial::Trial(const Options& options, std::unique_ptr<ServerProcess> server)
    : options_(options), server_(std::move(server)), work_(io_.get_executor()) {}

Result<std::unique_ptr<Trial>> Trial::make(const Options& options) {
  TRY(auto server, ServerProcess::make(options));
  return std::unique_ptr<Trial>(new Trial(options, std::move(server)));
}

Result<void> Trial::connect_workers(std::int64_t count, std::int64_t slots) {
  if (!workers_) workers_ = std::make_unique<NullWorkers>(io_, *server_);
  const std::int64_t wanted = workers_->ready() + count;
  workers_->connect(count, slots);
  const auto settled = [&] { return workers_->ready() >= wanted || !workers_->trouble().empty(); };
  if (!run_until(settled, kPatience) || !workers_->trouble().empty()) {
    return failed("not all workers became ready");
  }
  return {};
}

Result<std::string> Trial::make_persona() {
  Executor personas(
      *this, 1, {"/api/personas", R"({"name":"bench","backend":"claude","maxConcurrent":1000})"});
  TRY_VOID(personas.connect());
  personas.execute();
  const bool made = run_until([&] { return personas.settled(); }, kPatience);
  std::string id = id_in(personas.last_body());
  if (!made || id.empty()) return failed("no persona could be made; " + personas.trouble());
  return id;
}

std::unexpected<Error> Trial::failed(const std::string& what) const {
  std::string text = what;
  if (workers_ && !workers_->trouble().empty()) text += "; " + workers_->trouble();
  const std::string log = server_->log_tail();
  if (!log.empty()) text += "; the server's last words:\n" + log;
  return fail(ErrorCode::kUnavailable, std::move(text));
}

std::string id_in(std::string_view answer) {
  static constexpr std::string_view kId = R"("id":")";
  const auto at = answer.find(kId);
  if (at == std::string_view::npos) return "";
  const auto begin = at + kId.size();
  return std::string(answer.substr(begin, answer.find('"', begin) - begin));
}

Executor::Executor(Trial& trial, std::int64_t connections, Post post)
    : trial_(trial),
      path_(post.path),
      fixed_request_(post_request(post.path, trial.server().api_key(), post.body)) {
  for (std::int64_t i = 0; i < connections; ++i) {
    connections_.push_back(std::make_unique<HttpConnection>(trial.io()));
  }
}

Result<void> Executor::connect() {
  for (const auto& connection : connections_) {
    HttpConnection* self = connection.get();
    TRY_VOID(connection->connect(
        trial_.server().http_port(),
        [this, self](int status, std::string_view body) { answered(*self, status, body); }));
    idle_.push_back(self);
  }
  return {};
}

void Executor::post(std::string_view body) {
  send(post_request(path_, trial_.server().api_key(), body));
}

void Executor::execute(std::string_view prompt) {
  post(R"({"prompt":")" + std::string(prompt) + R"("})");
}

void Executor::execute() {
  send(fixed_request_);
}

void Executor::send(const std::string& request) {
  if (idle_.empty()) return waiting_.push_back(request);
  HttpConnection* connection = idle_.back();
  idle_.pop_back();
  ++sent_;
  connection->send(request);
}

void Executor::answered(HttpConnection& connection, int status, std::string_view body) {
  ++answered_;
  if (is_accepted(status)) {
    ++accepted_;
    last_body_.assign(body);
  } else if (trouble_.empty()) {
    trouble_ = "POST " + path_ + " was answered with " + std::to_string(status) + ": " +
               std::string(body.substr(0, 300));
  }
  if (status != kBroken) {
    if (waiting_.empty()) {
      idle_.push_back(&connection);
    } else {
      ++sent_;
      connection.send(waiting_.front());
      waiting_.pop_front();
    }
  }
  if (on_answer) on_answer();
}

}  // namespace personas::bench
