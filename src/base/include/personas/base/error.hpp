// The one error type of the program, and Result<T>, the value that carries it.
//
// Two channels, never mixed: what can be expected to go wrong is a Result; a bug asserts.
// An ErrorCode is closed: error.cpp's table gives each its wire name, HTTP status, exit code of the
// command line and whether the same request may succeed later. Clients may rely on the names.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace personas {

enum class ErrorCode : std::uint8_t {
  // The request is wrong; sending it again will not help.
  kInvalidRequest,
  kMalformedJson,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kMethodNotAllowed,
  kConflict,
  kAlreadyIssued,
  kIdempotencyInFlight,
  kIdempotencyMismatch,
  kPayloadTooLarge,
  kUriTooLong,
  kHeadersTooLarge,
  kUnprocessable,
  kMisdirected,
  // The request is right; now is the wrong time.
  kRequestTimeout,
  kRateLimited,
  kUnavailable,
  kShuttingDown,
  kStorageFull,
  kTimeout,
  // We, or something below us, failed.
  kInternal,
  kIo,
  kCorrupt,
  kOutcomeUnknown,  // a commit failed after it was sent: it may or may not have happened
  kCancelled,
  // Start-up refusals.
  kWrongMasterKey,
  kLocked,
  kMisconfigured,
};

struct ErrorCodeInfo {
  ErrorCode code;
  std::string_view name;   // wire name, stable
  std::string_view title;  // short human title of the class of problem
  int http_status;
  int exit_code;   // of the command-line client, after sysexits(3) where one fits
  bool retryable;  // the same request may succeed later
};

const ErrorCodeInfo& info(ErrorCode code);
// The code with this wire name; kInternal for names of a newer version.
ErrorCode error_code_named(std::string_view name);

// One wrong field. `path` is a JSON pointer into the body ("/retry/maxAttempts"), or
// "query.limit", "header.Idempotency-Key", "--flag", depending on where the value came from.
struct FieldError {
  std::string path;
  std::string message;
  bool operator==(const FieldError&) const = default;
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;             // a sentence its reader can act on; never holds a secret
  std::vector<FieldError> fields;  // all wrong fields at once

  bool operator==(const Error&) const = default;
  std::string describe() const;  // "message (path: message; …)", for logs and the terminal
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message), {}});
}
inline std::unexpected<Error> fail(ErrorCode code, std::string message,
                                   std::vector<FieldError> fields) {
  return std::unexpected(Error{code, std::move(message), std::move(fields)});
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

}  // namespace personas

#define PERSONAS_JOIN_(a, b) a##b
#define PERSONAS_JOIN(a, b) PERSONAS_JOIN_(a, b)

// TRY(auto row, find(id)) — binds the value or returns the error from the enclosing function.
// CO_TRY is the same inside a coroutine. TRY_VOID / CO_TRY_VOID for Result<void>.
#define PERSONAS_TRY_(tmp, declaration, expression, return_keyword)     \
  auto tmp = (expression);                                              \
  if (!tmp) return_keyword ::std::unexpected(::std::move(tmp).error()); \
  declaration = *::std::move(tmp)
#define TRY(declaration, ...) \
  PERSONAS_TRY_(PERSONAS_JOIN(try_, __COUNTER__), declaration, __VA_ARGS__, return)
#define CO_TRY(declaration, ...) \
  PERSONAS_TRY_(PERSONAS_JOIN(try_, __COUNTER__), declaration, __VA_ARGS__, co_return)
#define TRY_VOID(...)                                                    \
  do {                                                                   \
    auto try_void = (__VA_ARGS__);                                       \
    if (!try_void) return ::std::unexpected(::std::move(try_void).error()); \
  } while (false)
#define CO_TRY_VOID(...)                                                    \
  do {                                                                      \
    auto try_void = (__VA_ARGS__);                                          \
    if (!try_void) co_return ::std::unexpected(::std::move(try_void).error()); \
  } while (false)
