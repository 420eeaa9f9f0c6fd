#include "event_stream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "personas/net_beast/client.hpp"

namespace personas::bench {

EventStream::EventStream(Trial& trial, std::string_view path,
                         std::function<bool(std::string_view)> take)
    : client_(net_beast::make_client(trial.io(), {})) {
  net::Request request;
  request.method = "GET";
  request.target = fmt::format("http://127.0.0.1:{}{}", trial.server().http_port(), path);
  request.headers.set("Authorization", "Bearer " + trial.server().api_key());
  request.headers.set("Accept", "text/event-stream");
  boost::asio::co_spawn(
      trial.io(),
      client_->stream(std::move(request),
                      [this, take = std::move(take)](std::string_view piece) {
                        has_begun_ = true;
                        return take(piece);
                      }),
      [this, alive = alive_](const std::exception_ptr&, const Result<net::Response>& response) {
        if (!*alive) return;
        ended_ = response
                     ? fmt::format("the stream ended with {} {}", response->status, response->body)
                     : response.error().describe();
      });
}

}  // namespace personas::bench
