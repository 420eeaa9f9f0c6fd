// One file of an agent's own session, whole.
#pragma once

#include <string>

namespace personas::execution {

struct SessionFile {
  std::string path;  // below the backend's session root
  std::string content;
};

}  // namespace personas::execution
