// Deliveries by e-mail: through the sink's own server, or the platform's.
#include <utility>

#include <fmt/format.h>

#include "personas/delivery/service.hpp"

#include "mail_message.hpp"

namespace personas::delivery {
namespace {

// Failed attempts after which those recipients get it whom the server takes now.
constexpr std::int64_t kPatientAttempts = 2;

class MailCarrier final : public Carrier {
 public:
  MailCarrier(net::MailClient& client, MailDefaults defaults, net::PrivateTargets targets)
      : client_(client), defaults_(std::move(defaults)), targets_(targets) {}

  Task<Outcome> carry(const Endpoint& endpoint, const Delivery& delivery,
                      std::span<const Secret> secrets, Timestamp) override {
    auto job = job_for(endpoint, delivery, secrets);
    if (!job) co_return Outcome{.error = job.error().message, .then = Outcome::Then::kGiveUp};
    const auto answer = co_await client_.send(std::move(*job));
    if (!answer) co_return Outcome{.error = answer.error().message};
    const bool login = answer->step == net::MailAnswer::Step::kLogin;
    Outcome outcome =
        outcome_of_smtp(answer->code, answer->text, login ? SmtpStep::kLogin : SmtpStep::kMessage);
    if (!answer->refused.empty()) {
      outcome.note = fmt::format("Not to {}.", fmt::join(answer->refused, "; "));
    }
    co_return outcome;
  }

  void cut() override { client_.cut(); }

 private:
  Result<net::MailJob> job_for(const Endpoint& endpoint, const Delivery& delivery,
                               std::span<const Secret> secrets) const {
    const MailRoute route = endpoint.mail.value_or(MailRoute{});
    net::MailJob job;
    job.to = route.to;
    job.from = route.from.value_or(defaults_.from);
    if (delivery.attempts >= kPatientAttempts) {
      job.deferred = net::MailJob::Deferred::kOthersNow;
    }
    if (endpoint.url.empty()) {
      // Chosen by whoever runs the platform, who may mean the relay beside it.
      job.targets = net::PrivateTargets::kAllowed;
      job.user = defaults_.user;
      job.password = defaults_.password.clone();
    } else {
      job.targets = targets_;
      job.user = route.user.value_or("");
      if (!secrets.empty()) job.password = secrets.front().clone();
    }
    const std::string& url = endpoint.url.empty() ? defaults_.server : endpoint.url;
    if (url.empty() || job.from.empty()) {
      return fail(ErrorCode::kMisconfigured,
                  "There is no mail server or no sender: set smtp-url and smtp-from, or name both "
                  "in the sink.");
    }
    TRY(job.server, net::vet_mail_server(url, job.targets));
    TRY(job.message, mail_message(delivery, job.from, job.to));
    return job;
  }

  net::MailClient& client_;
  MailDefaults defaults_;
  net::PrivateTargets targets_;
};

}  // namespace

std::unique_ptr<Carrier> make_mail_carrier(net::MailClient& client, MailDefaults defaults,
                                           net::PrivateTargets targets) {
  return std::make_unique<MailCarrier>(client, std::move(defaults), targets);
}

}  // namespace personas::delivery
