// The pages behind a link to a review: plain HTML without scripts, which load nothing and frame
// nothing. Pure.
#pragma once

#include <string>
#include <string_view>

#include "personas/model/signals.hpp"
#include "personas/operations/operation.hpp"

namespace personas::operations {

inline constexpr std::size_t kMaxPageText = 64 * 1024;  // of a description or context, then cut

// Asks. `problem`: what was wrong with the last try; may be empty.
Reply question_page(int status, const Review& review, std::string_view asker,
                    std::string_view problem);
// Says how it is: answered now, spent, expired, unknown.
Reply notice_page(int status, std::string_view heading, std::string_view text);

}  // namespace personas::operations
