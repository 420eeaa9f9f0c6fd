#include "log_mark.hpp"

#include <array>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "files.hpp"
#include "page_checksum.hpp"

namespace personas::store_sqlite {

namespace {

// Salts, length, and the checksum of both: one sector, so it is never torn.
constexpr std::size_t kMarkBytes = 24;
constexpr std::size_t kSaltsAt = 16;  // in the header of the log, and 8 in that of a frame
constexpr std::size_t kHeaderSumAt = 24;

using Mark = std::array<std::uint8_t, kMarkBytes>;

Mark encode(LogExtent extent) {
  Mark out;
  std::memcpy(out.data(), &extent.salts, 8);
  std::memcpy(out.data() + 8, &extent.bytes, 8);
  // From a seed, so that a file of zeros is no mark.
  PageChecksum{1, 1}.over({out.data(), 16}).put_little_endian(out.data() + 16);
  return out;
}

std::optional<LogExtent> read_mark(const std::filesystem::path& log) {
  std::ifstream in(mark_path(log), std::ios::binary);
  Mark found{};
  if (!in.read(reinterpret_cast<char*>(found.data()), found.size())) return std::nullopt;
  LogExtent extent;
  std::memcpy(&extent.salts, found.data(), 8);
  std::memcpy(&extent.bytes, found.data() + 8, 8);
  if (encode(extent) != found || extent.bytes <= kLogHeaderBytes) return std::nullopt;
  return extent;
}

// Reads one after the other what the log consists of.
class LogFile {
 public:
  explicit LogFile(const std::filesystem::path& path) : in_(path, std::ios::binary) {}

  bool is_there() { return in_.peek() != std::ifstream::traits_type::eof(); }

  // The salts, or nothing if the header is damaged.
  std::optional<std::uint64_t> header() {
    std::array<std::uint8_t, kLogHeaderBytes> header;
    if (!read(header)) return std::nullopt;
    sum_ = PageChecksum{}.over({header.data(), kHeaderSumAt});
    if (sum_ != PageChecksum::big_endian(header.data() + kHeaderSumAt)) return std::nullopt;
    std::memcpy(&salts_, header.data() + kSaltsAt, 8);
    return salts_;
  }
  bool next_frame_is_whole() {
    std::array<std::uint8_t, kFrameBytes> frame;
    if (!read(frame) || std::memcmp(frame.data() + 8, &salts_, 8) != 0) return false;
    sum_ = sum_.over({frame.data(), 8}).over({frame.data() + kFrameHeaderBytes, kPageBytes});
    return sum_ == PageChecksum::big_endian(frame.data() + 16);
  }

 private:
  bool read(std::span<std::uint8_t> into) {
    return static_cast<bool>(
        in_.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size())));
  }

  std::ifstream in_;
  PageChecksum sum_;
  std::uint64_t salts_ = 0;
};

std::unexpected<Error> damaged(const std::filesystem::path& log, std::string_view where) {
  return fail(ErrorCode::kCorrupt,
              fmt::format("the log {} is damaged {} and holds acknowledged changes; nothing was "
                          "changed. Restore the database from a backup, or, to go on without what "
                          "follows the damage, delete {}",
                          log.string(), where, mark_path(log).string()));
}

}  // namespace

std::filesystem::path mark_path(const std::filesystem::path& log) {
  auto path = log;
  return path += "mark";
}

Result<void> check_log(const std::filesystem::path& database) {
  const auto log = wal_path(database);
  const auto mark = read_mark(log);
  LogFile file(log);
  if (!mark || !file.is_there()) return {};
  const auto salts = file.header();
  if (!salts) return damaged(log, "in its header");
  if (*salts != mark->salts) return {};
  const auto frames = (mark->bytes - kLogHeaderBytes) / kFrameBytes;
  for (std::int64_t frame = 1; frame <= frames; ++frame) {
    if (!file.next_frame_is_whole()) {
      return damaged(log, fmt::format("in frame {} of {}", frame, frames));
    }
  }
  return {};
}

LogMark::LogMark(sqlite3_vfs* vfs, const std::string& log)
    : vfs_(vfs), path_(mark_path(log).string()) {
  path_.append(2, '\0');  // as SQLite passes names
}

LogMark::~LogMark() {
  if (file_ != nullptr) file_->pMethods->xClose(file_);
}

// As a journal: made with the database's mode, and its name is synced with its first fsync.
int LogMark::open() {
  if (file_ != nullptr) return SQLITE_OK;
  memory_.assign(static_cast<std::size_t>(vfs_->szOsFile), 0);
  auto* file = reinterpret_cast<sqlite3_file*>(memory_.data());
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL;
  const int code = vfs_->xOpen(vfs_, path_.c_str(), file, kFlags, nullptr);
  if (code == SQLITE_OK) file_ = file;
  return code;
}

int LogMark::put(LogExtent extent) {
  if (const int code = open(); code != SQLITE_OK) return code;
  const auto bytes = encode(extent);
  return file_->pMethods->xWrite(file_, bytes.data(), static_cast<int>(bytes.size()), 0);
}

int LogMark::advance(LogExtent extent) {
  const std::lock_guard lock(mutex_);
  claims_ = true;
  const int code = put(extent);
  return code == SQLITE_FULL ? SQLITE_OK : code;
}

int LogMark::withdraw() {
  const std::lock_guard lock(mutex_);
  if (!claims_) return SQLITE_OK;
  if (const int code = put({}); code != SQLITE_OK) return code;
  if (const int code = file_->pMethods->xSync(file_, SQLITE_SYNC_NORMAL); code != SQLITE_OK) {
    return code;
  }
  claims_ = false;
  return SQLITE_OK;
}

}  // namespace personas::store_sqlite
