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

/// Refuses (EPERM) what refused_calls.h lists, and allows everything else.
SeccompFilter make_seccomp_filter();

}  // namespace berth::agent
