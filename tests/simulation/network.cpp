#include "network.hpp"

#include <optional>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "personas/async/timer.hpp"

namespace personas::simulation {
namespace {

constexpr Duration kConnectDeadline = seconds(10);  // net::ClientOptions
// A close that the other side never answers is given up.
constexpr Duration kCloseDeadline = seconds(5);

std::size_t index(Side side) {
  return static_cast<std::size_t>(side);
}

// One end of a connection, as a process holds it.
class Socket final : public net::WebSocket, public std::enable_shared_from_this<Socket> {
 public:
  Socket(std::string worker, Side side, std::shared_ptr<Connection> connection,
         const std::shared_ptr<Process>& process, std::shared_ptr<net::WebSocketListener> listener,
         const Tap& tap)
      : worker_(std::move(worker)),
        side_(side),
        connection_(std::move(connection)),
        process_(process),
        listener_(std::move(listener)),
        tap_(tap) {}

  // Hears the connection from now on. The connection's ears keep this alive.
  void open() {
    Connection::Ear ear;
    auto self = shared_from_this();
    ear.on_text = [self](const std::string& text) {
      self->in_process([self, text] {
        if (self->closed_) return;
        self->tap_(self->worker_, virtual_world::other(self->side_), text);
        self->listener_->on_message(text);
      });
    };
    // The system of a process that stands still answers nothing either: Beast does it.
    ear.on_ping = [self] {
      self->in_process([self] {
        if (!self->closed_) self->connection_->pong();
      });
    };
    ear.on_pong = [self] {
      self->in_process([self] {
        if (!self->closed_) self->listener_->on_pong();
      });
    };
    ear.on_closed = [self] { self->in_process([self] { self->closed("the connection broke"); }); };
    connection_->listen(side_, std::move(ear));
    // Listener and socket hold each other; a killed process lets go of both.
    if (const auto process = process_.lock()) {
      process->at_end([weak = weak_from_this()] {
        if (const auto socket = weak.lock()) socket->listener_.reset();
      });
    }
  }

  void send(std::string text) override {
    if (!closing_) connection_->send(side_, std::move(text));
  }
  void ping() override {
    if (!closing_) connection_->ping();
  }
  void close(net::CloseCode /*code*/, std::string reason) override {
    if (std::exchange(closing_, true) || closed_) return;
    const bool works = connection_->open(side_);
    connection_->close(side_);
    const auto process = process_.lock();
    if (!process) return;
    process->after(works ? Duration(milliseconds(20)) : kCloseDeadline,
                   [self = shared_from_this(), reason] { self->closed(reason); });
  }
  std::size_t queued_bytes() const override { return 0; }
  const std::string& remote_address() const override { return worker_; }

 private:
  void in_process(Event event) {
    if (const auto process = process_.lock()) process->run(std::move(event));
  }
  void closed(const std::string& reason) {
    closing_ = true;
    if (std::exchange(closed_, true)) return;
    const auto listener = std::exchange(listener_, nullptr);
    listener->on_close(net::CloseCode::kAbnormal, reason);
  }

  std::string worker_;
  Side side_;
  std::shared_ptr<Connection> connection_;
  std::weak_ptr<Process> process_;
  std::shared_ptr<net::WebSocketListener> listener_;
  const Tap& tap_;
  bool closing_ = false;
  bool closed_ = false;
};

Error refused(std::string_view why) {
  return {ErrorCode::kUnavailable, std::string(why), {}};
}

class Client final : public net::Client {
 public:
  Client(Network& network, std::string worker, const std::shared_ptr<Process>& process)
      : network_(network), worker_(std::move(worker)), process_(process) {}

  Task<Result<net::Response>> send(net::Request /*request*/) override {
    co_return fail(refused("workers only dial"));
  }
  Task<Result<net::Response>> stream(net::Request /*request*/,
                                     std::function<bool(std::string_view)> /*piece*/) override {
    co_return fail(refused("workers only dial"));
  }
  Task<Result<std::shared_ptr<net::WebSocket>>> connect_websocket(
      std::string /*url*/, net::Headers headers,
      std::shared_ptr<net::WebSocketListener> listener) override {
    // The answer may come after this coroutine has gone with its process.
    struct Answer {
      std::optional<Network::Dialled> dialled;
      Timer* wake = nullptr;
    };
    struct Waiting {
      explicit Waiting(const boost::asio::any_io_executor& executor) : timer(executor) {
        answer->wake = &timer;
      }
      ~Waiting() { answer->wake = nullptr; }
      Waiting(const Waiting&) = delete;
      Waiting& operator=(const Waiting&) = delete;
      std::shared_ptr<Answer> answer = std::make_shared<Answer>();
      Timer timer;
    };
    Waiting waiting(process_.lock()->executor());
    const auto answer = waiting.answer;
    auto done = [answer](Network::Dialled dialled) {
      answer->dialled = std::move(dialled);
      if (answer->wake != nullptr) answer->wake->expires_after(Duration::zero());
    };
    network_.dial(worker_, process_.lock(), std::move(headers), std::move(listener),
                  std::move(done));
    boost::system::error_code ignored;
    while (!answer->dialled) {
      co_await waiting.timer.async_wait(
          boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    if (!answer->dialled->socket) co_return fail(refused(answer->dialled->why));
    co_return std::move(answer->dialled->socket);
  }

 private:
  Network& network_;
  std::string worker_;
  std::weak_ptr<Process> process_;
};

}  // namespace

Network::~Network() {
  for (const auto& link : links_) link.connection->forget_ears();
}

void Network::listen(std::shared_ptr<Process> process, net::UpgradeHandler upgrade) {
  server_ = process;
  upgrade_ = std::move(upgrade);
}

std::unique_ptr<net::Client> Network::client(const std::string& worker,
                                             std::shared_ptr<Process> process) {
  return std::make_unique<Client>(*this, worker, process);
}

bool Network::separated(const std::string& worker) const {
  const auto found = separated_until_.find(worker);
  return found != separated_until_.end() && found->second > scheduler_.now();
}

void Network::dial(const std::string& worker, const std::shared_ptr<Process>& process,
                   net::Headers headers, std::shared_ptr<net::WebSocketListener> listener,
                   std::function<void(Dialled)> done) {
  const auto way = [this] { return between(random_, weather_.min_delay, weather_.max_delay); };
  const std::weak_ptr<Process> client = process;
  const auto answer = [client, done](Duration after, Dialled dialled) {
    if (const auto process = client.lock()) {
      process->after(after, [done, dialled = std::move(dialled)] { done(dialled); });
    }
  };
  if (separated(worker)) return answer(kConnectDeadline, {nullptr, "no answer"});
  scheduler_.after(way(), [this, worker, client, headers, listener, way, answer, done] {
    const auto server = server_.lock();
    const auto process = client.lock();
    if (!process) return;
    if (!server || server->ended()) return answer(way(), {nullptr, "connection refused"});
    auto connection = std::make_shared<Connection>(scheduler_, random_, weather_, true);
    links_.push_back({worker, connection, {process, server}});
    // Of this process: it may stand still and be replaced before it comes to it.
    server->run([this, worker, headers, connection, server, upgrade = upgrade_] {
      net::Request request;
      request.method = "GET";
      request.target = request.path = "/workers";
      request.headers = headers;
      auto decision = upgrade(request);
      if (!decision) return connection->close(Side::kHub);
      auto socket = std::make_shared<Socket>(worker, Side::kHub, connection, server,
                                             decision->listener, tap_);
      socket->open();
      decision->attach(socket);
    });
    auto socket =
        std::make_shared<Socket>(worker, Side::kWorker, connection, process, listener, tap_);
    // What the other side says before is kept until the worker listens.
    process->after(way(), [socket, done] {
      socket->open();
      done({socket, {}});
    });
  });
}

void Network::forget_closed() {
  std::erase_if(links_, [](const Link& link) {
    if (link.connection->open(Side::kWorker) || link.connection->open(Side::kHub)) return false;
    link.connection->forget_ears();
    return true;
  });
}

std::size_t Network::open_connections() {
  forget_closed();
  return links_.size();
}

void Network::cut(const std::string& worker, Loss loss) {
  forget_closed();
  for (const auto& link : links_) {
    if (link.worker != worker) continue;
    loss == Loss::kTold ? link.connection->cut() : link.connection->black_hole();
  }
}

void Network::stall(const std::string& worker, Duration time) {
  forget_closed();
  for (const auto& link : links_) {
    if (link.worker == worker) link.connection->stall_until(scheduler_.now() + time);
  }
}

void Network::separate(const std::string& worker, Duration time) {
  separated_until_[worker] = scheduler_.now() + time;
  chance(random_, 50) ? cut(worker, Loss::kUntold) : stall(worker, time);
}

void Network::heal() {
  separated_until_.clear();
}

void Network::ended(const std::shared_ptr<Process>& process) {
  forget_closed();
  for (const auto& link : links_) {
    for (const Side side : {Side::kWorker, Side::kHub}) {
      if (link.ends[index(side)].lock() == process) link.connection->close(side);
    }
  }
}

}  // namespace personas::simulation
