// One process per data folder: an flock(2) on `<folder>/lock`, which also holds the owner's pid for
// people. The kernel lets go of it when the process ends, however it ends.
#pragma once

#include <string>

#include "personas/base/error.hpp"

namespace personas::os {

class DataLock {
 public:
  // kLocked names the process that has it.
  static Result<DataLock> acquire(const std::string& folder);

  DataLock(DataLock&& other) noexcept;
  DataLock& operator=(DataLock&& other) noexcept;
  ~DataLock();

 private:
  explicit DataLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace personas::os
