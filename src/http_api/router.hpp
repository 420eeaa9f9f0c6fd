// Path and method → operation. Immutable; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "personas/operations/operation.hpp"

namespace personas::http_api {

struct Route {
  const operations::Operation* operation = nullptr;  // null: none, see `allowed`
  const operations::Operation* same_path = nullptr;  // with whatever method
  std::vector<std::string> parameters;               // of the path, in order
  std::string allowed;  // methods the path has; empty: there is no such path
};

class Router {
 public:
  explicit Router(std::span<const operations::Operation> table);
  // HEAD is answered as GET; the server leaves out the body.
  Route find(std::string_view method, std::string_view path) const;

 private:
  struct Entry {
    std::vector<std::string_view> segments;  // "{id}" stands for any one
    const operations::Operation* operation;
  };
  std::vector<Entry> entries_;
};

}  // namespace personas::http_api
