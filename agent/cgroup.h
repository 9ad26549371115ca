#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/own_group.h"

namespace berth::agent {

/// One limit of a control group, and where it was read.
struct Limit {
  int64_t amount = 0;
  std::string why;  ///< `cgroup v2 memory.max of /system.slice/x.service`
};

/// What the control groups of this process allow it, and what they have used.
///
/// The kernel enforces the limits of every group above a process, so each answer is the tightest
/// from our own group up to the root of what is mounted. Version 1, version 2 and both at once
/// (hybrid: a controller is in one of the two) are read.
///
/// Shape    paths are found once, in the constructor; files are read at every call
/// Units    milli cores, bytes, microseconds
/// Errors   what is not there or not readable limits nothing
class Cgroup {
 public:
  /// Reads `/proc/self/{cgroup,mountinfo}` and the mounts they name, all below `root`.
  explicit Cgroup(std::filesystem::path root = "/");

  std::optional<Limit> cpu_milli() const;
  std::optional<Limit> memory_bytes() const;
  /// How many processors the group may run on (cpuset).
  std::optional<Limit> cores() const;

  /// CPU time used by our group since it was made.
  std::optional<int64_t> cpu_used_us() const;
  /// Memory of our group, less file cache that the kernel can drop.
  std::optional<int64_t> memory_used_bytes() const;

 private:
  std::string name(const OwnGroup& hierarchy, const std::filesystem::path& group) const;
  template <typename Read>
  std::optional<Limit> tightest(
      const std::optional<OwnGroup>& hierarchy, const char* label, Read read) const;

  std::filesystem::path root_;
  std::optional<OwnGroup> cpu_;
  std::optional<OwnGroup> cpuacct_;
  std::optional<OwnGroup> cpuset_;
  std::optional<OwnGroup> memory_;
};

/// How many numbers a kernel list such as `0-3,8` names.
int64_t count_list(const std::string& list);

}  // namespace berth::agent
