// Calls of the HTTP API, with every kind of trouble as one Error that says what to do.
#pragma once

#include <string>
#include <vector>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/cli/commands.hpp"
#include "personas/codec/json.hpp"
#include "personas/net/http.hpp"

namespace personas::cli {

// Pages followed when everything is wanted, of 500 entries each: far above any real tenant, and an
// end to a server that repeats itself.
inline constexpr int kMaxPages = 40;

// What a newer server adds, or an older one leaves out, must not break the command line.
inline constexpr codec::ReadOptions kFromServer{
    .unknown = codec::UnknownFields::kIgnore,
    .completeness = codec::ReadOptions::Completeness::kPartial,
    .read_only = codec::ReadOptions::ReadOnly::kAccept,
    .rules = codec::ReadOptions::Rules::kTrust};
inline constexpr codec::ParseLimits kAnswerLimits{.max_bytes = 64 * 1024 * 1024};

class Api {
 public:
  explicit Api(Context& context) : context_(context) {}

  net::Request request(std::string method, const std::string& path) const;
  // The answer if its status is 2xx; else what the server said, as an Error.
  Task<Result<net::Response>> call(std::string method, std::string path, std::string body = {});

  template <class T>
  Task<Result<T>> get(std::string path) {
    CO_TRY(auto response, co_await call("GET", std::move(path)));
    co_return understood(codec::parse<T>(response.body, kFromServer, kAnswerLimits));
  }
  // All pages, of a path without a query.
  template <class T>
  Task<Result<std::vector<T>>> all(std::string path) {
    std::vector<T> entries;
    std::string query = "?limit=500";
    for (int page = 0; page < kMaxPages; ++page) {
      CO_TRY(auto response, co_await call("GET", path + query));
      CO_TRY(auto part,
             understood(codec::parse<std::vector<T>>(response.body, kFromServer, kAnswerLimits)));
      std::move(part.begin(), part.end(), std::back_inserter(entries));
      const std::string next(response.headers.get("X-Next-Cursor"));
      if (next.empty()) break;
      query = "?limit=500&cursor=" + escape(next);
    }
    co_return entries;
  }

  // What a failed call or an error status means, with its cure.
  Error explain(const Error& error) const;
  Error explain(const net::Response& response) const;

  static std::string escape(std::string_view query_value);  // percent-encoding

 private:
  template <class T>
  static Result<T> understood(Result<T> result) {
    if (result) return result;
    return fail(ErrorCode::kInternal,
                "The server's answer is not understood (are the versions equal? personas doctor "
                "says): " +
                    result.error().describe());
  }

  Context& context_;
};

// Writes "error: …", the wrong fields, and returns the exit code.
int report(Terminal& terminal, const Error& error);

}  // namespace personas::cli
