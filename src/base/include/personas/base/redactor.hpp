// Replaces secret values in text by "[redacted:NAME]": the values themselves and the forms that
// programs commonly give them (JSON strings, base64 at every alignment, hexadecimal, percent
// encoding; secret_forms.hpp). Values that overlap are replaced as one.
//
// Redactor is immutable and may be shared between threads. Its cost is linear in the text, and most
// of a text without secrets is skipped over. StreamRedactor masks a stream that comes in arbitrary
// chunks and gives the same text however it is cut: it holds back at most (longest form − 1) bytes,
// and only while they could be the start of one. A base64 or hexadecimal form may be broken into
// lines; then the breaks are held back too, at most a quarter of the form more.
//
// Values shorter than kMinRedactedLength are not masked: replacing a two-letter value everywhere
// would destroy the output and reveal the value by its absence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/secret.hpp"

namespace personas {

inline constexpr std::size_t kMinRedactedLength = 6;

// kNo: handed over with secrets, but none itself: an address, a user's name.
enum class Masked : std::uint8_t { kNo, kYes };

struct NamedSecret {
  std::string name;
  Secret value;
  Masked masked = Masked::kYes;
};

class Redactor {
 public:
  Redactor() = default;
  explicit Redactor(const std::vector<NamedSecret>& secrets);

  bool empty() const { return engine_ == nullptr; }
  std::string redact(std::string_view text) const;

  // Where `text` may be cut so that both parts can be masked apart: not inside a found value, and
  // not behind `settled`, where one may have begun.
  struct Found {
    struct Span {
      std::size_t begin;
      std::size_t end;
    };
    std::vector<Span> spans;  // in order, disjoint
    std::size_t settled = 0;

    bool may_cut_at(std::size_t offset) const;
  };
  Found find(std::string_view text) const;

 private:
  friend class StreamRedactor;
  struct Engine;
  std::shared_ptr<const Engine> engine_;
};

class StreamRedactor {
 public:
  explicit StreamRedactor(std::shared_ptr<const Redactor> redactor);
  ~StreamRedactor();
  StreamRedactor(StreamRedactor&&) noexcept;
  StreamRedactor& operator=(StreamRedactor&&) noexcept;

  // The part of held text plus `chunk` that is safe to pass on.
  std::string push(std::string_view chunk);
  // What was held back, at the end of the stream.
  std::string finish();
  bool holds_back() const;

 private:
  friend class Redactor;
  struct State;
  std::shared_ptr<const Redactor> redactor_;
  std::unique_ptr<State> state_;  // none: there is nothing to mask
};

}  // namespace personas
