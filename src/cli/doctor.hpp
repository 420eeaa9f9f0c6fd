// `personas doctor`: looks at the server and at this machine, and says what each finding means and
// what cures it. Works with and without a running server.
#pragma once

#include <cstdint>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

enum class Mend : std::uint8_t { kNothing, kWhatIsSafe };

// The exit code: 0 without a problem, else 1.
Task<Result<int>> doctor(Context& context, Mend mend, Format format);

}  // namespace personas::cli
