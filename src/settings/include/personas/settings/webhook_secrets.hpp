// Which settings prove webhooks, and of whom.
#pragma once

#include <array>
#include <string_view>

#include "personas/settings/settings.hpp"
#include "personas/webhook_auth/verify.hpp"

namespace personas::settings {

struct WebhookSecret {
  webhook_auth::Preset preset;
  std::string_view setting;
  Secret Settings::* member;
};
inline constexpr std::array kWebhookSecrets = {
    WebhookSecret{webhook_auth::Preset::kGithub, "github-webhook-secret",
                  &Settings::github_webhook_secret},
    WebhookSecret{webhook_auth::Preset::kGitlab, "gitlab-webhook-secret",
                  &Settings::gitlab_webhook_secret},
    WebhookSecret{webhook_auth::Preset::kLinear, "linear-webhook-secret",
                  &Settings::linear_webhook_secret},
    WebhookSecret{webhook_auth::Preset::kSlack, "slack-signing-secret",
                  &Settings::slack_signing_secret},
    WebhookSecret{webhook_auth::Preset::kStandard, "standard-webhook-secret",
                  &Settings::standard_webhook_secret},
    WebhookSecret{webhook_auth::Preset::kStripe, "stripe-webhook-secret",
                  &Settings::stripe_webhook_secret}};

}  // namespace personas::settings
