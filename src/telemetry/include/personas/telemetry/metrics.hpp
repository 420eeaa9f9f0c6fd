// Counters, gauges and histograms, shown in the text format of Prometheus.
//
// A series lives as long as its registry, so that its user looks it up once and keeps the
// reference. Increments are lock-free; look-ups and text() take a lock. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personas/base/time.hpp"

namespace personas::telemetry {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Durations. The buckets suit everything from a look-up in memory to a waiting request.
class Histogram {
 public:
  static constexpr std::array<std::int64_t, 14> kBoundsMicros{
      50,     100,    250,     500,     1'000,     2'500,     5'000,
      10'000, 25'000, 100'000, 500'000, 1'000'000, 5'000'000, 30'000'000};

  void observe(Duration duration);
  // How many were at most kBoundsMicros[bucket]; kBoundsMicros.size() counts all.
  std::uint64_t cumulative(std::size_t bucket) const;
  Duration sum() const { return Duration(sum_micros_.load(std::memory_order_relaxed)); }

 private:
  std::array<std::atomic<std::uint64_t>, kBoundsMicros.size() + 1> counts_{};
  std::atomic<std::int64_t> sum_micros_{0};
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// More would be a label that holds user data. Later series all share one that is not shown.
inline constexpr std::size_t kMaxSeries = 10'000;

class Metrics {
 public:
  // The series of this name and these labels; made when it is new. `help` of the first counts.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, Labels labels = {});
  // A gauge whose value is asked for when the metrics are read. Must not call back into Metrics.
  void gauge_from(std::string_view name, std::string_view help, std::function<std::int64_t()> read);

  std::string text() const;

 private:
  enum class Kind : std::uint8_t { kCounter, kGauge, kHistogram };
  struct Family {
    Kind kind;
    std::string help;
    std::map<std::string, Counter*> counters;  // by rendered labels
    std::map<std::string, Gauge*> gauges;
    std::map<std::string, Histogram*> histograms;
    std::function<std::int64_t()> read;
  };

  Family& family(std::string_view name, std::string_view help, Kind kind);
  template <class Series>
  Series& find_or_add(std::map<std::string, Series*>& known, std::deque<Series>& all,
                      const Labels& labels, Series& overflow);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
  std::deque<Counter> counters_;  // deques: series never move
  std::deque<Gauge> gauges_;
  std::deque<Histogram> histograms_;
  std::size_t series_ = 0;
  Counter counter_overflow_;
  Gauge gauge_overflow_;
  Histogram histogram_overflow_;
};

}  // namespace personas::telemetry
