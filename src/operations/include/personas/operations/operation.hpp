// What can be asked of the system: one Operation per method and path.
//
// An Operation is a row of constants, a Call one request for it, a Reply what goes back. Handlers
// are free functions over a Call. Services outlive every call and every stream.
#pragma once

#include <cassert>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <boost/json.hpp>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/codec/json.hpp"
#include "personas/codec/type_info.hpp"
#include "personas/identity/principal.hpp"
#include "personas/net/http.hpp"
#include "personas/operations/services.hpp"
#include "personas/store/store.hpp"

namespace personas::operations {

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::optional<std::string> next_cursor = {};  // of a list that goes on
  // The body holds a secret: it is not kept for repetition.
  enum class Secret : std::uint8_t { kNo, kYes } secret = Secret::kNo;
  // When set, the body is what this writes, as server-sent events.
  std::function<Task<void>(net::ResponseStream&)> stream = {};
};

struct Operation;
enum class Channel : std::uint8_t { kOpen, kPrivate };  // kOpen: others may have read it
// kStranger: has shown nothing yet. Its principal has no tenant and no scope, so what a handler
// does before it has seen a proof, it does for nobody.
enum class Caller : std::uint8_t { kStranger, kKey };

// A described value of a type that only the handler and the table know.
struct Input {
  const codec::TypeInfo* type = nullptr;
  std::shared_ptr<void> value;
};

struct Call {
  Services& services;
  const Operation& operation;
  identity::Principal principal;
  std::string request_id;
  Timestamp now;
  std::vector<std::string> ids;  // path parameters in order; each a valid id
  std::string path;              // as requested, for the fingerprint
  std::string body_text;
  boost::json::value json = {};  // the body as it came, for partial updates
  Input query_input = {};
  Input body_input = {};
  std::string idempotency_key;  // empty: none
  std::string last_event_id;    // empty: none
  Channel channel = Channel::kOpen;
  Caller caller = Caller::kKey;
  net::Headers headers = {};  // as they came; for Access::kProof only
  // Run once, after the transaction has committed.
  std::vector<std::function<void()>> after_commit = {};

  const TenantId& tenant() const { return principal.tenant; }
  template <class T>
  T id(std::size_t index) const {
    return T(ids.at(index));
  }
  template <class T>
  const T& query() const {
    return get<T>(query_input);
  }
  template <class T>
  const T& body() const {
    return get<T>(body_input);
  }

 private:
  template <class T>
  static const T& get(const Input& input) {
    assert(input.type == &codec::type_info<T>() && "the table names another type");
    return *static_cast<const T*>(input.value.get());
  }
};

using Query = Result<Reply> (*)(Call&, store::Transaction&);
using Async = Task<Result<Reply>> (*)(Call&);
struct Write {
  Result<Reply> (*run)(Call&, store::Transaction&);
  // Goes on after the commit, with the reply of `run` or of the first request with this key.
  Task<Result<Reply>> (*then)(Call&, Reply) = nullptr;
};
using Handler = std::variant<Query, Async, Write>;

// A described type as an input: how it is shown, and how one is made.
struct InputType {
  const codec::TypeInfo* (*info)() = nullptr;
  std::shared_ptr<void> (*make)() = nullptr;
  // kPartial: the handler reads Call::json over what exists. kOptional: no body is the default.
  enum class Form : std::uint8_t { kWhole, kPartial, kOptional } form = Form::kWhole;

  explicit operator bool() const { return info != nullptr; }
};
template <class T>
constexpr InputType input(InputType::Form form = InputType::Form::kWhole) {
  return {[] { return &codec::type_info<T>(); },
          []() -> std::shared_ptr<void> { return std::make_shared<T>(); }, form};
}

struct OutputType {
  const codec::TypeInfo* (*info)() = nullptr;
  enum class Shape : std::uint8_t {
    kOne,
    kList,
    kPage,
    kEvents,
    kText,
    kYaml,
    kJson,
    kHtml,
    kNone
  };
  Shape shape = Shape::kNone;
};
template <class T>
constexpr OutputType one() {
  return {[] { return &codec::type_info<T>(); }, OutputType::Shape::kOne};
}
template <class T>
constexpr OutputType list() {
  return {[] { return &codec::type_info<T>(); }, OutputType::Shape::kList};
}
template <class T>
constexpr OutputType page() {
  return {[] { return &codec::type_info<T>(); }, OutputType::Shape::kPage};
}

enum class Access : std::uint8_t {
  kKey,            // a bearer key with the scope
  kOpen,           // anybody
  kLoopbackOrKey,  // from this machine, or a bearer key with the scope
  kProof,          // a bearer key with the scope; or the handler finds proof in headers and body,
                   // and names the tenant, without which the answer is 401 whatever it says
};

struct OtherSuccess {
  int status;
  OutputType output;
};

struct Operation {
  std::string_view id;      // camelCase, stable: metrics and clients use it
  std::string_view method;  // upper case
  std::string_view path;    // "/api/personas/{id}"; parameters are whole segments
  std::string_view summary;
  std::string_view tag;
  Access access = Access::kKey;
  identity::Scope scope = identity::Scope::kRead;
  InputType query = {};
  InputType body = {};
  std::string_view example = {};  // a body as the document shows it, in JSON
  OutputType output = {};
  int status = 200;                    // of success
  std::vector<ErrorCode> errors = {};  // beside those that every operation may give
  std::vector<OtherSuccess> other_successes = {};
  // Of kProof: another header that may carry the key, where a sender cannot set Authorization.
  std::string_view key_header = {};
  std::size_t max_body_bytes = 0;  // 0: what the server takes
  Handler handler;
  // A key given inside the body, for clients that cannot set headers.
  std::string (*key_in_body)(const Call&) = nullptr;

  bool is_write() const { return std::holds_alternative<Write>(handler); }
};

}  // namespace personas::operations
