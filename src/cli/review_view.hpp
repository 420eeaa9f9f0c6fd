// A review and a message, whole, as a person reads them.
#pragma once

#include <string>

#include "personas/model/signals.hpp"

#include "format.hpp"

namespace personas::cli {

std::string review_text(const Terminal& terminal, const Review& review, Timestamp now);
std::string message_text(const Terminal& terminal, const Message& message, Timestamp now);
Paint paint_of_content(ContentType type);

}  // namespace personas::cli
