// The long-running roles of the process. Each returns the exit code of the process.
#pragma once

#include "personas/settings/settings.hpp"

#include "world.hpp"

namespace personas::app {

// Everything on this machine: orchestrator and one local worker.
int run_up(World& world, settings::Settings settings);
// The orchestrator alone.
int run_serve(World& world, settings::Settings settings);
// A worker alone; connects to an orchestrator.
int run_worker(World& world, settings::Settings settings);

}  // namespace personas::app
