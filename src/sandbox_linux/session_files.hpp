// The files in which an attempt's program keeps its session, read as they grow. Private.
//
// The folder belongs to the agent: every name in it may be a trap, and may change while we look.
// So a file is opened step by step below HOME, never through a link, without waiting, and is read
// only if it is a regular file of our own user with one name. Names, depth, files and bytes are
// bounded. A file that shrank, was replaced or begins differently is told anew from its start; a
// change in its middle is not noticed (the programs append).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/sandbox/sandbox.hpp"

#include "fd.hpp"

namespace personas::sandbox_linux {

inline constexpr int kMaxSessionDepth = 4;           // folders below the root
inline constexpr int kMaxSessionEntries = 4096;      // names looked at in one pass
inline constexpr std::size_t kMaxSessionPath = 400;  // bytes
inline constexpr std::size_t kSessionHead = 256;     // bytes that tell whether it is the same file

// The files that the policy brings along, as files of HOME.
std::vector<sandbox::HomeFile> placed_files(const sandbox::SessionPolicy& policy,
                                            const std::string& workspace);

class SessionFiles {
 public:
  SessionFiles() = default;  // none
  SessionFiles(const std::string& home, const std::string& workspace,
               sandbox::SessionPolicy policy);

  bool enabled() const { return home_.get() >= 0; }
  // Looks for files that are new or have changed.
  void look();
  // The next bytes of what look() found; nothing when all is told.
  std::optional<sandbox::SessionPiece> next();

 private:
  struct File {
    std::string path;   // below the root
    std::string shown;  // the name it is told under
    ino_t inode = 0;    // 0: not seen yet
    off_t size = 0;
    timespec modified{};
    std::int64_t told = 0;
    std::string head;
    bool changed = false;
  };

  void walk(int folder, const std::string& prefix, int depth);
  void found(std::string path, int folder, const char* name);
  File* find(std::string_view path);
  Fd open(const std::string& path) const;
  std::optional<sandbox::SessionPiece> read(File& file);

  Fd home_;
  sandbox::SessionPolicy policy_;
  std::vector<File> files_;
  int entries_left_ = 0;
  std::int64_t total_ = 0;
  bool over_ = false;
};

}  // namespace personas::sandbox_linux
