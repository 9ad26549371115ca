#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/cgroup.h"
#include "wire/messages.h"

namespace berth::agent {

/// An amount and where it comes from, for the log: "memory 8192 MiB: cgroup v2 memory.max of /x".
struct Reading {
  int64_t amount = 0;
  std::string why;
};

/// What the machine, or the part of it that we are confined to, has in total.
struct Machine {
  Reading cpu_milli;
  Reading memory_mib;
  Reading disk_mib;
  Reading network_mbit;
};

/// Reads the kernel's files about capacity and use.
///
/// Where a control group limits cpu or memory, use is that group's; otherwise the machine's.
///
/// Units    as wire::Capacity and wire::Usage
/// Threads  one
/// Errors   what cannot be read is 0, and its `why` says so
class Sampler {
 public:
  /// Kernel files are read below `root`; disk is that of the file system that holds `disk`.
  Sampler(std::filesystem::path root, std::filesystem::path disk);

  Machine read_machine();

  /// CPU is the mean since the last call: the first one says 0. `now_us` is any steady clock.
  wire::Usage read_usage(int64_t now_us);

 private:
  Reading read_cpu();
  Reading read_memory();
  Reading read_disk();
  Reading read_network() const;
  std::optional<int64_t> cpu_used_us() const;
  double memory_used_mib() const;

  const std::filesystem::path root_;
  const std::filesystem::path disk_;
  const Cgroup cgroup_;
  bool cpu_confined_ = false;  ///< by a control group, when the machine was last read
  bool memory_confined_ = false;
  Reading disk_told_;
  std::optional<int64_t> last_cpu_us_;
  int64_t last_us_ = 0;
};

}  // namespace berth::agent
