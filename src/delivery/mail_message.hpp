// A notification as an e-mail (RFC 5322, MIME). Pure; the same delivery gives the same bytes.
#pragma once

#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/delivery/endpoint.hpp"

namespace personas::delivery {

inline constexpr std::size_t kMaxSubject = 200;  // bytes of UTF-8, then cut

// Of the delivery's payload, {"subject":…,"text":…}. `from` and `to` are addresses that were
// checked; what else comes from outside cannot start a header line.
Result<std::string> mail_message(const Delivery& delivery, std::string_view from,
                                 const std::vector<std::string>& to);

// One header field's text: plain ASCII as it is, anything else as encoded words (RFC 2047), folded.
std::string header_text(std::string_view text);

}  // namespace personas::delivery
