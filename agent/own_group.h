#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace berth::agent {

/// A mounted hierarchy of control groups, and the directory of a process's group in it, ours if no
/// other is meant; `own` is `mount` or below it.
struct OwnGroup {
  std::filesystem::path mount;
  std::filesystem::path own;
  bool v2 = false;
};

/// Where the group of this process is that has `controller`; null: nowhere. With an empty name: in
/// version 2, whatever it controls. Reads `/proc/self/{cgroup,mountinfo}` below `root`.
std::optional<OwnGroup> find_own_group(
    const std::filesystem::path& root, const std::string& controller);
/// The same of another process, by its number; of a group that cannot be seen from here, the
/// nearest above it that can.
std::optional<OwnGroup> find_group(
    const std::filesystem::path& root, const std::string& process, const std::string& controller);

}  // namespace berth::agent
