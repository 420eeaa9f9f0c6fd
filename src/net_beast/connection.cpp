#include "connection.hpp"

#include <algorithm>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include "chunk_decoder.hpp"
#include "http_text.hpp"
#include "websocket_session.hpp"

namespace personas::net_beast {
namespace {

// How long we read on after the last answer, so that the peer sees it before the socket closes.
constexpr Duration kLinger = seconds(2);
// An idle connection keeps at most this much of its buffer.
constexpr std::size_t kIdleBytes = 1024;
// Larger bodies are not rendered into the shared buffer.
constexpr std::size_t kSmallBodyBytes = 64 * 1024;
// A claimed length reserves no more than this before the bytes are there.
constexpr std::size_t kBodyReserve = 64 * 1024;
// What a client may send while it is being streamed to.
constexpr std::size_t kMaxAhead = 16 * 1024;

bool is_loopback_address(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

}  // namespace

Seat::Seat(std::shared_ptr<ServerShared> shared, std::string address)
    : shared_(std::move(shared)),
      address_(std::move(address)),
      loopback_(is_loopback_address(address_)) {
  const net::ServerLimits& limits = shared_->options.limits;
  fits_ = ++shared_->open <= limits.max_connections;
  if (!loopback_ && ++shared_->per_address[address_] > limits.max_connections_per_address) {
    fits_ = false;
  }
}

Seat::~Seat() {
  --shared_->open;
  if (loopback_) return;
  const auto entry = shared_->per_address.find(address_);
  if (--entry->second == 0) shared_->per_address.erase(entry);
}

// The body of a streaming response, and the eye on the peer while nothing is written.
class Connection::LiveStream final : public net::ResponseStream {
 public:
  LiveStream(Connection& connection, BodyForm form) : connection_(connection), form_(form) {}

  Task<Result<void>> write(std::string piece) override {
    if (closed()) co_return fail(ErrorCode::kUnavailable, "The reader of the stream is gone.");
    if (piece.empty()) co_return Result<void>{};
    if (form_ == BodyForm::kChunked) {
      std::string chunk;
      append_chunk(chunk, piece);
      piece = std::move(chunk);
    }
    if (!co_await connection_.send(std::move(piece))) {
      connection_.peer_gone_ = true;
      co_return fail(ErrorCode::kUnavailable, "The reader of the stream is gone.");
    }
    co_return Result<void>{};
  }

  bool closed() const override { return connection_.peer_gone_ || connection_.shared_->draining; }

 private:
  Connection& connection_;
  BodyForm form_;
};

Connection::Connection(std::shared_ptr<ServerShared> shared, Socket socket, std::string address)
    : Peer(Stream(std::move(socket))),
      shared_(std::move(shared)),
      seat_(std::make_shared<Seat>(shared_, std::move(address))),
      last_seen_(shared_->loop.roster.now()) {
  shared_->loop.roster.enter(*this);
}

void Connection::start() {
  // The completion holds us too: Asio looks at the cancellation slot once more after run() is over.
  auto self = shared_from_this();
  boost::asio::co_spawn(
      shared_->loop.io, run(self),
      boost::asio::bind_cancellation_slot(cancelled_.slot(), [self](std::exception_ptr) {}));
}

void Connection::drain() {
  if (phase_ == Phase::kIdle) stream_->cancel();
}

void Connection::abort() {
  if (stream_) stream_->close();
  cancelled_.emit(boost::asio::cancellation_type::terminal);
}

Task<void> Connection::run(std::shared_ptr<Connection> self) {
  try {
    if (co_await self->begin()) {
      while (co_await self->serve_one()) {
      }
    }
  } catch (const std::exception&) {
    // Only abort() ends a wait of ours by an exception.
  }
  if (self->stream_) self->stream_->close();
}

Task<bool> Connection::begin() {
  const net::ServerLimits& limits = shared_->options.limits;
  if (shared_->tls) {
    if (!stream_->start_tls(make_server_ssl(shared_->tls.get()))) co_return false;
    stream_->set_deadline(last_seen_ + limits.handshake_deadline);
    if (!seat_->fits() || !co_await stream_->handshake()) {
      ++shared_->refused;
      co_return false;
    }
    stream_->clear_deadline();
  }
  if (!seat_->fits()) {
    co_await refuse({ErrorCode::kUnavailable, "There are too many connections.", {}});
    co_return false;
  }
  co_return true;
}

Task<bool> Connection::serve_one() {
  auto head = co_await read_head();
  if (!head) {
    co_await refuse(std::move(head).error());
    co_return false;
  }
  if (!*head) co_return false;
  RequestHead& request = **head;
  if (request.upgrades_to_websocket && shared_->upgrade) {
    co_await upgrade(std::move(request));
    co_return false;
  }
  if (request.body != BodyKind::kNone) {
    auto whole = co_await read_body(request);
    if (!whole) {
      co_await refuse(std::move(whole).error());
      co_return false;
    }
    if (!*whole) co_return false;
  }
  shared_->requests.fetch_add(1, std::memory_order_relaxed);
  net::Response response = co_await call_handler(std::move(request.request));
  co_return co_await respond(std::move(response), request);
}

// --- reading -------------------------------------------------------------------------------------

void Connection::take(std::size_t bytes) {
  taken_ += bytes;
  if (taken_ < in_.size()) return;
  taken_ = 0;
  in_.clear();
  if (in_.capacity() > kIdleBytes) in_ = {};
}

Task<bool> Connection::fill() {
  for (;;) {
    Io want = Io::kWantRead;
    if (!drained_socket_) {
      std::vector<char>& scratch = shared_->loop.scratch;
      const IoResult result = stream_->try_read(scratch);
      if (result.io == Io::kDone) {
        in_.erase(0, std::exchange(taken_, 0));
        in_.append(scratch.data(), result.bytes);
        drained_socket_ = !stream_->over_tls() && result.bytes < scratch.size();
        co_return true;
      }
      if (result.io != Io::kWantRead && result.io != Io::kWantWrite) co_return false;
      want = result.io;
    }
    if (!co_await stream_->wait(want)) co_return false;
    drained_socket_ = false;
  }
}

Task<Result<std::optional<RequestHead>>> Connection::read_head() {
  const net::ServerLimits& limits = shared_->options.limits;
  if (buffered().empty()) {
    if (shared_->draining) co_return std::nullopt;
    phase_ = Phase::kIdle;
    stream_->set_deadline(last_seen_ + limits.idle_deadline);
    const bool came = co_await fill();
    phase_ = Phase::kBusy;
    if (!came) co_return std::nullopt;
  }
  last_seen_ = shared_->loop.roster.now();
  stream_->set_deadline(last_seen_ + limits.header_deadline);
  scanner_.reset();
  for (;;) {
    CO_TRY(const std::size_t size, scanner_.scan(buffered(), limits));
    if (size > 0) {
      CO_TRY(RequestHead head, parse_request_head(buffered().substr(0, size), limits));
      take(size);
      stream_->clear_deadline();
      head.request.remote_address = seat_->address();
      head.request.over_tls = stream_->over_tls();
      head.request.from_loopback = seat_->is_loopback();
      head.request.received = last_seen_;
      co_return std::move(head);
    }
    if (co_await fill()) continue;
    if (!stream_->expired()) co_return std::nullopt;
    co_return fail(ErrorCode::kRequestTimeout, "The header section came too slowly.");
  }
}

Instant Connection::body_deadline(Instant start, std::size_t received) const {
  const net::ServerLimits& limits = shared_->options.limits;
  const std::size_t rate = std::max<std::size_t>(limits.min_body_rate, 1);
  return start + limits.body_grace +
         Duration(static_cast<std::int64_t>(received * 1'000'000 / rate));
}

Task<Result<bool>> Connection::read_body(RequestHead& head) {
  if (head.body == BodyKind::kLength &&
      head.content_length > shared_->options.limits.max_body_bytes) {
    co_return fail(ErrorCode::kPayloadTooLarge, "The body is too large.");
  }
  if (head.expects_continue && buffered().empty()) {
    if (!co_await send("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
  }
  auto whole = head.body == BodyKind::kLength ? co_await read_sized_body(head)
                                              : co_await read_chunked_body(head);
  stream_->clear_deadline();
  if (whole && !*whole && stream_->expired()) {
    co_return fail(ErrorCode::kRequestTimeout, "The body came too slowly.");
  }
  co_return whole;
}

Task<Result<bool>> Connection::read_sized_body(RequestHead& head) {
  std::string& body = head.request.body;
  body.reserve(std::min<std::uint64_t>(head.content_length, kBodyReserve));
  for (;;) {
    const std::size_t missing = head.content_length - body.size();
    const std::string_view piece = buffered().substr(0, missing);
    body.append(piece);
    take(piece.size());
    if (body.size() == head.content_length) co_return true;
    stream_->set_deadline(body_deadline(last_seen_, body.size()));
    if (!co_await fill()) co_return false;
  }
}

Task<Result<bool>> Connection::read_chunked_body(RequestHead& head) {
  ChunkDecoder decoder(shared_->options.limits.max_body_bytes);
  for (;;) {
    const std::string_view before = buffered();
    std::string_view rest = before;
    const auto state = decoder.feed(rest, head.request.body);
    take(before.size() - rest.size());
    switch (state) {
      case ChunkDecoder::State::kDone:
        co_return true;
      case ChunkDecoder::State::kTooLarge:
        co_return fail(ErrorCode::kPayloadTooLarge, "The body is too large.");
      case ChunkDecoder::State::kMalformed:
        co_return fail(ErrorCode::kInvalidRequest, "The chunked body is malformed.");
      case ChunkDecoder::State::kMore:
        break;
    }
    stream_->set_deadline(body_deadline(last_seen_, head.request.body.size()));
    if (!co_await fill()) co_return false;
  }
}

// --- answering -----------------------------------------------------------------------------------

Task<net::Response> Connection::call_handler(net::Request request) {
  try {
    net::Response response = co_await shared_->handler(std::move(request));
    if (is_writable(response.headers)) co_return response;
  } catch (const std::exception&) {
    // A bug of the handler; it costs one answer and not the server.
  }
  co_return shared_->on_error({ErrorCode::kInternal, "The request could not be handled.", {}});
}

Task<bool> Connection::send(std::string bytes) {
  const net::ServerLimits& limits = shared_->options.limits;
  co_return co_await stream_->write(bytes, shared_->loop.roster.now() + limits.write_deadline,
                                    limits.min_body_rate);
}

Task<bool> Connection::respond(net::Response response, const RequestHead& head) {
  if (response.stream && head.wants_body) {
    co_return co_await respond_stream(std::move(response), head);
  }
  const bool keep = head.keep_alive && !shared_->draining;
  std::string& out = shared_->out;
  out.clear();
  append_head(out, response, response.stream ? BodyForm::kUntilClose : BodyForm::kSized,
              keep ? Persistence::kKeepAlive : Persistence::kClose);
  const bool with_body = head.wants_body && allows_body(response.status);
  if (with_body && response.body.size() <= kSmallBodyBytes) {
    out += response.body;
    response.body.clear();
  }
  const IoResult result = stream_->try_write(out);
  if (result.io == Io::kEnd || result.io == Io::kBroken) co_return false;
  if (result.bytes < out.size() && !co_await send(out.substr(result.bytes))) co_return false;
  if (with_body && !response.body.empty() && !co_await send(std::move(response.body))) {
    co_return false;
  }
  co_return keep;
}

Task<bool> Connection::respond_stream(net::Response response, const RequestHead& head) {
  const bool chunked = head.version == HttpVersion::k11;
  const bool keep = head.keep_alive && chunked && !shared_->draining;
  const BodyForm form = chunked ? BodyForm::kChunked : BodyForm::kUntilClose;
  std::string start;
  append_head(start, response, form, keep ? Persistence::kKeepAlive : Persistence::kClose);
  if (!co_await send(std::move(start))) co_return false;

  LiveStream live(*this, form);
  phase_ = Phase::kStreaming;
  watch();
  bool complete = true;
  try {
    co_await response.stream(live);
  } catch (const std::exception&) {
    complete = false;  // cut short, so that the client sees that it is not whole
  }
  ++watch_;  // the watch that is pending finds itself outdated
  stream_->cancel();
  phase_ = Phase::kBusy;
  drained_socket_ = false;
  if (!complete || peer_gone_) co_return false;
  if (chunked && !co_await send("0\r\n\r\n")) co_return false;
  co_return keep && !shared_->draining;
}

void Connection::watch() {
  stream_->when_ready(Io::kWantRead, [self = shared_from_this(), watch = watch_](
                                         boost::system::error_code) { self->watched(watch); });
}

void Connection::watched(std::uint64_t watch) {
  if (watch != watch_ || !stream_) return;
  std::vector<char>& scratch = shared_->loop.scratch;
  const IoResult result = stream_->try_read(scratch);
  if (result.io == Io::kDone) {
    in_.append(scratch.data(), result.bytes);
    if (in_.size() > kMaxAhead) peer_gone_ = true;
  } else if (result.io != Io::kWantRead && result.io != Io::kWantWrite) {
    peer_gone_ = true;
  }
  if (stream_->expired()) peer_gone_ = true;
  if (!peer_gone_) this->watch();
}

Task<void> Connection::refuse(Error error) {
  ++shared_->refused;
  const net::Response response = shared_->on_error(error);
  stream_->clear_expired();
  std::string out;
  append_head(out, response, BodyForm::kSized, Persistence::kClose);
  if (allows_body(response.status)) out += response.body;
  if (!co_await send(std::move(out))) co_return;
  stream_->shutdown_send();
  stream_->set_deadline(shared_->loop.roster.now() + kLinger);
  in_ = {};
  do {
    in_.clear();
    taken_ = 0;
  } while (co_await fill());
}

// --- WebSocket -----------------------------------------------------------------------------------

Task<void> Connection::upgrade(RequestHead head) {
  const net::Request& request = head.request;
  const net::ServerLimits& limits = shared_->options.limits;
  const std::string_view key = request.headers.get("Sec-WebSocket-Key");
  if (!is_websocket_key(key) || request.headers.get("Sec-WebSocket-Version") != "13") {
    co_return co_await refuse(
        {ErrorCode::kInvalidRequest, "The WebSocket handshake must be of version 13.", {}});
  }
  const std::string* origin = request.headers.find("Origin");
  if (origin != nullptr &&
      !is_same_origin(*origin, request.headers.get("Host"), request.over_tls) &&
      std::ranges::none_of(shared_->options.websocket_origins, [&](const std::string& allowed) {
        return allowed == "*" || allowed == *origin;
      })) {
    co_return co_await refuse(
        {ErrorCode::kForbidden, "A page of another site may not connect here.", {}});
  }
  if (shared_->draining) {
    co_return co_await refuse({ErrorCode::kShuttingDown, "The server is stopping.", {}});
  }
  auto decision = shared_->upgrade(request);
  if (!decision) co_return co_await refuse(std::move(decision).error());

  std::string out =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      websocket_accept(key) + "\r\n";
  if (!decision->subprotocol.empty()) {
    out += "Sec-WebSocket-Protocol: " + decision->subprotocol + "\r\n";
  }
  out += "\r\n";
  const Instant deadline = last_seen_ + limits.handshake_deadline;
  if (!co_await stream_->write(out, deadline, limits.min_body_rate)) co_return;
  shared_->requests.fetch_add(1, std::memory_order_relaxed);

  if (!decision->run) leave();  // else listed until it has returned
  auto session = std::make_shared<WebSocketSession>(
      shared_->loop, std::move(*stream_), FrameReader(Role::kServer, limits.max_frame_bytes),
      FrameWriter(Role::kServer),
      WebSocketLimits{limits.max_frame_bytes, limits.max_send_queue_bytes,
                      decision->write_deadline.value_or(limits.write_deadline),
                      limits.handshake_deadline},
      seat_->address(), seat_);
  stream_.reset();
  seat_.reset();
  if (decision->attach) decision->attach(session);
  session->start(std::move(decision->listener), std::string(buffered()));
  if (shared_->draining) session->drain();
  in_ = {};
  if (decision->run) co_await decision->run(std::move(session));
}

}  // namespace personas::net_beast
