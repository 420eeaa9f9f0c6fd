#include "personas/telemetry/metrics.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, ShowsEachFamilyOnceWithItsSeries) {
  Metrics metrics;
  metrics.counter("requests_total", "Requests", {{"op", "a"}, {"status", "200"}}).add(2);
  metrics.counter("requests_total", "Requests", {{"op", "b"}, {"status", "404"}}).add();
  metrics.gauge("slots", "Slots").set(-3);
  metrics.gauge_from("bytes", "Bytes", [] { return std::int64_t{7}; });
  EXPECT_EQ(metrics.text(),
            "# HELP bytes Bytes\n# TYPE bytes gauge\nbytes 7\n"
            "# HELP requests_total Requests\n# TYPE requests_total counter\n"
            "requests_total{op=\"a\",status=\"200\"} 2\nrequests_total{op=\"b\",status=\"404\"} 1\n"
            "# HELP slots Slots\n# TYPE slots gauge\nslots -3\n");
}

TEST(Metrics, GivesTheSameSeriesForTheSameLabels) {
  Metrics metrics;
  EXPECT_EQ(&metrics.counter("c", "", {{"a", "1"}}), &metrics.counter("c", "", {{"a", "1"}}));
  EXPECT_NE(&metrics.counter("c", "", {{"a", "1"}}), &metrics.counter("c", "", {{"a", "2"}}));
}

TEST(Metrics, CountsDurationsCumulatively) {
  Metrics metrics;
  auto& histogram = metrics.histogram("took_seconds", "Took", {{"op", "x"}});
  histogram.observe(microseconds(50));
  histogram.observe(microseconds(51));
  histogram.observe(seconds(60));
  histogram.observe(microseconds(-5));
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{op=\"x\",le=\"5e-05\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{op=\"x\",le=\"0.0001\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{op=\"x\",le=\"30\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{op=\"x\",le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_count{op=\"x\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_sum{op=\"x\"} 60.000101\n"));
}

TEST(Metrics, EscapesLabelValues) {
  Metrics metrics;
  metrics.counter("c", "", {{"a", "x\"\\\n"}}).add();
  EXPECT_THAT(metrics.text(), HasSubstr("c{a=\"x\\\"\\\\\\n\"} 1\n"));
}

TEST(Metrics, StopsGrowingAtTheLimit) {
  Metrics metrics;
  for (std::size_t i = 0; i <= kMaxSeries; ++i) {
    metrics.counter("c", "", {{"i", std::to_string(i)}}).add();
  }
  EXPECT_THAT(metrics.text(), Not(HasSubstr("i=\"" + std::to_string(kMaxSeries) + "\"")));
}

TEST(Metrics, LosesNoIncrementBetweenThreads) {
  Metrics metrics;
  auto& counter = metrics.counter("c", "");
  const auto work = [&] {
    for (int i = 0; i < 10'000; ++i) counter.add();
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(counter.value(), 20'000U);
}

}  // namespace
}  // namespace personas::telemetry
