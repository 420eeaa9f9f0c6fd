#include "personas/base/error.hpp"

#include <array>

namespace personas {
namespace {

using enum ErrorCode;

// Exit codes follow sysexits(3): 64 usage, 69 unavailable, 70 software, 73 cannot create,
// 74 i/o, 75 temporary, 77 permission, 78 configuration.
constexpr std::array kTable = {
    ErrorCodeInfo{kInvalidRequest, "invalid_request", "The request is not valid", 400, 64, false},
    ErrorCodeInfo{kMalformedJson, "malformed_json", "The body is not JSON", 400, 64, false},
    ErrorCodeInfo{kUnauthorized, "unauthorized", "A valid key is needed", 401, 77, false},
    ErrorCodeInfo{kForbidden, "forbidden", "This key may not do that", 403, 77, false},
    ErrorCodeInfo{kNotFound, "not_found", "There is no such thing", 404, 66, false},
    ErrorCodeInfo{kMethodNotAllowed, "method_not_allowed", "That method is not offered here", 405,
                  64, false},
    ErrorCodeInfo{kConflict, "conflict", "It conflicts with what exists", 409, 65, false},
    ErrorCodeInfo{kAlreadyIssued, "already_issued", "The answer held a secret and was given once",
                  409, 65, false},
    ErrorCodeInfo{kIdempotencyInFlight, "idempotency_in_flight",
                  "The first request with this key is still running", 409, 75, true},
    ErrorCodeInfo{kIdempotencyMismatch, "idempotency_mismatch",
                  "The idempotency key was used with another body", 422, 65, false},
    ErrorCodeInfo{kPayloadTooLarge, "payload_too_large", "The body is too large", 413, 65, false},
    ErrorCodeInfo{kUriTooLong, "uri_too_long", "The request target is too long", 414, 64, false},
    ErrorCodeInfo{kHeadersTooLarge, "headers_too_large", "The header section is too large", 431, 64,
                  false},
    ErrorCodeInfo{kUnprocessable, "unprocessable", "It cannot be done as asked", 422, 65, false},
    ErrorCodeInfo{kMisdirected, "misdirected", "This server does not answer for that host", 421, 64,
                  false},
    ErrorCodeInfo{kRequestTimeout, "request_timeout", "The request came too slowly", 408, 75, true},
    ErrorCodeInfo{kRateLimited, "rate_limited", "Too many requests", 429, 75, true},
    ErrorCodeInfo{kUnavailable, "unavailable", "The service cannot answer now", 503, 69, true},
    ErrorCodeInfo{kShuttingDown, "shutting_down", "The service is stopping", 503, 69, true},
    ErrorCodeInfo{kStorageFull, "storage_full", "The disk is full", 507, 74, true},
    ErrorCodeInfo{kTimeout, "timeout", "It took too long", 504, 75, true},
    ErrorCodeInfo{kInternal, "internal", "An internal error", 500, 70, false},
    ErrorCodeInfo{kIo, "io", "An input/output error", 500, 74, false},
    ErrorCodeInfo{kCorrupt, "corrupt", "Stored data is damaged", 500, 74, false},
    ErrorCodeInfo{kOutcomeUnknown, "outcome_unknown", "It may or may not have happened", 503, 75,
                  true},
    ErrorCodeInfo{kCancelled, "cancelled", "It was cancelled", 409, 75, false},
    ErrorCodeInfo{kWrongMasterKey, "wrong_master_key", "The master key is not the one used before",
                  500, 78, false},
    ErrorCodeInfo{kLocked, "locked", "Another process uses it", 409, 75, true},
    ErrorCodeInfo{kMisconfigured, "misconfigured", "The configuration is not valid", 500, 78,
                  false},
};

constexpr bool every_code_has_one_row() {
  if (kTable.size() != static_cast<std::size_t>(kMisconfigured) + 1) return false;
  for (std::size_t code = 0; code < kTable.size(); ++code) {
    int rows = 0;
    for (const auto& row : kTable) rows += static_cast<std::size_t>(row.code) == code ? 1 : 0;
    if (rows != 1) return false;
  }
  return true;
}
static_assert(every_code_has_one_row());

}  // namespace

const ErrorCodeInfo& info(ErrorCode code) {
  for (const auto& row : kTable) {
    if (row.code == code) return row;
  }
  return info(kInternal);
}

ErrorCode error_code_named(std::string_view name) {
  for (const auto& row : kTable) {
    if (row.name == name) return row.code;
  }
  return kInternal;
}

std::string Error::describe() const {
  std::string text = message;
  if (fields.empty()) return text;
  text += " (";
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) text += "; ";
    text += fields[i].path + ": " + fields[i].message;
  }
  return text + ")";
}

}  // namespace personas
