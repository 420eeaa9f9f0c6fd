// Parses the command line and runs the chosen role or client command.
#pragma once

namespace personas::app {

int run_command_line(int argc, char** argv);

}  // namespace personas::app
