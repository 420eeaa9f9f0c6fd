// Replaces exact secret values in text by "[redacted:NAME]".
//
// Redactor is immutable and may be shared between threads. StreamRedactor masks a stream that comes
// in arbitrary chunks: it holds back at most (longest value − 1) bytes, and only while they could
// be the start of a value. Values shorter than kMinRedactedLength are not masked: replacing a
// two-letter value everywhere would destroy the output and reveal the value by its absence.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/secret.hpp"

namespace personas {

inline constexpr std::size_t kMinRedactedLength = 6;

struct NamedSecret {
  std::string name;
  Secret value;
};

class Redactor {
 public:
  Redactor() = default;
  explicit Redactor(std::vector<NamedSecret> secrets);

  bool empty() const { return secrets_.empty(); }
  std::string redact(std::string_view text) const;

 private:
  friend class StreamRedactor;
  // Appends the masked form of `text` to `out`; returns how many bytes were consumed. With
  // `final_part` everything is; otherwise a tail that may begin a value is left.
  std::size_t redact_into(std::string_view text, std::string& out, bool final_part) const;

  std::vector<NamedSecret> secrets_;  // longest value first
  std::string first_bytes_;           // distinct first bytes of the values
};

class StreamRedactor {
 public:
  explicit StreamRedactor(std::shared_ptr<const Redactor> redactor)
      : redactor_(std::move(redactor)) {}

  // The part of held text plus `chunk` that is safe to pass on.
  std::string push(std::string_view chunk);
  // What was held back, at the end of the stream.
  std::string finish();
  bool holds_back() const { return !held_.empty(); }

 private:
  std::shared_ptr<const Redactor> redactor_;
  std::string held_;
};

}  // namespace personas
