// What a webhook says, once it is known whose it is: the event it becomes on the bus.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "personas/webhook_auth/verify.hpp"

namespace personas::webhook_auth {

inline constexpr std::size_t kMaxBodyBytes = 5 * 1024 * 1024;
// Of the bus.
inline constexpr std::size_t kMaxEventType = 200;
inline constexpr std::size_t kMaxSource = 500;

struct Delivery {
  std::string delivery_id;  // that of the proof, or the one in the body; may be empty
  std::string event_type;   // "github_push"
  std::string source;       // "org/repository"; empty if the sender names none
  std::string payload;      // JSON text; a form's fields as an object
  std::optional<Timestamp> sent_at;
  // Slack asks for this to be answered, once, when the address is set up. No event then.
  std::optional<std::string> challenge;
};

// Parses `incoming.body`: call it with what authenticate() proved, or with an empty Proof if the
// request was let in by other means.
std::expected<Delivery, Refusal> read_delivery(Preset preset, const Proof& proof,
                                               const Incoming& incoming);

}  // namespace personas::webhook_auth
