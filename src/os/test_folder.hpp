// A temporary folder of one test. Private to this module's tests.
#pragma once

#include <filesystem>
#include <stdlib.h>
#include <string>

namespace personas::os {

class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "personas-os-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace personas::os
