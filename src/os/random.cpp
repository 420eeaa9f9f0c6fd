#include "personas/os/random.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <sys/random.h>

namespace personas::os {
namespace {

// 256 bytes is what getrandom(2) hands out without being interruptible; enough for 16 ids.
constexpr std::size_t kBufferBytes = 256;

// Counts forks, so that parent and child do not share what is left in a buffer.
std::atomic<std::uint64_t> fork_generation{1};

void from_kernel(std::uint8_t* out, std::size_t size) {
  while (size > 0) {
    ssize_t got = getrandom(out, size, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      // Without randomness no secret, token or nonce can be made: going on would be unsafe.
      std::abort();
    }
    out += got;
    size -= static_cast<std::size_t>(got);
  }
}

struct Buffer {
  std::array<std::uint8_t, kBufferBytes> bytes{};
  std::size_t used = kBufferBytes;
  std::uint64_t generation = 0;
};

Buffer& thread_buffer() {
  thread_local Buffer buffer;
  return buffer;
}

}  // namespace

void SystemRandom::fill(std::span<std::uint8_t> bytes) {
  static const int at_fork = pthread_atfork(nullptr, nullptr, [] { ++fork_generation; });
  static_cast<void>(at_fork);
  if (bytes.size() > kBufferBytes) return from_kernel(bytes.data(), bytes.size());

  Buffer& buffer = thread_buffer();
  if (buffer.generation != fork_generation || kBufferBytes - buffer.used < bytes.size()) {
    from_kernel(buffer.bytes.data(), kBufferBytes);
    buffer.used = 0;
    buffer.generation = fork_generation;
  }
  std::uint8_t* source = buffer.bytes.data() + buffer.used;
  std::copy_n(source, bytes.size(), bytes.data());
  explicit_bzero(source, bytes.size());
  buffer.used += bytes.size();
}

}  // namespace personas::os
