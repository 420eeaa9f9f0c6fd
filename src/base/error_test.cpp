#include "personas/base/error.hpp"

#include <set>

#include <gtest/gtest.h>

namespace personas {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorCode::kInvalidRequest, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  TRY(const int first, half(n));
  TRY(const int second, half(first));
  return second;
}

TEST(Error, TryPassesValuesOnAndErrorsUp) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
}

TEST(Error, EveryCodeHasAUniqueNameAndASoundStatus) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kMisconfigured); ++i) {
    const auto& row = info(static_cast<ErrorCode>(i));
    EXPECT_EQ(static_cast<int>(row.code), i);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_GE(row.http_status, 400);
    EXPECT_LT(row.http_status, 600);
    EXPECT_EQ(error_code_named(row.name), row.code);
  }
  EXPECT_EQ(error_code_named("from_the_future"), ErrorCode::kInternal);
}

TEST(Error, DescribeNamesEveryField) {
  const Error error{ErrorCode::kInvalidRequest, "2 fields are wrong", {{"/a", "x"}, {"/b", "y"}}};
  EXPECT_EQ(error.describe(), "2 fields are wrong (/a: x; /b: y)");
}

}  // namespace
}  // namespace personas
