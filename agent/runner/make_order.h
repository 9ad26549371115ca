#pragma once

#include <string>
#include <vector>

#include "agent/runner/order.h"
#include "agent/runner/runner.h"
#include "agent/runner/user.h"
#include "wire/job_messages.h"

namespace berth::agent {

/// What all orders of one agent have in common.
struct OrderBasis {
  User user;          ///< of processes
  User sandbox_user;  ///< never root
  bool may_switch = false;
  CgroupParents cgroups;
  std::vector<uint8_t> seccomp;
  std::string state_dir;
  std::string images;
  std::string image_helper;
  std::string engine_socket;  ///< empty: no engine works here
  std::string engine_helper;
  std::string engine_owner;
  uint32_t pids_max = 0;
  uint64_t output_bytes_max = 0;
  uint64_t artifact_bytes_max = 0;
};

/// Where a task finds its own directory: BERTH_TASK_DIR.
inline constexpr const char* kContainerTaskDir = "/berth";

/// Which runner a job gets: its own wish, or the plainest one that can do it.
wire::Runner runner_of(const wire::JobSpec& spec);

/// Whether an engine runs this image: one that has a name, when no file here has that name.
bool is_for_engine(const OrderBasis& basis, const std::string& image);

/// All that a supervisor needs, from what the job says.
Order make_order(const OrderBasis& basis, const TaskOrder& task, const wire::JobSpec& spec);

}  // namespace berth::agent
