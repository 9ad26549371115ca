#include "agent/cgroup.h"

#include <fstream>
#include <sstream>
#include <vector>

#include "agent/proc_file.h"

namespace berth::agent {

namespace fs = std::filesystem;

namespace {

/// Version 1 writes "no limit" as a number near 2^63, rounded down to a page.
constexpr int64_t kUnlimitedBytes = int64_t{1} << 62;

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

/// Our group in the hierarchy of `controller` (empty: version 2), from `id:controllers:path` lines.
std::optional<std::string> own_group(const fs::path& root, const std::string& controller) {
  std::ifstream file(root / "proc/self/cgroup");
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

std::optional<int64_t> cpu_quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  std::string quota;
  int64_t period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
  std::optional<int64_t> us = parse_number(quota);
  return us ? std::optional(*us * 1000 / period) : std::nullopt;
}

std::optional<int64_t> cpu_quota_v1(const fs::path& group) {
  std::optional<int64_t> quota = read_number(group / "cpu.cfs_quota_us");
  std::optional<int64_t> period = read_number(group / "cpu.cfs_period_us");
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota * 1000 / *period;
}

std::optional<int64_t> memory_limit(const fs::path& file) {
  std::optional<int64_t> bytes = read_number(file);  // "max" is no number
  return bytes && *bytes < kUnlimitedBytes ? bytes : std::nullopt;
}

}  // namespace

Cgroup::Cgroup(fs::path root) : root_(std::move(root)) {
  cpu_ = find("cpu");
  cpuacct_ = find("cpuacct");
  cpuset_ = find("cpuset");
  memory_ = find("memory");
}

std::optional<Cgroup::Hierarchy> Cgroup::find(const std::string& controller) const {
  std::optional<Hierarchy> unified;
  for (const Mount& mount : read_mounts(root_)) {
    if (!mount.v2 && !has_word(mount.options, controller)) continue;
    std::optional<std::string> group = own_group(root_, mount.v2 ? "" : controller);
    if (!group) continue;
    fs::path point = root_ / mount.point.relative_path();
    Hierarchy hierarchy{point, locate(point, mount.root, *group), mount.v2};
    // A controller that version 1 has taken is not in version 2, whatever else is mounted.
    if (!mount.v2) return hierarchy;
    unified = hierarchy;
  }
  return unified;
}

std::string Cgroup::name(const Hierarchy& hierarchy, const fs::path& group) const {
  fs::path relative = group.lexically_relative(hierarchy.mount);
  if (relative == "." || relative.empty()) return "/";
  std::string name = "/";
  name += relative.string();
  return name;
}

template <typename Read>
std::optional<Limit> Cgroup::tightest(
    const std::optional<Hierarchy>& hierarchy, const char* label, Read read) const {
  if (!hierarchy) return std::nullopt;
  std::optional<Limit> least;
  fs::path group = hierarchy->own;
  while (true) {
    std::optional<int64_t> amount = read(group);
    if (amount && (!least || *amount < least->amount)) {
      const char* version = hierarchy->v2 ? "cgroup v2 " : "cgroup v1 ";
      least = Limit{*amount, version + std::string(label) + " of " + name(*hierarchy, group)};
    }
    if (group == hierarchy->mount) return least;
    group = group.parent_path();
  }
}

std::optional<Limit> Cgroup::cpu_milli() const {
  if (cpu_ && cpu_->v2) return tightest(cpu_, "cpu.max", cpu_quota_v2);
  return tightest(cpu_, "cpu.cfs_quota_us", cpu_quota_v1);
}

std::optional<Limit> Cgroup::memory_bytes() const {
  const char* file = memory_ && memory_->v2 ? "memory.max" : "memory.limit_in_bytes";
  return tightest(
      memory_, file, [file](const fs::path& group) { return memory_limit(group / file); });
}

std::optional<Limit> Cgroup::cores() const {
  if (!cpuset_) return std::nullopt;
  const char* file = cpuset_->v2 ? "cpuset.cpus.effective" : "cpuset.effective_cpus";
  return tightest(cpuset_, file, [file](const fs::path& group) -> std::optional<int64_t> {
    std::optional<std::string> list = read_text(group / file);
    int64_t count = list ? count_list(*list) : 0;
    return count > 0 ? std::optional(count) : std::nullopt;
  });
}

std::optional<int64_t> Cgroup::cpu_used_us() const {
  if (cpuacct_ && !cpuacct_->v2) {
    std::optional<int64_t> ns = read_number(cpuacct_->own / "cpuacct.usage");
    return ns ? std::optional(*ns / 1000) : std::nullopt;
  }
  return cpu_ && cpu_->v2 ? read_keyed(cpu_->own / "cpu.stat", "usage_usec") : std::nullopt;
}

std::optional<int64_t> Cgroup::memory_used_bytes() const {
  if (!memory_) return std::nullopt;
  const char* file = memory_->v2 ? "memory.current" : "memory.usage_in_bytes";
  const char* cache = memory_->v2 ? "inactive_file" : "total_inactive_file";
  std::optional<int64_t> used = read_number(memory_->own / file);
  if (!used) return std::nullopt;
  int64_t droppable = read_keyed(memory_->own / "memory.stat", cache).value_or(0);
  return droppable < *used ? *used - droppable : 0;
}

int64_t count_list(const std::string& list) {
  int64_t count = 0;
  std::istringstream ranges(list);
  std::string range;
  while (std::getline(ranges, range, ',')) {
    size_t dash = range.find('-');
    std::optional<int64_t> first = parse_number(range);
    std::optional<int64_t> last =
        dash == std::string::npos ? first : parse_number(std::string_view(range).substr(dash + 1));
    if (first && last && *last >= *first) count += *last - *first + 1;
  }
  return count;
}

}  // namespace berth::agent
