#include "loadgen/open_files.h"

#include <sys/resource.h>

namespace berth::loadgen {

Failure allow_connections(uint64_t connections) {
  constexpr uint64_t kOthers = 64;  // the loop, the standard streams, libraries
  uint64_t needed = connections + kOthers;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
  if (limit.rlim_max >= needed) {
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  }
  return {
      kExitFailed,
      std::to_string(connections) + " connections need " + std::to_string(needed) +
          " open files, and this process may have " + std::to_string(limit.rlim_max) +
          ": ask for fewer, or raise the hard limit (ulimit -Hn)"};
}

}  // namespace berth::loadgen
