// The command line: which role this process plays.
#include <string_view>

#include "personas/sandbox_linux/supervisor.hpp"

#include "commands.hpp"
#include "demo_agent.hpp"

int main(int argc, char** argv) {
  using namespace personas::app;
  // Our own helper processes come first and touch nothing else: a supervisor must be tiny.
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "supervise-attempt") {
    return personas::sandbox_linux::supervisor_main(argc - 1, argv + 1);
  }
  if (role == "demo-agent") return demo_agent_main();
  return run_command_line(argc, argv);
}
