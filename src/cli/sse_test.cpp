#include "sse.hpp"

#include <gtest/gtest.h>

namespace personas::cli {
namespace {

constexpr std::string_view kStream =
    "\n: hello\nid: 1\nevent: execution.output\ndata: {\"a\":1}\n\n"
    "data:two\r\ndata: lines\r\n\r\n"
    "event: nothing\n\n"
    "retry: 100\nid:3\ndata\rdata: x\r\r"
    "data: never finished\n";

const std::vector<SseEvent> kEvents{{"execution.output", "1", "{\"a\":1}"},
                                    {"message", "1", "two\nlines"},
                                    {"message", "3", "\nx"}};

TEST(Sse, ReadsEventsHoweverTheStreamIsCut) {
  for (std::size_t cut = 0; cut <= kStream.size(); ++cut) {
    SseParser parser;
    std::vector<SseEvent> events;
    ASSERT_TRUE(parser.feed(kStream.substr(0, cut), events));
    ASSERT_TRUE(parser.feed(kStream.substr(cut), events));
    EXPECT_EQ(events, kEvents) << "cut at " << cut;
  }
}

TEST(Sse, ReadsEventsByteForByte) {
  SseParser parser;
  std::vector<SseEvent> events;
  for (const char c : kStream) ASSERT_TRUE(parser.feed(std::string_view(&c, 1), events));
  EXPECT_EQ(events, kEvents);
}

TEST(Sse, AnEventWithoutIdKeepsTheLastOneOfTheConnectionBefore) {
  SseParser parser("41");
  std::vector<SseEvent> events;
  ASSERT_TRUE(parser.feed("data: x\n\n", events));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].id, "41");
}

TEST(Sse, RefusesAnEventWithoutEnd) {
  SseParser parser;
  std::vector<SseEvent> events;
  const std::string piece = "data: " + std::string(1024 * 1024, 'x');
  Result<void> fed;
  for (int i = 0; i < 9 && fed; ++i) fed = parser.feed(piece, events);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, ErrorCode::kPayloadTooLarge);
}

}  // namespace
}  // namespace personas::cli
