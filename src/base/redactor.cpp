#include "personas/base/redactor.hpp"

#include <algorithm>
#include <utility>

namespace personas {

Redactor::Redactor(std::vector<NamedSecret> secrets) {
  for (auto& secret : secrets) {
    if (secret.value.size() >= kMinRedactedLength) secrets_.push_back(std::move(secret));
  }
  std::sort(secrets_.begin(), secrets_.end(), [](const auto& a, const auto& b) {
    return std::pair(b.value.size(), std::string_view(a.name)) <
           std::pair(a.value.size(), std::string_view(b.name));
  });
  for (const auto& secret : secrets_) {
    const char first = secret.value.reveal().front();
    if (first_bytes_.find(first) == std::string::npos) first_bytes_ += first;
  }
}

std::string Redactor::redact(std::string_view text) const {
  std::string out;
  redact_into(text, out, true);
  return out;
}

std::size_t Redactor::redact_into(std::string_view text, std::string& out, bool final_part) const {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t candidate = text.find_first_of(first_bytes_, at);
    if (first_bytes_.empty() || candidate == std::string_view::npos) break;
    out.append(text.substr(at, candidate - at));
    at = candidate;

    const std::string_view rest = text.substr(at);
    const NamedSecret* match = nullptr;
    bool could_begin_one = false;
    for (const auto& secret : secrets_) {
      const std::string_view value = secret.value.reveal();
      if (rest.starts_with(value)) {
        match = &secret;
        break;
      }
      // A longer value may still be completed by the next chunk: wait before a shorter one wins.
      if (!final_part && value.starts_with(rest)) {
        could_begin_one = true;
        break;
      }
    }
    if (could_begin_one) return at;
    if (match != nullptr) {
      out += "[redacted:" + match->name + "]";
      at += match->value.size();
    } else {
      out += text[at++];
    }
  }
  out.append(text.substr(at));
  return text.size();
}

std::string StreamRedactor::push(std::string_view chunk) {
  std::string out;
  if (held_.empty()) {
    const std::size_t consumed = redactor_->redact_into(chunk, out, false);
    held_.assign(chunk.substr(consumed));
    return out;
  }
  std::string text = std::exchange(held_, {});
  text.append(chunk);
  const std::size_t consumed = redactor_->redact_into(text, out, false);
  held_ = text.substr(consumed);
  wipe(text);
  return out;
}

std::string StreamRedactor::finish() {
  std::string out;
  redactor_->redact_into(held_, out, true);
  wipe(held_);
  return out;
}

}  // namespace personas
