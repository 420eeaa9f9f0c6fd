// The system calls that make a small file durable, so that a test can fail each of them and forget
// what was not synced. Private to this module.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "personas/base/error.hpp"

namespace personas::os {

class FileCalls {
 public:
  virtual ~FileCalls() = default;
  // As the system's: -1 and errno when they fail.
  virtual int make_temporary(std::string& pattern) = 0;  // mode 0600
  virtual ssize_t write(int fd, const char* data, std::size_t size) = 0;
  virtual int sync(int fd) = 0;
  virtual int close(int fd) = 0;
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int remove(const std::string& path) = 0;
  virtual int open_folder(const std::string& path) = 0;
};

// Makes the names in a folder durable.
Result<void> sync_folder(FileCalls& calls, const std::string& folder);

// write_private_file() by these calls.
Result<void> replace_file(FileCalls& calls, const std::string& path, std::string_view content);

}  // namespace personas::os
