#include "support.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "personas/base/bytes.hpp"
#include "personas/base/clock.hpp"

namespace personas::fuzz {

void violated(const char* file, int line, std::string_view what) {
  std::fprintf(stderr, "%s:%d: the property does not hold: %.*s\n", file, line,
               static_cast<int>(what.size()), what.data());
  std::abort();
}

std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return taken;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) parts.push_back(take_until(text, separator));
  return parts;
}

std::uint64_t number_of(std::string_view text, std::uint64_t most) {
  std::uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') break;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
    if (number > most) return most;
  }
  return number;
}

namespace {

// FNV-1a
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

std::vector<std::vector<std::string_view>> cuttings(std::string_view text) {
  constexpr std::size_t kShort = 600;
  std::vector<std::vector<std::string_view>> result{{text}};
  if (text.size() <= kShort) {
    result.emplace_back();
    for (std::size_t at = 0; at < text.size(); ++at) result.back().push_back(text.substr(at, 1));
  }
  SeededRandom random(hash_of(text));
  for (const std::uint64_t longest : {7ULL, 200ULL}) {
    result.emplace_back();
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t size = 1 + random.below(longest);
      result.back().push_back(rest.substr(0, size));
      rest.remove_prefix(std::min(size, rest.size()));
    }
  }
  return result;
}

bool same_json(const boost::json::value& left, const boost::json::value& right) {
  if (left.is_number() && right.is_number()) {
    if (!left.is_double() && !right.is_double()) return left == right;
    return left.to_number<double>() == right.to_number<double>();
  }
  if (left.kind() != right.kind()) return false;
  if (left.is_array()) {
    const auto& one = left.get_array();
    const auto& other = right.get_array();
    if (one.size() != other.size()) return false;
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (!same_json(one[i], other[i])) return false;
    }
    return true;
  }
  if (!left.is_object()) return left == right;
  const auto& one = left.get_object();
  const auto& other = right.get_object();
  if (one.size() != other.size()) return false;
  for (const auto& [name, value] : one) {
    const auto* found = other.if_contains(name);
    if (found == nullptr || !same_json(value, *found)) return false;
  }
  return true;
}

void check_error(const Error& error) {
  PERSONAS_FUZZ_CHECK(!error.message.empty(), "an error without a sentence");
  PERSONAS_FUZZ_CHECK(is_utf8(error.message), "an error that is not UTF-8");
  for (const auto& field : error.fields) {
    PERSONAS_FUZZ_CHECK(!field.message.empty(), "a wrong field without a sentence", field.path);
    PERSONAS_FUZZ_CHECK(is_utf8(field.message) && is_utf8(field.path), "a field not in UTF-8");
  }
}

}  // namespace personas::fuzz

// The linker puts this before every target (--wrap): each input is written into the file that
// PERSONAS_FUZZ_LAST_INPUT names before it runs, so that one is known whose process had to be
// killed. The file is a size in 8 bytes and the input.
extern "C" int __real_LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int __wrap_LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kBytes = 1024 * 1024;
  static std::uint8_t* const kept = []() -> std::uint8_t* {
    const char* path = std::getenv("PERSONAS_FUZZ_LAST_INPUT");
    if (path == nullptr) return nullptr;
    const int file = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ::ftruncate(file, kBytes) != 0) std::abort();
    void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (memory == MAP_FAILED) std::abort();
    return static_cast<std::uint8_t*>(memory);
  }();
  if (kept != nullptr) {
    const std::uint64_t length = std::min(size, kBytes - sizeof(std::uint64_t));
    std::memcpy(kept, &length, sizeof(length));
    if (length > 0) std::memcpy(kept + sizeof(length), data, length);
  }
  return __real_LLVMFuzzerTestOneInput(data, size);
}
