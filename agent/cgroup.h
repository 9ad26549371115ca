#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

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
  /// A mounted hierarchy and the directory of our group in it; `own` is `mount` or below it.
  struct Hierarchy {
    std::filesystem::path mount;
    std::filesystem::path own;
    bool v2 = false;
  };

  std::optional<Hierarchy> find(const std::string& controller) const;
  std::string name(const Hierarchy& hierarchy, const std::filesystem::path& group) const;
  template <typename Read>
  std::optional<Limit> tightest(
      const std::optional<Hierarchy>& hierarchy, const char* label, Read read) const;

  std::filesystem::path root_;
  std::optional<Hierarchy> cpu_;
  std::optional<Hierarchy> cpuacct_;
  std::optional<Hierarchy> cpuset_;
  std::optional<Hierarchy> memory_;
};

/// How many numbers a kernel list such as `0-3,8` names.
int64_t count_list(const std::string& list);

}  // namespace berth::agent
