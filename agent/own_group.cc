#include "agent/own_group.h"

#include <fstream>
#include <sstream>
#include <vector>

namespace berth::agent {

namespace fs = std::filesystem;

namespace {

struct Mount {
  fs::path root;   // which group of the hierarchy is mounted
  fs::path point;  // where
  bool v2 = false;
  std::string options;
};

/// The cgroup mounts of mountinfo: `id parent dev ROOT POINT options … - TYPE source SUPER`.
std::vector<Mount> read_mounts(const fs::path& root) {
  std::vector<Mount> mounts;
  std::ifstream file(root / "proc/self/mountinfo");
  std::string line;
  while (std::getline(file, line)) {
    size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream before(line.substr(0, dash));
    std::istringstream after(line.substr(dash + 3));
    std::string skip, mount_root, point, type, options;
    before >> skip >> skip >> skip >> mount_root >> point;
    after >> type >> skip >> options;
    if (type != "cgroup" && type != "cgroup2") continue;
    mounts.push_back({mount_root, point, type == "cgroup2", options});
  }
  return mounts;
}

bool has_word(const std::string& list, const std::string& word) {
  std::istringstream words(list);
  std::string each;
  while (std::getline(words, each, ',')) {
    if (each == word) return true;
  }
  return false;
}

/// The group of a process in the hierarchy of `controller` (empty: version 2), from
/// `id:controllers:path` lines.
std::optional<std::string> group_of(
    const fs::path& root, const std::string& process, const std::string& controller) {
  std::ifstream file(root / "proc" / process / "cgroup");
  std::string line;
  while (std::getline(file, line)) {
    size_t first = line.find(':');
    size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    bool ours = controller.empty() ? controllers.empty() && line.compare(0, first, "0") == 0
                                   : has_word(controllers, controller);
    if (ours) return line.substr(second + 1);
  }
  return std::nullopt;
}

/// The directory of `group` below the mount. Inside a container the path may be told as the host
/// sees it; then the nearest directory that exists is the group that was mounted for us.
fs::path locate(const fs::path& point, const fs::path& mount_root, const fs::path& group) {
  fs::path relative = group.lexically_relative(mount_root);
  if (relative.empty() || *relative.begin() == "..") return point;
  fs::path directory = relative == "." ? point : point / relative;
  std::error_code error;
  while (directory != point && !fs::is_directory(directory, error)) {
    directory = directory.parent_path();
  }
  return directory;
}

}  // namespace

std::optional<OwnGroup> find_own_group(const fs::path& root, const std::string& controller) {
  return find_group(root, "self", controller);
}

std::optional<OwnGroup> find_group(
    const fs::path& root, const std::string& process, const std::string& controller) {
  std::optional<OwnGroup> unified;
  for (const Mount& mount : read_mounts(root)) {
    if (!mount.v2 && (controller.empty() || !has_word(mount.options, controller))) continue;
    std::optional<std::string> group = group_of(root, process, mount.v2 ? "" : controller);
    if (!group) continue;
    fs::path point = root / mount.point.relative_path();
    OwnGroup found{point, locate(point, mount.root, *group), mount.v2};
    // A controller that version 1 has taken is not in version 2, whatever else is mounted.
    if (!mount.v2) return found;
    unified = found;
  }
  return unified;
}

}  // namespace berth::agent
