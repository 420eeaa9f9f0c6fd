// Files that are part of the program, put in at build time (cmake/embed.cmake).
#pragma once

#include <array>
#include <string_view>

namespace personas::catalog {

struct EmbeddedFile {
  std::string_view name;  // without its folder
  std::string_view text;
};

extern const std::array<EmbeddedFile, 8> kTemplateFiles;
extern const std::array<EmbeddedFile, 5> kToolFiles;
extern const std::array<EmbeddedFile, 5> kConnectorFiles;

}  // namespace personas::catalog
