// mask: how fast an agent's output is searched for the forms of its secrets, as the worker does it:
// in chunks of a pipe. No server takes part.
#include <array>
#include <memory>

#include <fmt/format.h>

#include "personas/base/clock.hpp"
#include "personas/base/redactor.hpp"

#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr double kMustMbPerSecond = 50;  // what an agent never writes
constexpr double kAimMbPerSecond = 500;
constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kBytes = 32 * 1024 * 1024;  // larger than any cache
constexpr int kRepeats = 3;                       // the median counts

// Tokens of two usual lengths; the same at every run.
std::vector<NamedSecret> secrets(std::size_t count) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  SeededRandom random(7);
  std::vector<NamedSecret> made;
  while (made.size() < count) {
    std::string token = "sk-ant-";
    const std::size_t length = made.size() % 2 == 0 ? 108 : 40;
    while (token.size() < length) token += kAlphabet[random.below(kAlphabet.size())];
    made.push_back({fmt::format("S{}", made.size()), Secret(std::move(token))});
  }
  return made;
}

std::string repeated(std::string_view text) {
  std::string out;
  out.reserve(kBytes + text.size());
  while (out.size() < kBytes) out += text;
  return out;
}

double mb_per_second(const std::shared_ptr<const Redactor>& redactor, std::string_view text) {
  std::vector<double> rates;
  for (int i = 0; i < kRepeats; ++i) {
    StreamRedactor stream(redactor);
    const SteadyTime start = SteadyClock::now();
    for (std::size_t at = 0; at < text.size(); at += kChunk) stream.push(text.substr(at, kChunk));
    stream.finish();
    rates.push_back(static_cast<double>(text.size()) / 1e3 / ms_between(start, SteadyClock::now()));
  }
  return percentile(rates, 0.5);
}

}  // namespace

Measured measure_mask(const Options&) {
  const std::string usual = repeated(
      R"({"type":"assistant","message":{"content":[)"
      R"({"type":"text","text":"I read src/main.cpp\n"}]}})"
      "\n  42\t  if (name == \"value_7\") return {.size = 294};\n");
  std::vector<Measurement> figures;
  for (const std::size_t count : {1U, 4U, 16U}) {
    const auto redactor = std::make_shared<const Redactor>(secrets(count));
    figures.push_back({.figure = fmt::format("output without hits, {} secrets", count),
                       .unit = "MB/s",
                       .value = mb_per_second(redactor, usual),
                       .must = kMustMbPerSecond,
                       .aim = kAimMbPerSecond,
                       .better = Better::kHigher});
  }
  const auto worst = secrets(4);
  const auto redactor = std::make_shared<const Redactor>(worst);
  figures.push_back(
      {.figure = "nothing but beginnings of a secret",
       .unit = "MB/s",
       .value = mb_per_second(redactor, repeated(worst.front().value.reveal().substr(0, 60))),
       .must = kMustMbPerSecond,
       .better = Better::kHigher});
  return figures;
}

}  // namespace personas::bench
