#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace berth::agent {

/// The filter of system calls that sandboxed tasks get, as the kernel wants it; made once, because
/// that takes longer than to start a task.
struct SeccompFilter {
  std::vector<uint8_t> program;
  std::string problem;  ///< not empty: why there is none
};

/// Refuses (EPERM) what changes the machine, looks into other processes, makes further namespaces
/// or has often been the way out of a sandbox; everything else is allowed.
SeccompFilter make_seccomp_filter();

}  // namespace berth::agent
