#include "personas/base/redactor.hpp"

#include <algorithm>
#include <utility>

#include "pattern_scan.hpp"
#include "secret_forms.hpp"

namespace personas {
namespace {

struct Patterns {
  std::vector<Pattern> exact;
  std::vector<Pattern> armoured;

  ~Patterns() {
    for (auto* patterns : {&exact, &armoured}) {
      for (auto& pattern : *patterns) wipe(pattern.text);
    }
  }
};

Patterns patterns_of(const std::vector<const NamedSecret*>& secrets) {
  Patterns patterns;
  for (std::uint32_t owner = 0; owner < secrets.size(); ++owner) {
    auto forms = forms_of(secrets[owner]->value.reveal(), kMinRedactedLength);
    for (auto& text : forms.exact) patterns.exact.push_back({std::move(text), owner});
    for (auto& text : forms.armoured) patterns.armoured.push_back({std::move(text), owner});
  }
  return patterns;
}

// By name, so that which of two equal values gives its name does not depend on their order.
std::vector<const NamedSecret*> to_be_masked(const std::vector<NamedSecret>& secrets) {
  std::vector<const NamedSecret*> found;
  for (const auto& secret : secrets) {
    const bool wanted = secret.masked == Masked::kYes;
    if (wanted && secret.value.size() >= kMinRedactedLength) found.push_back(&secret);
  }
  std::ranges::sort(found, {}, [](const NamedSecret* secret) {
    return std::pair(std::string_view(secret->name), secret);
  });
  return found;
}

}  // namespace

struct Redactor::Engine {
  explicit Engine(const std::vector<const NamedSecret*>& secrets)
      : Engine(secrets, patterns_of(secrets)) {}

  PatternScan scan;
  std::vector<std::string> marks;

 private:
  Engine(const std::vector<const NamedSecret*>& secrets, const Patterns& patterns)
      : scan(patterns.exact, patterns.armoured) {
    for (const auto* secret : secrets) marks.push_back("[redacted:" + secret->name + "]");
  }
};

// Where a stream is: what was scanned, and the text that was not passed on yet.
struct StreamRedactor::State {
  PatternScan::Progress progress;
  std::string held;
  std::uint64_t passed = 0;  // offset of the first byte of `held`

  // Passes on what is before `settled`, given the text from `passed` on.
  void pass_on(const std::vector<std::string>& marks, std::string_view text, std::uint64_t settled,
               std::string& out) {
    const std::uint64_t base = passed;
    const auto copy_to = [&](std::uint64_t end) {
      if (end > passed) out.append(text.substr(passed - base, end - passed));
      passed = std::max(passed, end);
    };
    auto& spans = progress.spans;
    std::size_t done = 0;
    for (; done < spans.size() && spans[done].end <= settled; ++done) {
      copy_to(spans[done].begin);
      out += marks[spans[done].owner];
      passed = spans[done].end;
    }
    spans.erase(spans.begin(), spans.begin() + static_cast<std::ptrdiff_t>(done));
    if (!spans.empty() && spans.front().begin < settled) {
      copy_to(spans.front().begin);
      passed = settled;  // inside a value: not needed any more, however long it grows
    } else {
      copy_to(settled);
    }
  }
};

Redactor::Redactor(const std::vector<NamedSecret>& secrets) {
  const auto masked = to_be_masked(secrets);
  if (!masked.empty()) engine_ = std::make_shared<const Engine>(masked);
}

std::string Redactor::redact(std::string_view text) const {
  if (engine_ == nullptr) return std::string(text);
  StreamRedactor::State state;
  engine_->scan.scan(text, state.progress);
  std::string out;
  state.pass_on(engine_->marks, text, text.size(), out);
  return out;
}

Redactor::Found Redactor::find(std::string_view text) const {
  Found found;
  found.settled = text.size();
  if (engine_ == nullptr) return found;
  PatternScan::Progress progress;
  engine_->scan.scan(text, progress);
  found.settled = progress.settled;
  for (const auto& span : progress.spans) found.spans.push_back({span.begin, span.end});
  return found;
}

bool Redactor::Found::may_cut_at(std::size_t offset) const {
  if (offset > settled) return false;
  return std::ranges::none_of(
      spans, [offset](const Span& span) { return span.begin < offset && offset < span.end; });
}

StreamRedactor::StreamRedactor(std::shared_ptr<const Redactor> redactor)
    : redactor_(std::move(redactor)) {
  if (!redactor_->empty()) state_ = std::make_unique<State>();
}

StreamRedactor::~StreamRedactor() {
  if (state_) wipe(state_->held);
}
StreamRedactor::StreamRedactor(StreamRedactor&&) noexcept = default;
StreamRedactor& StreamRedactor::operator=(StreamRedactor&&) noexcept = default;

bool StreamRedactor::holds_back() const {
  return state_ && (!state_->held.empty() || !state_->progress.spans.empty());
}

std::string StreamRedactor::push(std::string_view chunk) {
  if (!state_) return std::string(chunk);
  const auto& engine = *redactor_->engine_;
  auto& state = *state_;
  engine.scan.scan(chunk, state.progress);
  std::string out;
  out.reserve(state.held.size() + chunk.size());
  if (state.held.empty()) {
    state.pass_on(engine.marks, chunk, state.progress.settled, out);
    state.held = chunk.substr(chunk.size() - (state.progress.offset - state.passed));
    return out;
  }
  std::string text = std::exchange(state.held, {});
  text.append(chunk);
  state.pass_on(engine.marks, text, state.progress.settled, out);
  state.held = text.substr(text.size() - (state.progress.offset - state.passed));
  wipe(text);
  return out;
}

std::string StreamRedactor::finish() {
  std::string out;
  if (!state_) return out;
  auto& state = *state_;
  state.pass_on(redactor_->engine_->marks, state.held, state.progress.offset, out);
  wipe(state.held);
  state = State();
  return out;
}

}  // namespace personas
