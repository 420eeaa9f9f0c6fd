// The program behind the backend `demo`: prints agents::demo_script for the prompt on stdin.
#pragma once

namespace personas::app {

int demo_agent_main();

}  // namespace personas::app
