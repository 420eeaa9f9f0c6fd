#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

#include "test_types.hpp"

namespace personas::codec {
namespace {

using codec_test::full_order;
using codec_test::Order;

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

TEST(WriteJson, WritesMembersInDeclarationOrderWithoutSecrets) {
  EXPECT_EQ(to_json(full_order()),
            R"({"id":"exe_1","title":"Büro \"A\"\n","gift":true,"maxAttempts":7,"weight":0.1,)"
            R"("status":"running","createdAt":"2026-11-21T03:31:00.123Z","note":"soon",)"
            R"("personaId":"per_1","shipTo":{"city":"Wien","zip":"1010"},)"
            R"("billTo":{"city":"Graz","zip":null},)"
            R"("lines":[{"sku":"a","qty":2},{"sku":"b","qty":3}],"counts":{"x/y":1,"z":2},)"
            R"("extra":{"a":[1,2.5,null]},"config":"{\"cron\":\"@daily\"}"})");
}

TEST(WriteJson, LeavesOutAbsentOptionalsWhenAsked) {
  const auto text = to_json(Order{}, {.absent = WriteOptions::Absent::kOmit});
  EXPECT_EQ(text.find("note"), std::string::npos);
  EXPECT_NE(text.find(R"("lines":[],"counts":{},"extra":null,"config":"")"), std::string::npos);
  EXPECT_NE(to_json(Order{}).find(R"("note":null)"), std::string::npos);
}

TEST(WriteJson, WritesShortestDoublesAndNeverNaN) {
  for (const double number : {0.1, 1.0 / 3, 1e22, 5e-324, 1.7976931348623157e308, -0.0}) {
    EXPECT_EQ(parse<double>(to_json(number)).value(), number);
  }
  EXPECT_EQ(to_json(0.1), "0.1");
  EXPECT_EQ(to_json(-0.0), "0") << "equal values give equal bytes";
  EXPECT_EQ(to_json(std::nan("")), "null");
  EXPECT_EQ(to_json(-HUGE_VAL), "null");
}

TEST(WriteJson, EscapesStringsAndRepairsUtf8) {
  EXPECT_EQ(quoted("plain"), R"("plain")");
  EXPECT_EQ(quoted(std::string_view("\"\\\b\f\n\r\t\x01\0\x7f", 10)),
            "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u0000\x7f\"");
  EXPECT_EQ(quoted("ü\xF0\x9F\x98\x80."), "\"ü\xF0\x9F\x98\x80.\"");
  EXPECT_EQ(quoted("a\xC3"), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(quoted("\xC3(\xFF"), "\"\xEF\xBF\xBD(\xEF\xBF\xBD\"");
  EXPECT_EQ(quoted(""), R"("")");
}

TEST(Serialize, WritesWhatWasParsed) {
  for (const std::string_view text :
       {R"({"a":[1,-2,0.1,18446744073709551615,true,null,"x\n"],"b":{},"c":[]})", "[]", "{}",
        "null", R"("ü")"}) {
    EXPECT_EQ(codec::serialize(*parse_json(text)), text);
  }
}

}  // namespace
}  // namespace personas::codec
