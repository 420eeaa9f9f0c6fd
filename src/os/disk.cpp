#include "personas/os/disk.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <string_view>
#include <sys/statfs.h>
#include <unistd.h>

#include "fd.hpp"

namespace personas::os {
namespace {

struct Kind {
  std::uint32_t magic;  // statfs(2)
  std::string_view name;
};
constexpr std::array kKinds{
    Kind{0xEF53, "ext4"},          Kind{0x58465342, "xfs"},   Kind{0x9123683E, "btrfs"},
    Kind{0x01021994, "tmpfs"},     Kind{0x858458F6, "ramfs"}, Kind{0x6969, "nfs"},
    Kind{0xFF534D42, "cifs"},      Kind{0xFE534D42, "cifs"},  Kind{0x01021997, "9p"},
    Kind{0x794C7630, "overlayfs"}, Kind{0x2FC12FC1, "zfs"},   Kind{0x65735546, "fuse"},
    Kind{0xF2F52010, "f2fs"}};

}  // namespace

DiskFacts look_at_disk(const std::string& folder) {
  DiskFacts facts;
  struct statfs found{};
  if (::statfs(folder.c_str(), &found) != 0) return facts;
  const auto block = static_cast<std::int64_t>(found.f_bsize);
  facts.free_bytes = static_cast<std::int64_t>(found.f_bavail) * block;
  facts.total_bytes = static_cast<std::int64_t>(found.f_blocks) * block;
  const auto magic = static_cast<std::uint32_t>(found.f_type);
  const auto kind = std::ranges::find(kKinds, magic, &Kind::magic);
  if (kind != kKinds.end()) facts.file_system = kind->name;
  return facts;
}

std::optional<Duration> time_of_sync(const std::string& folder, const Clock& clock) {
  const std::string path = folder + "/.sync-" + std::to_string(::getpid());
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return std::nullopt;
  ::unlink(path.c_str());  // gone with us, however we end
  std::array<Duration, 7> took{};
  for (auto& time : took) {
    const std::array<char, 512> block{};
    if (::write(file.get(), block.data(), block.size()) < 0) return std::nullopt;
    const Instant before = clock.now();
    if (::fsync(file.get()) != 0) return std::nullopt;
    time = clock.now() - before;
  }
  std::ranges::sort(took);
  return took[took.size() / 2];
}

}  // namespace personas::os
