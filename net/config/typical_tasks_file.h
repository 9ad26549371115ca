#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/placement/typical_tasks.h"
#include "core/tables/names.h"

namespace berth::net {

/// One line of a file of typical tasks, as core/placement/README.md describes it.
struct TypicalTaskLine {
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int64_t num_gpu = 0;
  int64_t gpu_milli = 1000;  ///< of each device
  std::vector<std::string> models;
  double share = 1;
};

/// Reads such a file's text; `path` is for sentences. False: one sentence with the line's number.
bool parse_typical_tasks(
    std::string_view text,
    const std::string& path,
    std::vector<TypicalTaskLine>& lines,
    std::string& problem);

/// As the policy takes them; models become names of the server.
std::vector<core::TypicalTask> typical_tasks(
    const std::vector<TypicalTaskLine>& lines, core::Names& names);

}  // namespace berth::net
