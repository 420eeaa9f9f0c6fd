#include "docs_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/operations/openapi.hpp"
#include "personas/operations/table.hpp"

namespace personas::operations {
namespace {

using testing::HasSubstr;
using testing::Not;

const DocsPage& page() {
  static const DocsPage made = docs_page(openapi_document(all_operations(), "1.2.3"));
  return made;
}

TEST(DocsPage, ShowsEveryOperationOfTheTable) {
  for (const auto& operation : all_operations()) {
    EXPECT_THAT(page().html, HasSubstr("<details id=\"" + std::string(operation.id) + "\">"));
  }
  EXPECT_THAT(page().html, HasSubstr("1.2.3"));
}

TEST(DocsPage, LeadsOnlyToSchemasThatItShows) {
  const auto& html = page().html;
  constexpr std::string_view kLink = "href=\"#";
  std::size_t links = 0;
  for (auto at = html.find(kLink); at != std::string::npos; at = html.find(kLink, at + 1)) {
    const auto from = at + kLink.size();
    const auto target = html.substr(from, html.find('"', from) - from);
    EXPECT_TRUE(html.contains("id=\"" + target + "\"") || html.contains("id=" + target + ">"))
        << target;
    ++links;
  }
  EXPECT_GT(links, all_operations().size());
}

TEST(DocsPage, FetchesNothingAndRunsNothing) {
  EXPECT_THAT(page().html, Not(HasSubstr("<script")));
  EXPECT_THAT(page().html, Not(HasSubstr("src=")));
  EXPECT_THAT(page().html, Not(HasSubstr("url(")));
  EXPECT_THAT(page().html, Not(HasSubstr("style=\"")));
  const auto from = page().html.find("<style>") + 7;
  const auto style = page().html.substr(from, page().html.find("</style>") - from);
  EXPECT_THAT(page().policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page().policy,
              HasSubstr("'sha256-" + to_base64(crypto::sha256(as_bytes(style))) + "'"));
}

TEST(DocsPage, ShowsTextsAsTexts) {
  const auto openapi =
      codec::parse_json(R"({"paths":{"/<b>":{"get":{"operationId":"a","tags":["T"],)"
                        R"("summary":"<script>1</script>"}}}})");
  const auto made = docs_page(openapi->as_object());
  EXPECT_THAT(made.html, HasSubstr("&lt;script&gt;1&lt;/script&gt;"));
  EXPECT_THAT(made.html, Not(HasSubstr("<script")));
  EXPECT_THAT(made.html, HasSubstr("/&lt;b&gt;"));
}

}  // namespace
}  // namespace personas::operations
