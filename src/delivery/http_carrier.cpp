// Deliveries over HTTP: one POST, signed unless the receiver knows no signatures.
#include <utility>

#include "personas/delivery/service.hpp"
#include "personas/webhook_auth/standard.hpp"

namespace personas::delivery {
namespace {

class HttpCarrier final : public Carrier {
 public:
  HttpCarrier(net::GuardedClient& client, std::string user_agent)
      : client_(client), user_agent_(std::move(user_agent)) {}

  Task<Outcome> carry(const Endpoint& endpoint, const Delivery& delivery,
                      std::span<const Secret> secrets, Timestamp now) override {
    net::Request request;
    request.method = "POST";
    request.target = endpoint.url;
    request.body = delivery.payload.text;
    request.headers.set("Content-Type", "application/json");
    request.headers.set("User-Agent", user_agent_);
    if (endpoint.kind == Kind::kSlack) {
      // Whoever knows the URL of such a hook may write there: it is the secret.
      if (secrets.empty()) co_return Outcome{.error = "The URL is lost; make the sink anew."};
      request.target = std::string(secrets.front().reveal());
    } else {
      auto proof = webhook_auth::sign(secrets, delivery.id.str(), now, request.body);
      if (!proof) co_return Outcome{.error = "There is no secret to sign with; rotate it."};
      request.headers.set(webhook_auth::kIdHeader, std::move(proof->id));
      request.headers.set(webhook_auth::kTimestampHeader, std::move(proof->timestamp));
      request.headers.set(webhook_auth::kSignatureHeader, std::move(proof->signature));
    }
    const auto response = co_await client_.send(std::move(request));
    if (!response) co_return Outcome{.error = response.error().message};
    co_return outcome_of(response->status, response->headers.get("Retry-After"), now);
  }

  void cut() override { client_.cut(); }

 private:
  net::GuardedClient& client_;
  std::string user_agent_;
};

}  // namespace

std::unique_ptr<Carrier> make_http_carrier(net::GuardedClient& client, std::string user_agent) {
  return std::make_unique<HttpCarrier>(client, std::move(user_agent));
}

}  // namespace personas::delivery
