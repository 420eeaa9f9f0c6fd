// A private folder below the data root of the options, removed with everything in it.
#pragma once

#include <filesystem>
#include <stdlib.h>
#include <string>

namespace personas::bench {

class PrivateFolder {
 public:
  explicit PrivateFolder(const std::string& root) : path_(root + "/personas-bench-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~PrivateFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  const std::string& path() const { return path_; }  // empty: it could not be made

 private:
  std::string path_;
};

}  // namespace personas::bench
