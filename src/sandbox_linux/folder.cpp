#include "folder.hpp"

#include <algorithm>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "personas/base/bytes.hpp"

#include "session_files.hpp"

namespace personas::sandbox_linux {
namespace {

constexpr std::string_view kPrefix = "attempt-";
constexpr std::string_view kNewPrefix = "new-attempt-";  // until its lock is held
// A folder stays `new-` for microseconds; older ones are of a process that died in between.
constexpr std::time_t kNewFolderSeconds = 60;
// Below this depth folders are moved up before they are emptied: one descriptor per level is open.
constexpr int kMaxWipeDepth = 48;
// How often is looked whether a predecessor's attempts are over.
constexpr Duration kPredecessorPoll = milliseconds(5);
// Everything is removed in one pass unless somebody still writes or the tree is very deep.
constexpr int kMaxWipePasses = 1000;

std::string random_name() {
  std::uint8_t bytes[12];
  while (::getrandom(bytes, sizeof bytes, 0) != ssize_t{sizeof bytes}) {
  }
  return to_hex(bytes);
}

// Empties one folder, and through itself what is below.
class Wiper {
 public:
  explicit Wiper(int top) : top_(top) {}

  int moved() const { return moved_; }

  // False if something is left (for now).
  bool empty(int folder, int depth) {
    Fd again(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!again) return false;
    DIR* entries = ::fdopendir(again.get());
    if (entries == nullptr) return false;
    again.release();  // closedir() closes it
    bool all = true;
    while (const dirent* entry = ::readdir(entries)) {
      const std::string_view name(entry->d_name);
      if (name == "." || name == "..") continue;
      if (!remove(folder, entry->d_name, depth)) all = false;
    }
    ::closedir(entries);
    return all;
  }

 private:
  bool remove(int folder, const char* name, int depth) {
    if (::unlinkat(folder, name, 0) == 0 || errno == ENOENT) return true;
    struct stat info{};
    if (::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
    if (!S_ISDIR(info.st_mode)) return false;
    if (depth >= kMaxWipeDepth) {
      const std::string higher = "deep-" + std::to_string(++moved_);
      return ::renameat(folder, name, top_, higher.c_str()) == 0 && false;
    }
    // Nobody else lives in this tree any more, so what is a folder stays one.
    const bool closed = (info.st_mode & 0700) != 0700;
    if (closed && ::fchmodat(folder, name, 0700, 0) != 0) return false;
    Fd below(::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below) return false;
    empty(below.get(), depth + 1);
    return ::unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
  }

  int top_;
  int moved_ = 0;
};

bool safe_relative(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos)
    return false;
  while (!path.empty()) {
    std::string_view part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(part.size());
    if (path.starts_with('/')) path.remove_prefix(1);
  }
  return true;
}

Result<void> write_home_file(const std::string& home, const sandbox::HomeFile& file) {
  if (!safe_relative(file.path) || file.path.ends_with('/')) {
    return fail(ErrorCode::kInvalidRequest, "a file of HOME has the path '" + file.path +
                                                "'; it must be relative and without '..'");
  }
  for (std::size_t at = file.path.find('/'); at != std::string::npos;
       at = file.path.find('/', at + 1)) {
    const std::string parent = home + "/" + file.path.substr(0, at);
    if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST) {
      return fail_errno(errno, "cannot make " + parent);
    }
  }
  const std::string path = home + "/" + file.path;
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(errno, "cannot make " + path);
  std::string_view left = file.content;
  while (!left.empty()) {
    ssize_t written = ::write(fd.get(), left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "cannot write " + path);
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// Whether somebody holds it; a probe of ours beside another's finds the same.
bool is_held(int root, const std::string& path) {
  Fd fd(::openat(root, path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  return fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

Result<Fd> make_lock(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return fail_errno(errno, "cannot lock " + path);
  return fd;
}

std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  Fd again(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* entries = again ? ::fdopendir(again.get()) : nullptr;
  if (entries == nullptr) return names;
  again.release();  // closedir() closes it
  while (const dirent* entry = ::readdir(entries)) names.emplace_back(entry->d_name);
  ::closedir(entries);
  return names;
}

// Its worker is dead, and its supervisor is not.
bool is_being_ended(int root, const std::string& name) {
  if (!name.starts_with(kPrefix) || !is_held(root, name + "/.lock")) return false;
  // Without the file it is of a version that had none.
  if (::faccessat(root, (name + "/.worker").c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) return false;
  return !is_held(root, name + "/.worker");
}

bool is_left_over(int root, const char* name) {
  struct stat info{};
  if (::fstatat(root, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(info.st_mode) ||
      info.st_uid != ::geteuid()) {
    return false;
  }
  if (std::string_view(name).starts_with(kNewPrefix)) {
    return info.st_mtime + kNewFolderSeconds < std::time(nullptr);
  }
  if (!std::string_view(name).starts_with(kPrefix)) return false;
  const std::string lock = std::string(name) + "/.lock";
  Fd fd(::openat(root, lock.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  // Without its lock file it is a half-wiped one.
  return !fd ? errno == ENOENT : ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
}

}  // namespace

bool wipe_tree(const std::string& path) {
  ::chmod(path.c_str(), 0700);
  Fd top(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!top) return errno == ENOENT;
  Wiper wiper(top.get());
  for (int pass = 0; pass < kMaxWipePasses; ++pass) {
    // What was moved up may have escaped the pass that moved it.
    const int moved = wiper.moved();
    if (wiper.empty(top.get(), 0) && wiper.moved() == moved) break;
  }
  return ::rmdir(path.c_str()) == 0;
}

void wipe_left_overs(const std::string& work_root) {
  Fd root(::open(work_root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return;
  for (const auto& name : names_in(root.get())) {
    if (is_left_over(root.get(), name.c_str())) wipe_tree(work_root + "/" + name);
  }
}

Result<void> wait_for_predecessors(const std::string& work_root, Duration limit) {
  Fd root(::open(work_root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail_errno(errno, "cannot open " + work_root);
  const auto being_ended = [&](const std::string& name) {
    return is_being_ended(root.get(), name);
  };
  const auto names = names_in(root.get());  // whoever comes later is not a predecessor
  for (Duration waited{}; std::ranges::any_of(names, being_ended); waited += kPredecessorPoll) {
    if (waited >= limit) {
      return fail(ErrorCode::kLocked,
                  "An earlier worker died, and the supervisors of its runs in " + work_root +
                      " have not ended them yet; start again later, or kill what they left");
    }
    const timespec pause{0, kPredecessorPoll.count() * 1000};
    ::nanosleep(&pause, nullptr);
  }
  return {};
}

Result<Folder> Folder::make(const std::string& work_root,
                            const std::vector<sandbox::HomeFile>& home_files,
                            const sandbox::SessionPolicy& session) {
  const std::string name = random_name();
  const std::string fresh = work_root + "/" + std::string(kNewPrefix) + name;
  if (::mkdir(fresh.c_str(), 0700) != 0) return fail_errno(errno, "cannot make " + fresh);
  Folder folder;
  folder.path_ = fresh;
  Result<void> made = [&]() -> Result<void> {
    TRY(folder.lock_, make_lock(fresh + "/.lock"));
    TRY(folder.worker_lock_, make_lock(fresh + "/.worker"));
    for (const char* part : {"/home", "/workspace", "/tmp"}) {
      if (::mkdir((fresh + part).c_str(), 0700) != 0)
        return fail_errno(errno, "cannot make " + fresh);
    }
    for (const auto& file : home_files) TRY_VOID(write_home_file(folder.home(), file));
    const std::string final_path = work_root + "/" + std::string(kPrefix) + name;
    if (::rename(fresh.c_str(), final_path.c_str()) != 0) {
      return fail_errno(errno, "cannot make " + final_path);
    }
    folder.path_ = final_path;
    // Now, because their names tell where the workspace is.
    for (const auto& file : placed_files(session, folder.workspace())) {
      TRY_VOID(write_home_file(folder.home(), file));
    }
    return {};
  }();
  if (!made) {
    folder.wipe();
    return fail(made.error());
  }
  return folder;
}

void Folder::wipe() {
  if (path_.empty()) return;
  wipe_tree(path_);
  path_.clear();
  lock_ = Fd();
  worker_lock_ = Fd();
}

}  // namespace personas::sandbox_linux
