// The short commands: cancel, status, approve, reject, and the word of welcome.
#pragma once

#include <cstdint>
#include <string>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

Task<Result<void>> cancel(Context& context, std::string execution, Format format);

// Workers, queue, and why queued executions wait.
Task<Result<void>> status(Context& context, Format format);

enum class Decision : std::uint8_t { kApprove, kReject };
Task<Result<void>> answer_review(Context& context, std::string review, Decision decision,
                                 std::string message, Format format);

}  // namespace personas::cli
