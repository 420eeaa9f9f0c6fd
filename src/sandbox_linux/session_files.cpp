#include "session_files.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <utility>

#include "personas/base/bytes.hpp"

namespace personas::sandbox_linux {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
constexpr int kFileFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

// A second name could be that of a file elsewhere which the agent may link to but not read.
bool is_plain_file(const struct stat& info) {
  return S_ISREG(info.st_mode) && info.st_nlink == 1 && info.st_uid == ::geteuid();
}

bool is_usable_name(std::string_view path) {
  return path.size() <= kMaxSessionPath && is_utf8(path) && std::ranges::none_of(path, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
         });
}

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

Fd open_folder(int parent, const char* name) {
  return Fd(::openat(parent, name, kFolderFlags));
}

// Each part is one name and is opened in the folder of the part before, so no link is followed.
Fd open_below(int top, std::string_view path, int last_flags) {
  Fd folder(::fcntl(top, F_DUPFD_CLOEXEC, 0));
  while (folder) {
    const std::size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    if (name.empty() || name == "." || name == "..") return Fd();
    if (slash == std::string_view::npos)
      return Fd(::openat(folder.get(), name.c_str(), last_flags));
    folder = open_folder(folder.get(), name.c_str());
    path.remove_prefix(slash + 1);
  }
  return Fd();
}

bool begins_with(int file, const std::string& head) {
  std::string now(head.size(), '\0');
  return ::pread(file, now.data(), now.size(), 0) == static_cast<ssize_t>(head.size()) &&
         now == head;
}

}  // namespace

std::vector<sandbox::HomeFile> placed_files(const sandbox::SessionPolicy& policy,
                                            const std::string& workspace) {
  std::vector<sandbox::HomeFile> placed;
  for (const auto& file : policy.files) {
    placed.push_back({policy.root + "/" + policy.placed(file.path, workspace), file.content});
  }
  return placed;
}

SessionFiles::SessionFiles(const std::string& home, const std::string& workspace,
                           sandbox::SessionPolicy policy)
    : policy_(std::move(policy)) {
  if (policy_.root.empty()) return;
  home_ = Fd(::open(home.c_str(), kFolderFlags));
  for (auto& file : std::exchange(policy_.files, {})) {
    File known;
    known.path = policy_.placed(file.path, workspace);
    known.shown = std::move(file.path);
    known.told = static_cast<std::int64_t>(file.content.size());
    known.head = file.content.substr(0, kSessionHead);
    total_ += known.told;
    files_.push_back(std::move(known));
  }
}

void SessionFiles::look() {
  if (!enabled() || over_) return;
  entries_left_ = kMaxSessionEntries;
  const Fd root = open_below(home_.get(), policy_.root, kFolderFlags);
  if (root) walk(root.get(), "", 0);
}

void SessionFiles::walk(int folder, const std::string& prefix, int depth) {
  Fd again = open_folder(folder, ".");
  DIR* entries = again ? ::fdopendir(again.get()) : nullptr;
  if (entries == nullptr) return;
  again.release();  // closedir() closes it
  while (const dirent* entry = ::readdir(entries)) {
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") continue;
    if (entries_left_-- <= 0) break;
    std::string path = prefix + std::string(name);
    if (!is_usable_name(path)) continue;
    if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) {
      const Fd below = depth < kMaxSessionDepth ? open_folder(folder, entry->d_name) : Fd();
      if (below) walk(below.get(), path + "/", depth + 1);
    }
    if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) {
      found(std::move(path), folder, entry->d_name);
    }
  }
  ::closedir(entries);
}

SessionFiles::File* SessionFiles::find(std::string_view path) {
  const auto known = std::ranges::find(files_, path, &File::path);
  return known == files_.end() ? nullptr : &*known;
}

void SessionFiles::found(std::string path, int folder, const char* name) {
  struct stat info{};
  if (::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !is_plain_file(info)) return;
  File* file = find(path);
  if (file == nullptr) {
    if (files_.size() >= policy_.max_files || !policy_.wanted(path)) return;
    file = &files_.emplace_back();
    file->shown = path;
    file->path = std::move(path);
  }
  const bool same = file->inode == info.st_ino && file->size == info.st_size &&
                    same_time(file->modified, info.st_mtim);
  if (same) return;
  file->changed = true;
}

std::optional<sandbox::SessionPiece> SessionFiles::next() {
  for (auto& file : files_) {
    while (file.changed && !over_) {
      if (auto piece = read(file)) return piece;
    }
  }
  return std::nullopt;
}

std::optional<sandbox::SessionPiece> SessionFiles::read(File& file) {
  const Fd fd = open_below(home_.get(), policy_.root + "/" + file.path, kFileFlags);
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !is_plain_file(info)) {
    file.changed = false;  // a later look may find it again
    return std::nullopt;
  }
  const bool replaced = file.inode != 0 && file.inode != info.st_ino;
  const bool anew =
      file.told > 0 && (replaced || info.st_size < file.told || !begins_with(fd.get(), file.head));
  if (anew) {
    total_ -= file.told;
    file.told = 0;
    file.head.clear();
  }
  file.inode = info.st_ino;
  file.size = info.st_size;
  file.modified = info.st_mtim;
  sandbox::SessionPiece piece{file.shown, file.told, std::string(sandbox::kMaxSessionPiece, '\0')};
  const ssize_t got = ::pread(fd.get(), piece.data.data(), piece.data.size(), file.told);
  piece.data.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (file.head.size() < kSessionHead) {
    file.head += piece.data.substr(0, kSessionHead - file.head.size());
  }
  file.told += static_cast<std::int64_t>(piece.data.size());
  total_ += static_cast<std::int64_t>(piece.data.size());
  file.changed = file.told < info.st_size && got > 0;
  over_ = total_ > policy_.max_bytes;
  // With nothing in it, it still says that what was told before is void.
  if (piece.data.empty() && !anew) return std::nullopt;
  return piece;
}

}  // namespace personas::sandbox_linux
