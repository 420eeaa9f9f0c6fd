// Metrics of requests: per operation, how many with which status, and how long they took. The
// series are found once, so that counting a request costs two increments. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "personas/operations/operation.hpp"
#include "personas/telemetry/metrics.hpp"

namespace personas::http_api {

class RequestMetrics {
 public:
  RequestMetrics(telemetry::Metrics& metrics, std::span<const operations::Operation> table);

  // `operation` is null when no route was found. A stream counts until its start.
  void count(const operations::Operation* operation, int status, Duration took);

 private:
  static constexpr std::array kStatuses{200, 201, 202, 204, 304, 400, 401, 403, 404,
                                        405, 409, 413, 422, 429, 500, 503, 504, 507};
  struct Series {
    std::string name;
    telemetry::Histogram* seconds = nullptr;
    // By index of kStatuses, the last for all others; found at the first use.
    std::array<std::atomic<telemetry::Counter*>, kStatuses.size() + 1> by_status{};
  };

  telemetry::Metrics& metrics_;
  std::span<const operations::Operation> table_;
  std::vector<std::unique_ptr<Series>> series_;  // as the table, and one for no route
};

}  // namespace personas::http_api
