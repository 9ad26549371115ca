#include "agent/runner/task/task_cgroup.h"

#include <dirent.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <functional>

namespace berth::agent {

namespace {

constexpr uint64_t kPeriodUs = 100'000;
constexpr uint64_t kShortestQuotaUs = 1'000;  // the kernel's own limit

std::optional<uint64_t> number_of(const std::string& text) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

std::optional<uint64_t> read_number_at(int directory, const char* file) {
  std::optional<std::string> text = read_file_at(directory, file);
  return text ? number_of(*text) : std::nullopt;
}

/// The number after `key ` in lines of `key number`.
std::optional<uint64_t> read_keyed_at(int directory, const char* file, std::string_view key) {
  std::optional<std::string> text = read_file_at(directory, file);
  if (!text) return std::nullopt;
  std::string wanted = "\n" + std::string(key) + " ";
  size_t at = ("\n" + *text).find(wanted);
  if (at == std::string::npos) return std::nullopt;
  return number_of(text->substr(at + wanted.size() - 1));
}

/// The group itself and those below it, deepest first: only an empty group can be removed.
void walk(int group, const std::function<void(int group)>& visit, int depth = 0) {
  Fd again(openat(group, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* entries = again ? fdopendir(again.release()) : nullptr;
  if (entries != nullptr) {
    while (const dirent* entry = readdir(entries)) {
      if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || depth > 32) continue;
      Fd child(openat(group, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (child) walk(child.get(), visit, depth + 1);
    }
    closedir(entries);
  }
  visit(group);
}

/// Removes the groups that the task made below its own.
void remove_below(int group) {
  Fd again(openat(group, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* entries = again ? fdopendir(again.release()) : nullptr;
  if (entries == nullptr) return;
  while (const dirent* entry = readdir(entries)) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    if (unlinkat(group, entry->d_name, AT_REMOVEDIR) == 0) continue;
    Fd child(openat(group, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (child) remove_below(child.get());
    (void)unlinkat(group, entry->d_name, AT_REMOVEDIR);  // what is left shows in the parent's rmdir
  }
  closedir(entries);
}

}  // namespace

TaskCgroup::TaskCgroup(const CgroupParents& parents, const std::string& name)
    : parents_(parents), name_(name) {}

std::string TaskCgroup::make_group(const std::string& parent, Fd& directory, const char* what) {
  if (parent.empty()) return {};
  std::string path = parent + "/" + name_;
  bool made = mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
  // Whoever tidies up empty groups may have taken the one that all tasks of this agent are in.
  if (!made && errno == ENOENT && mkdir(parent.c_str(), 0755) == 0)
    made = mkdir(path.c_str(), 0755) == 0;
  if (!made) {
    return std::string("cannot make the control group ") + path + " for " + what + ": " +
           error_text(errno) + "; let the agent write there";
  }
  directory.reset(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory ? std::string() : "cannot open the control group " + path;
}

std::string TaskCgroup::make(const Order& order) {
  std::string problem;
  if (!parents_.unified.empty()) problem = make_group(parents_.unified, unified_, "the task");
  if (!parents_.v2) {
    if (problem.empty()) problem = make_group(parents_.memory, memory_, "memory");
    if (problem.empty()) problem = make_group(parents_.pids, pids_, "processes");
    // Equal shares are what a task without a limit gets anyway.
    if (problem.empty() && order.cpu_milli > 0) problem = make_group(parents_.cpu, cpu_, "cpu");
  } else if (problem.empty()) {
    if (!parents_.memory.empty()) memory_.reset(dup(unified_.get()));
    if (!parents_.pids.empty()) pids_.reset(dup(unified_.get()));
    if (!parents_.cpu.empty()) cpu_.reset(dup(unified_.get()));
  }
  if (problem.empty() && memory_ && order.memory_bytes > 0)
    problem = set_memory(order.memory_bytes);
  if (problem.empty() && cpu_ && order.cpu_milli > 0) problem = set_cpu(order.cpu_milli);
  if (problem.empty() && pids_ && order.pids_max > 0) problem = set_pids(order.pids_max);
  return problem;
}

void TaskCgroup::open_existing() {
  auto open_group = [this](const std::string& parent, Fd& directory) {
    if (parent.empty()) return;
    directory.reset(open((parent + "/" + name_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  };
  open_group(parents_.unified, unified_);
  open_group(parents_.memory, memory_);
  open_group(parents_.pids, pids_);
  open_group(parents_.cpu, cpu_);
}

std::string TaskCgroup::limit(const Fd& group, const char* file, const std::string& value) const {
  if (write_at(group.get(), file, value)) return {};
  return std::string("cannot set ") + file + " of its control group to " + value + ": " +
         error_text(errno) + "; ask for an amount that this machine has";
}

std::string TaskCgroup::set_memory(uint64_t bytes) {
  std::string amount = std::to_string(bytes);
  if (!parents_.v2) {
    std::string problem = limit(memory_, "memory.limit_in_bytes", amount);
    // Not there where swap is not accounted for: then there is none to escape to, or it is free.
    if (problem.empty()) (void)write_at(memory_.get(), "memory.memsw.limit_in_bytes", amount);
    return problem;
  }
  std::string problem = limit(memory_, "memory.max", amount);
  if (!problem.empty()) return problem;
  (void)write_at(memory_.get(), "memory.swap.max", "0");   // as above
  (void)write_at(memory_.get(), "memory.oom.group", "1");  // since Linux 4.19; else one by one
  return {};
}

std::string TaskCgroup::set_cpu(uint32_t milli) {
  std::string quota = std::to_string(std::max(kPeriodUs * milli / 1000, kShortestQuotaUs));
  if (parents_.v2) {
    // One core is what a task without a limit counts as, here and in version 1.
    uint64_t weight = std::clamp<uint64_t>(milli / 10, 1, 10'000);
    std::string problem = limit(cpu_, "cpu.max", quota + " " + std::to_string(kPeriodUs));
    return problem.empty() ? limit(cpu_, "cpu.weight", std::to_string(weight)) : problem;
  }
  std::string problem = limit(cpu_, "cpu.cfs_period_us", std::to_string(kPeriodUs));
  if (problem.empty()) problem = limit(cpu_, "cpu.cfs_quota_us", quota);
  uint64_t shares = std::max<uint64_t>(uint64_t{milli} * 1024 / 1000, 2);
  if (problem.empty()) problem = limit(cpu_, "cpu.shares", std::to_string(shares));
  return problem;
}

std::string TaskCgroup::set_pids(uint32_t most) {
  return limit(pids_, "pids.max", std::to_string(most));
}

bool TaskCgroup::enter() const {
  if (parents_.v2) return true;
  for (const Fd* group : {&memory_, &pids_, &cpu_}) {
    if (*group && !write_at(group->get(), "tasks", "0")) return false;
  }
  return true;
}

std::vector<int> TaskCgroup::processes() const {
  std::vector<int> found;
  for (const Fd* group : {&unified_, &memory_, &pids_}) {
    if (!*group) continue;
    walk(group->get(), [&found](int directory) {
      std::string list = read_file_at(directory, "cgroup.procs").value_or("");
      for (size_t at = 0; at < list.size(); at = list.find('\n', at) + 1) {
        std::optional<uint64_t> pid = number_of(list.substr(at, 20));
        if (pid && *pid > 0) found.push_back(static_cast<int>(*pid));
        if (list.find('\n', at) == std::string::npos) break;
      }
    });
    break;  // the others hold the same ones
  }
  return found;
}

bool TaskCgroup::signal_all(int signal) const {
  std::vector<int> all = processes();
  for (int pid : all)
    ::kill(pid, signal);
  return !all.empty();
}

void TaskCgroup::kill() const {
  if (unified_ && write_at(unified_.get(), "cgroup.kill", "1")) return;
  if (pids_) (void)write_at(pids_.get(), "pids.max", "0");  // else the next call gets its children
  (void)signal_all(SIGKILL);                                // none left is what we want
}

bool TaskCgroup::populated() const {
  return !processes().empty();
}

GroupUsage TaskCgroup::usage() const {
  GroupUsage used;
  if (unified_) {
    std::optional<uint64_t> us = read_keyed_at(unified_.get(), "cpu.stat", "usage_usec");
    if (us) used.cpu_ms = *us / 1000;
  }
  if (!memory_) return used;
  const char* peak = parents_.v2 ? "memory.peak" : "memory.max_usage_in_bytes";
  used.memory_peak_bytes = read_number_at(memory_.get(), peak);
  const char* events = parents_.v2 ? "memory.events" : "memory.oom_control";
  if (parents_.v2) {
    used.oom_kills = read_keyed_at(memory_.get(), events, "oom_kill").value_or(0);
    return used;
  }
  // Version 1 counts in the group of the one that was killed, which may be one below.
  walk(memory_.get(), [&](int group) {
    used.oom_kills += read_keyed_at(group, events, "oom_kill").value_or(0);
  });
  return used;
}

bool TaskCgroup::remove() const {
  bool whole = true;
  const std::pair<const Fd*, const std::string*> groups[] = {
      {&unified_, &parents_.unified},
      {&memory_, &parents_.memory},
      {&pids_, &parents_.pids},
      {&cpu_, &parents_.cpu}};
  for (const auto& [group, parent] : groups) {
    if (!*group) continue;
    std::string path = *parent + "/" + name_;
    if (rmdir(path.c_str()) == 0 || errno == ENOENT) continue;
    remove_below(group->get());
    if (rmdir(path.c_str()) != 0 && errno != ENOENT) whole = false;
  }
  return whole;
}

}  // namespace berth::agent
