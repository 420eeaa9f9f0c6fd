#include "router.hpp"

#include <gtest/gtest.h>

#include "personas/operations/table.hpp"

namespace personas::http_api {
namespace {

const Router& router() {
  static const Router router(operations::all_operations());
  return router;
}

TEST(Router, FindsEveryOperationOfTheTable) {
  for (const auto& operation : operations::all_operations()) {
    const auto route = router().find(operation.method, operation.path);
    EXPECT_EQ(route.operation, &operation) << operation.id;
  }
}

TEST(Router, GivesThePathsParametersInOrder) {
  const auto route = router().find("DELETE", "/api/personas/per_1/tools/tool_2");
  ASSERT_NE(route.operation, nullptr);
  EXPECT_EQ(route.parameters, (std::vector<std::string>{"per_1", "tool_2"}));
}

TEST(Router, TellsTheMethodsAPathHas) {
  const auto route = router().find("POST", "/api/personas/per_1");
  EXPECT_EQ(route.operation, nullptr);
  EXPECT_EQ(route.allowed, "GET, PUT, PATCH, DELETE");
}

TEST(Router, KnowsNoOtherPaths) {
  for (const std::string_view path :
       {"", "/", "/api", "/api/", "/api/personas/", "/api/personas//tools", "/API/personas",
        "/api/personas/a/tools/b/c", "/health/x", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n"}) {
    const auto route = router().find("GET", path);
    EXPECT_EQ(route.operation, nullptr) << path;
    EXPECT_TRUE(route.allowed.empty()) << path;
  }
}

TEST(Router, AnswersHeadAsGet) {
  EXPECT_EQ(router().find("HEAD", "/health").operation->id, "health");
}

}  // namespace
}  // namespace personas::http_api
