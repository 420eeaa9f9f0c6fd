#include "personas/os/listeners.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "personas/os/files.hpp"

namespace personas::os {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxTable = 16 * 1024 * 1024;  // of all sockets; about 100,000
constexpr std::string_view kListening = "0A";

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const auto start = std::min(line.find_first_not_of(' '), line.size());
    line.remove_prefix(start);
    const auto end = std::min(line.find(' '), line.size());
    if (end > 0) words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

// The inode of the listening socket: "sl local_address rem_address st … inode", addresses as
// hex:hex.
std::string listening_inode(const std::string& table, std::uint16_t port) {
  std::string_view rest = table;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto words = words_of(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (words.size() < 10 || words[3] != kListening) continue;
    const auto colon = words[1].rfind(':');
    if (colon == std::string_view::npos) continue;
    unsigned found = 0;
    const auto digits = words[1].substr(colon + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), found, 16);
    if (found == port) return std::string(words[9]);
  }
  return {};
}

bool holds_socket(const fs::path& process, const std::string& wanted) {
  std::error_code error;
  for (fs::directory_iterator entry(process / "fd", error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (fs::read_symlink(entry->path(), ignored) == wanted) return true;
  }
  return false;
}

std::string holder_of(const std::string& inode) {
  const std::string wanted = "socket:[" + inode + "]";
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string pid = entry->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!holds_socket(entry->path(), wanted)) continue;
    auto name = read_file(entry->path() / "comm", 256);
    if (name) std::erase(*name, '\n');
    return (name ? *name : std::string("a process")) + " (pid " + pid + ")";
  }
  return {};
}

}  // namespace

std::optional<std::string> find_listener(std::uint16_t port) {
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const auto sockets = read_file(table, kMaxTable);
    if (!sockets) continue;
    const auto inode = listening_inode(*sockets, port);
    if (!inode.empty()) return holder_of(inode);
  }
  return std::nullopt;
}

}  // namespace personas::os
