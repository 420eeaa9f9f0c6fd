#include "personas/telemetry/metrics.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

#include <fmt/format.h>

namespace personas::telemetry {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

// a="1",b="2"
std::string rendered(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out += fmt::format("{}=\"{}\"", name, escaped(value));
  }
  return out;
}

std::string braced(std::string_view labels) {
  return labels.empty() ? std::string() : fmt::format("{{{}}}", labels);
}

void append_histogram(std::string& out, std::string_view name, std::string_view labels,
                      const Histogram& histogram) {
  const std::string separator = labels.empty() ? "" : ",";
  auto to = std::back_inserter(out);
  const auto& bounds = Histogram::kBoundsMicros;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    fmt::format_to(to, "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, separator,
                   static_cast<double>(bounds[i]) / 1e6, histogram.cumulative(i));
  }
  const auto count = histogram.cumulative(bounds.size());
  fmt::format_to(to, "{}_bucket{{{}{}le=\"+Inf\"}} {}\n", name, labels, separator, count);
  fmt::format_to(to, "{}_sum{} {}\n", name, braced(labels),
                 static_cast<double>(histogram.sum().count()) / 1e6);
  fmt::format_to(to, "{}_count{} {}\n", name, braced(labels), count);
}

}  // namespace

void Histogram::observe(Duration duration) {
  const std::int64_t micros = std::max<std::int64_t>(duration.count(), 0);
  const auto bucket = std::ranges::lower_bound(kBoundsMicros, micros) - kBoundsMicros.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_micros_.fetch_add(micros, std::memory_order_relaxed);
}

std::uint64_t Histogram::cumulative(std::size_t bucket) const {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= bucket; ++i) count += counts_[i].load(std::memory_order_relaxed);
  return count;
}

Metrics::Family& Metrics::family(std::string_view name, std::string_view help, Kind kind) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    found =
        families_.emplace(std::string(name), Family{kind, std::string(help), {}, {}, {}, {}}).first;
  }
  assert(found->second.kind == kind && "one name is one kind of metric");
  return found->second;
}

template <class Series>
Series& Metrics::find_or_add(std::map<std::string, Series*>& known, std::deque<Series>& all,
                             const Labels& labels, Series& overflow) {
  auto key = rendered(labels);
  if (const auto found = known.find(key); found != known.end()) return *found->second;
  if (series_ >= kMaxSeries) return overflow;
  ++series_;
  Series& series = all.emplace_back();
  known.emplace(std::move(key), &series);
  return series;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return find_or_add(family(name, help, Kind::kCounter).counters, counters_, labels,
                     counter_overflow_);
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return find_or_add(family(name, help, Kind::kGauge).gauges, gauges_, labels, gauge_overflow_);
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return find_or_add(family(name, help, Kind::kHistogram).histograms, histograms_, labels,
                     histogram_overflow_);
}

void Metrics::gauge_from(std::string_view name, std::string_view help,
                         std::function<std::int64_t()> read) {
  const std::lock_guard lock(mutex_);
  family(name, help, Kind::kGauge).read = std::move(read);
}

std::string Metrics::text() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  auto to = std::back_inserter(out);
  for (const auto& [name, family] : families_) {
    constexpr std::array kNames{"counter", "gauge", "histogram"};
    fmt::format_to(to, "# HELP {} {}\n# TYPE {} {}\n", name, family.help, name,
                   kNames[static_cast<std::size_t>(family.kind)]);
    for (const auto& [labels, series] : family.counters) {
      fmt::format_to(to, "{}{} {}\n", name, braced(labels), series->value());
    }
    for (const auto& [labels, series] : family.gauges) {
      fmt::format_to(to, "{}{} {}\n", name, braced(labels), series->value());
    }
    if (family.read) fmt::format_to(to, "{} {}\n", name, family.read());
    for (const auto& [labels, series] : family.histograms) {
      append_histogram(out, name, labels, *series);
    }
  }
  return out;
}

}  // namespace personas::telemetry
