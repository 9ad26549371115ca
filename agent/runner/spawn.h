#pragma once

#include <string>

#include "agent/runner/small_file.h"

namespace berth::agent {

/// A supervisor that was just started.
struct Spawned {
  int pid = -1;
  Fd pidfd;
  bool child = false;    ///< ours, to be waited for
  bool unknown = false;  ///< perhaps it was: the lock on its order will tell
  std::string problem;   ///< not empty: it could not be started
};

/// Starts `helper` (berth-task) in the directory `task` with the order as its descriptor 3, in a
/// session of its own. `mode` is `run` or `recover`. The agent's memory is not copied for it.
Spawned spawn_supervisor(
    const std::string& helper, const char* mode, const std::string& name, int task, int order);

/// Starts supervisors by a template (task/template.h), for a fifth of the cost; without one, as
/// above.
///
/// Threads  the agent's loop, which waits for the fork
/// Errors   a template that does not answer is killed, and another made for the next task; what it
///          was asked for is `unknown` then, because nothing may be started twice
class SupervisorSource {
 public:
  /// `group`: the control group of version 2 that they live in; empty: the agent's own.
  SupervisorSource(std::string helper, std::string group)
      : helper_(std::move(helper)), group_(std::move(group)) {}
  ~SupervisorSource();
  SupervisorSource(const SupervisorSource&) = delete;
  SupervisorSource& operator=(const SupervisorSource&) = delete;

  Spawned start(const char* mode, const std::string& name, int task, int order);

 private:
  void make_template();
  void give_up();
  bool ask(bool recover, const std::string& name, int task, int order);
  void hear(Spawned& spawned);
  void move(const Spawned& spawned) const;

  const std::string helper_;
  const std::string group_;
  Fd socket_;
  int template_ = -1;
};

/// Where the helper programs are: `wanted`, beside this program, or in ../libexec/berth. Empty, and
/// `problem` is set: nowhere.
std::string find_helpers(const std::string& wanted, std::string& problem);

}  // namespace berth::agent
