#include "personas/reactions/expiry_notices.hpp"

#include <boost/asio/post.hpp>

#include "personas/vault/expiries.hpp"

namespace personas::reactions {

using store::Transaction;

Task<Result<std::optional<Timestamp>>> ExpiryNotices::step() {
  const Timestamp now = clock_.wall();
  auto look = [](Transaction& tx) { return vault::next_expiry_notice(tx); };
  CO_TRY(const std::optional<Timestamp> next, co_await store_.read(look));
  if (!next || *next > now) co_return next;
  auto tell = [now](Transaction& tx) { return vault::tell_expiries(tx, now); };
  CO_TRY(const std::int64_t told, co_await store_.write(tell));
  static_cast<void>(told);
  co_return std::optional(now);
}

Task<void> ExpiryNotices::loop() {
  while (!background_.stopping()) {
    look_again_ = false;
    const auto next = co_await step();
    if (background_.stopping()) break;
    if (!next) {
      on_trouble_(next.error());
      co_await background_.rest(kPauseAfterTrouble);
      continue;
    }
    if (look_again_ || (*next && **next <= clock_.wall())) continue;
    alarm_.set(*next, [this] { background_.wake(); });
    co_await background_.rest();
    alarm_.set(std::nullopt, {});
  }
}

void ExpiryNotices::changed() {
  if (told_.exchange(true)) return;
  boost::asio::post(executor_, [this] {
    told_ = false;
    look_again_ = true;
    background_.wake();
  });
}

Task<void> ExpiryNotices::stop() {
  alarm_.set(std::nullopt, {});
  co_await background_.stop();
}

}  // namespace personas::reactions
