#include "tools/cli/swf.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tools/cli/replay.h"

// Whatever is accepted as a log can be replayed, or it is said why not: nobody starts before they
// came.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace berth::cli;
  WorkloadLog log;
  std::string fault;
  if (!read_swf(std::string_view(reinterpret_cast<const char*>(data), size), log, fault)) {
    if (fault.empty()) std::abort();
    return 0;
  }
  std::erase_if(log.jobs, [&](const LoggedJob& job) { return job.processors > log.processors; });
  if (log.jobs.size() > 20) log.jobs.resize(20);
  for (ReplayPolicy policy : {ReplayPolicy::Sjbf, ReplayPolicy::Plan}) {
    const ReplaySettings settings = {policy, Estimates::Learned, 1, 200};
    if (!replay_fault(log.jobs, log.processors, settings).empty()) continue;
    const auto starts = replay(log.jobs, log.processors, settings, [](size_t) {});
    for (size_t i = 0; i < starts.size(); ++i) {
      if (starts[i] < log.jobs[i].submit_s) std::abort();
    }
  }
  return 0;
}
