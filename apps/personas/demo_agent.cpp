#include "demo_agent.hpp"

#include <string>
#include <time.h>
#include <unistd.h>

#include "personas/agents/demo.hpp"

namespace personas::app {
namespace {

constexpr std::size_t kMaxPrompt = 4 * 1024 * 1024;

std::string read_all() {
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t got = ::read(0, buffer, sizeof buffer);
    if (got <= 0 || text.size() > kMaxPrompt) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

bool write_line(std::string line) {
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t put = ::write(1, rest.data(), rest.size());
    if (put <= 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

int demo_agent_main() {
  for (const auto& line : agents::demo_script(read_all())) {
    const timespec pause{.tv_sec = line.pause.count() / 1'000'000,
                         .tv_nsec = line.pause.count() % 1'000'000 * 1'000};
    ::nanosleep(&pause, nullptr);
    if (!write_line(line.text)) return 1;
  }
  return 0;
}

}  // namespace personas::app
