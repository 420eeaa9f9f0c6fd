// The private folders of one attempt: <work_root>/attempt-<random>/{home,workspace,tmp}. Private.
//
// A folder is in use as long as somebody holds the flock on its `.lock` file: the worker and the
// attempt's supervisor share that open file. What nobody holds is a left-over and is wiped.
// `.worker` is held by the worker alone. If only that is free, the worker is dead and the
// supervisor has not ended the attempt yet.
#pragma once

#include <string>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/time.hpp"
#include "personas/sandbox/sandbox.hpp"

#include "fd.hpp"

namespace personas::sandbox_linux {

// Removes `path` and everything below it. Follows no symbolic link; changes modes where they stand
// in the way; any depth. Returns false if something could not be removed.
bool wipe_tree(const std::string& path);

// Wipes what dead processes left in `work_root`; touches only our own unlocked folders.
void wipe_left_overs(const std::string& work_root);

// Waits until no attempt of a worker that died is being ended any more. A worker that comes back
// under its name has its earlier runs given away at once, so they must be dead before it says
// hello. kLocked when `limit` has passed.
Result<void> wait_for_predecessors(const std::string& work_root, Duration limit);

class Folder {
 public:
  static Result<Folder> make(const std::string& work_root,
                             const std::vector<sandbox::HomeFile>& home_files,
                             const sandbox::SessionPolicy& session = {});

  Folder() = default;
  const std::string& path() const { return path_; }
  std::string home() const { return path_ + "/home"; }
  std::string workspace() const { return path_ + "/workspace"; }
  std::string temporary() const { return path_ + "/tmp"; }
  int lock_fd() const { return lock_.get(); }
  // Removes it all and lets go of the lock.
  void wipe();

 private:
  std::string path_;
  Fd lock_;
  Fd worker_lock_;
};

}  // namespace personas::sandbox_linux
