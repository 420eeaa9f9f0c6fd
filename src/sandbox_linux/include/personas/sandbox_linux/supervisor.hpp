// The supervisor of one attempt: a process of its own, started by the worker, outside the agent's
// process group and session. It starts the agent, and ends the agent's whole tree when
//   * the control channel closes (the worker died), at once;
//   * the lease ends: at the very `lease_until` it was given last, on CLOCK_BOOTTIME (the worker
//     gives it an end that is earlier than the orchestrator's by its own margin);
//   * the wall limit is over; * it is told to; * the agent itself ended (left-over children).
// It is subreaper, so that children that leave the group or the session still fall to it, and it
// reports the outcome only when no child is left. If it is killed itself, the agent dies with it
// (PR_SET_PDEATHSIG; bubblewrap's --die-with-parent takes its namespace along) and the worker
// sweeps the rest.
#pragma once

namespace personas::sandbox_linux {

// Entry of the hidden subcommand: `<program> supervise-attempt --control-fd 3 …`. The descriptors
// are fixed (channel.hpp). Never returns to run anything else in this process.
int supervisor_main(int argc, char** argv);

}  // namespace personas::sandbox_linux
