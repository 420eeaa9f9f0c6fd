#include "observe.hpp"

#include <algorithm>

namespace personas::http_api {

RequestMetrics::RequestMetrics(telemetry::Metrics& metrics,
                               std::span<const operations::Operation> table)
    : metrics_(metrics), table_(table) {
  const auto add = [this](std::string_view name) {
    auto series = std::make_unique<Series>();
    series->name = name;
    series->seconds =
        &metrics_.histogram("personas_http_request_seconds", "Time until a request was answered",
                            {{"operation", series->name}});
    series_.push_back(std::move(series));
  };
  for (const auto& operation : table) add(operation.id);
  add("none");
}

void RequestMetrics::count(const operations::Operation* operation, int status, Duration took) {
  const auto index =
      operation == nullptr ? table_.size() : static_cast<std::size_t>(operation - table_.data());
  Series& series = *series_[index];
  series.seconds->observe(took);
  const auto place =
      static_cast<std::size_t>(std::ranges::find(kStatuses, status) - kStatuses.begin());
  auto* counter = series.by_status[place].load(std::memory_order_acquire);
  if (counter == nullptr) {
    const std::string text = place == kStatuses.size() ? "other" : std::to_string(status);
    counter = &metrics_.counter("personas_http_requests_total", "Requests answered",
                                {{"operation", series.name}, {"status", text}});
    series.by_status[place].store(counter, std::memory_order_release);
  }
  counter->add();
}

}  // namespace personas::http_api
