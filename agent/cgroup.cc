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
  cpu_ = find_own_group(root_, "cpu");
  cpuacct_ = find_own_group(root_, "cpuacct");
  cpuset_ = find_own_group(root_, "cpuset");
  memory_ = find_own_group(root_, "memory");
}

std::string Cgroup::name(const OwnGroup& hierarchy, const fs::path& group) const {
  fs::path relative = group.lexically_relative(hierarchy.mount);
  if (relative == "." || relative.empty()) return "/";
  std::string name = "/";
  name += relative.string();
  return name;
}

template <typename Read>
std::optional<Limit> Cgroup::tightest(
    const std::optional<OwnGroup>& hierarchy, const char* label, Read read) const {
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
