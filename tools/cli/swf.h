#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace berth::cli {

/// A job of a Standard Workload Format log (Feitelson's Parallel Workloads Archive, version 2.2).
struct LoggedJob {
  int64_t id = 0;
  int64_t submit_s = 0;
  int64_t run_s = 0;
  int64_t processors = 0;
  int64_t requested_s = 0;  ///< 0: it asked for nothing
  std::string user;
  std::string program;
  std::string queue;
};

struct WorkloadLog {
  int64_t processors = 0;       ///< of the machine
  std::vector<LoggedJob> jobs;  ///< by id, those that ran
};

/// False: `fault` names the line and the remedy.
bool read_swf(std::string_view text, WorkloadLog& log, std::string& fault);

}  // namespace berth::cli
