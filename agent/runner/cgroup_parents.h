#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/runner/order.h"
#include "agent/runner/small_file.h"

namespace berth::agent {

/// Where tasks get their control groups: a group `berth-…` below the agent's own in every
/// hierarchy, so that what limits the agent limits its tasks too, and no other group is touched. Or
/// below another group of version 2, where one is named: systemd cannot start the agent again in a
/// group that has tasks below it.
struct CgroupPlace {
  CgroupParents parents;
  std::string supervisors;  ///< the group that supervisors have to enter; empty: the agent's own
  std::string why;          ///< one sentence: what limits tasks here, or why nothing does
  /// Locks on the groups, which end with the agent, however it ends: the next agent removes those
  /// of others that are neither locked nor used.
  std::vector<Fd> locks;
};

/// `berth-` and a hash: the tasks of two agents of one machine must not meet in one group.
std::string cgroup_parent_name(const std::string& state_dir);
/// Makes the groups. `below` names the group of version 2 to make them in, from the root of the
/// hierarchy; empty, or not to be had, or version 1: the agent's own.
CgroupPlace make_cgroup_parents(
    const std::string& name, const std::string& below, const std::filesystem::path& root = "/");
/// Removes those that no task is in any more.
void remove_cgroup_parents(const CgroupParents& parents);

}  // namespace berth::agent
