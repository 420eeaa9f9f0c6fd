// Which web pages may call the API from a browser (the setting cors-origins).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/net/http.hpp"

namespace personas::http_api {

class Cors {
 public:
  explicit Cors(std::vector<std::string> origins) : origins_(std::move(origins)) {}

  // The answer to a browser's question before the request, or nullopt if it is none.
  std::optional<net::Response> preflight(const net::Request& request) const;
  // Lets an allowed page read the response.
  void allow(const net::Request& request, net::Response& response) const;

 private:
  bool is_allowed(const std::string& origin) const;

  std::vector<std::string> origins_;
};

}  // namespace personas::http_api
