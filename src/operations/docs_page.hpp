// The OpenAPI document as a page to read: every operation, its parameters, bodies and answers, and
// the schemas they name. One file without scripts, fonts or anything fetched.
#pragma once

#include <string>

#include <boost/json.hpp>

namespace personas::operations {

struct DocsPage {
  std::string html;
  // Allows the page's own style and nothing else, whatever a description might hold.
  std::string policy;
};

DocsPage docs_page(const boost::json::object& openapi);

}  // namespace personas::operations
