// Finding and ending processes below us. Private.
//
// A pid is only signalled while it is our unreaped child, so that it cannot have become somebody
// else's.
#pragma once

#include <functional>
#include <sys/types.h>

namespace personas::sandbox_linux {

// Calls `visit` for each direct child of this process, of all its threads, zombies included.
void for_each_child(const std::function<void(pid_t)>& visit);

// The supervisors that this process started and has not reaped. Thread-safe. SupervisorGuard is
// held around a spawn, so that a sweep never takes a new supervisor for an orphan.
class SupervisorGuard {
 public:
  SupervisorGuard();
  ~SupervisorGuard();
  SupervisorGuard(const SupervisorGuard&) = delete;
  SupervisorGuard& operator=(const SupervisorGuard&) = delete;
  void add(pid_t pid);
  void remove(pid_t pid);
};

// Kills and reaps what a killed supervisor left to us, and tells how many it saw; 0 means that
// nothing is left.
//
// Orphans are told from other children by marks that an agent cannot take off: it is in another
// session than we (nobody can enter a session), it has no_new_privs (irrevocable, inherited), and
// it is no supervisor. As every process of such a tree hangs, by living or unreaped parents, on a
// direct child of ours until we reap that one, a pass that finds none proves that the tree is gone.
// Orphans of attempts whose supervisor lives fall to that supervisor, never to us.
std::size_t sweep_orphans();

}  // namespace personas::sandbox_linux
