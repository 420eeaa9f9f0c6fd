// A folder of its own for a database. In memory where the machine has such a file system: what
// survives is counted by the faulty disk, so no real one has to wait.
#pragma once

#include <filesystem>
#include <stdlib.h>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

namespace personas::lying_disk {

class Folder {
 public:
  Folder() {
    const bool in_memory = ::access("/dev/shm", W_OK) == 0;
    std::string name = (in_memory ? "/dev/shm/" : testing::TempDir()) + "personas-lying-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path database() const { return path_ / "personas.db"; }
  const std::filesystem::path& path() const { return path_; }

  // With the same files.
  void copy_from(const Folder& other) const {
    for (const auto* name : {"personas.db", "personas.db-wal", "personas.db-walmark"}) {
      std::filesystem::remove(path_ / name);
      if (std::filesystem::exists(other.path_ / name)) {
        std::filesystem::copy_file(other.path_ / name, path_ / name);
      }
    }
  }

 private:
  std::filesystem::path path_;
};

}  // namespace personas::lying_disk
