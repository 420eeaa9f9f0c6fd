// Who listens on a TCP port of this machine, from /proc. For diagnosis.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace personas::os {

// "nginx (pid 812)", an empty text if the process is not to be seen by us, nothing if nobody
// listens.
std::optional<std::string> find_listener(std::uint16_t port);

}  // namespace personas::os
