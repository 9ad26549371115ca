#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/runner/order.h"
#include "agent/runner/small_file.h"

namespace berth::agent {

/// What a group says its processes used. Empty: it does not count that.
struct GroupUsage {
  std::optional<uint64_t> cpu_ms;
  std::optional<uint64_t> memory_peak_bytes;
  uint64_t oom_kills = 0;
};

/// The control groups of one task: one directory in every hierarchy that limits or counts.
///
/// A process enters by itself, before it executes the task: with version 1 a move that others make
/// waits for the whole machine (2 ms on an idle one), a thread that moves itself does not.
///
/// Errors   `make` says in a sentence what a limit failed on; without any hierarchy all is a no-op
class TaskCgroup {
 public:
  TaskCgroup(const CgroupParents& parents, const std::string& name);

  /// Makes the groups and sets the limits of `order`. Empty: done.
  std::string make(const Order& order);
  /// Opens the groups that an earlier supervisor made.
  void open_existing();

  bool limits_memory() const { return static_cast<bool>(memory_); }
  /// For clone3's CLONE_INTO_CGROUP; -1: there is no version 2.
  int unified_fd() const { return unified_.get(); }
  /// In the child: enters what CLONE_INTO_CGROUP did not. False: errno says why.
  bool enter() const;

  /// The processes in it, and in the groups they made below.
  std::vector<int> processes() const;
  bool signal_all(int signal) const;
  /// Kills all of them. With version 2 at once; else what forks meanwhile is killed in the next
  /// call, and may not fork at all where processes are limited.
  void kill() const;
  bool populated() const;

  GroupUsage usage() const;
  /// False: something still lives in it.
  bool remove() const;

 private:
  std::string make_group(const std::string& parent, Fd& directory, const char* what);
  std::string limit(const Fd& group, const char* file, const std::string& value) const;
  std::string set_memory(uint64_t bytes);
  std::string set_cpu(uint32_t milli);
  std::string set_pids(uint32_t most);

  const CgroupParents parents_;
  const std::string name_;
  Fd memory_;
  Fd cpu_;
  Fd pids_;
  Fd unified_;
};

}  // namespace berth::agent
