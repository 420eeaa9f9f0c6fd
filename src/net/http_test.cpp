#include "personas/net/http.hpp"

#include <gtest/gtest.h>

namespace personas::net {
namespace {

TEST(Headers, LookUpsIgnoreCaseAndGiveTheFirst) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("ACCEPT", "b");
  EXPECT_EQ(headers.get("accept"), "a");
  EXPECT_EQ(headers.count("aCCept"), 2U);
  EXPECT_EQ(headers.find("Host"), nullptr);
  EXPECT_EQ(headers.get("Host", "none"), "none");
}

TEST(Headers, SetReplacesEveryFieldOfTheName) {
  Headers headers;
  headers.add("X", "1");
  headers.add("Y", "2");
  headers.add("x", "3");
  headers.set("X", "4");
  EXPECT_EQ(headers.count("x"), 1U);
  EXPECT_EQ(headers.get("x"), "4");
  EXPECT_EQ(headers.all().size(), 2U);
}

TEST(Request, QueryValueIsTheFirstOfItsName) {
  Request request;
  request.query = {{"a", "1"}, {"a", "2"}};
  EXPECT_EQ(request.query_value("a"), "1");
  EXPECT_EQ(request.query_value("b"), std::nullopt);
}

}  // namespace
}  // namespace personas::net
