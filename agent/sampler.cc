#include "agent/sampler.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "agent/proc_file.h"

namespace berth::agent {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kMib = 1024 * 1024;
/// Free disk drifts with every log line; a change smaller than a twentieth is no news.
constexpr int64_t kDiskNewsPart = 20;

/// The processors of /proc/stat: its `cpu0`, `cpu1`, … lines.
int64_t count_cores(const fs::path& root) {
  std::ifstream file(root / "proc/stat");
  int64_t cores = 0;
  std::string line;
  while (std::getline(file, line) && line.compare(0, 3, "cpu") == 0) {
    if (line.size() > 3 && line[3] != ' ') ++cores;
  }
  return cores;
}

/// User, nice, system, irq, softirq and steal time of all processors, from /proc/stat.
std::optional<int64_t> machine_cpu_us(const fs::path& root) {
  std::ifstream file(root / "proc/stat");
  std::string cpu;
  int64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  if (!(file >> cpu >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal)) {
    return std::nullopt;
  }
  static const int64_t kTicks = std::max<int64_t>(1, sysconf(_SC_CLK_TCK));
  return (user + nice + system + irq + softirq + steal) * 1'000'000 / kTicks;
}

std::optional<int64_t> meminfo_kib(const fs::path& root, const char* key) {
  std::ifstream file(root / "proc/meminfo");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    int64_t kib = 0;
    if (words >> name >> kib && name == key) return kib;
  }
  return std::nullopt;
}

}  // namespace

Sampler::Sampler(fs::path root, fs::path disk)
    : root_(std::move(root)), disk_(std::move(disk)), cgroup_(root_) {}

Machine Sampler::read_machine() {
  return {read_cpu(), read_memory(), read_disk(), read_network()};
}

Reading Sampler::read_cpu() {
  int64_t cores = count_cores(root_);
  Reading cpu{cores * 1000, std::to_string(cores) + " processors in /proc/stat"};
  if (cores == 0) cpu.why = "/proc/stat names no processor";
  std::optional<Limit> allowed = cgroup_.cores();
  if (allowed && (cores == 0 || allowed->amount < cores)) {
    cpu = {allowed->amount * 1000, allowed->why};
  }
  std::optional<Limit> quota = cgroup_.cpu_milli();
  cpu_confined_ = quota && (cpu.amount == 0 || quota->amount < cpu.amount);
  if (cpu_confined_) cpu = {quota->amount, quota->why};
  return cpu;
}

Reading Sampler::read_memory() {
  int64_t kib = meminfo_kib(root_, "MemTotal:").value_or(0);
  Reading memory{
      kib / 1024, kib > 0 ? "MemTotal in /proc/meminfo" : "/proc/meminfo is not readable"};
  std::optional<Limit> limit = cgroup_.memory_bytes();
  memory_confined_ = limit && (kib == 0 || limit->amount / 1024 < kib);
  if (memory_confined_) memory = {limit->amount / kMib, limit->why};
  return memory;
}

Reading Sampler::read_disk() {
  struct statvfs info {};
  if (statvfs(disk_.c_str(), &info) != 0) return {0, "statvfs of " + disk_.string() + " failed"};
  int64_t free_mib =
      static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize) / kMib;
  if (std::abs(free_mib - disk_told_.amount) * kDiskNewsPart > disk_told_.amount) {
    disk_told_ = {free_mib, "free on the file system of " + disk_.string()};
  }
  return disk_told_;
}

Reading Sampler::read_network() const {
  Reading fastest{0, "no interface in /sys/class/net tells its speed"};
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ / "sys/class/net", error)) {
    std::string name = entry.path().filename();
    // An interface that is down or virtual says -1, or cannot be read at all.
    int64_t mbit = read_number(entry.path() / "speed").value_or(0);
    bool faster =
        mbit > fastest.amount || (mbit == fastest.amount && mbit > 0 && name < fastest.why);
    if (name != "lo" && faster) fastest = {mbit, name};
  }
  if (fastest.amount > 0) fastest.why = "speed of " + fastest.why + " in /sys/class/net";
  return fastest;
}

wire::Usage Sampler::read_usage(int64_t now_us) {
  wire::Usage usage;
  std::optional<int64_t> cpu_us = cpu_used_us();
  if (cpu_us && last_cpu_us_ && now_us > last_us_) {
    double share =
        static_cast<double>(*cpu_us - *last_cpu_us_) / static_cast<double>(now_us - last_us_);
    usage.cpu_milli = std::max(0.0, share * 1000);
  }
  last_cpu_us_ = cpu_us;
  last_us_ = now_us;
  usage.memory_mib = memory_used_mib();
  return usage;
}

std::optional<int64_t> Sampler::cpu_used_us() const {
  std::optional<int64_t> of_group = cpu_confined_ ? cgroup_.cpu_used_us() : std::nullopt;
  return of_group ? of_group : machine_cpu_us(root_);
}

double Sampler::memory_used_mib() const {
  std::optional<int64_t> of_group = memory_confined_ ? cgroup_.memory_used_bytes() : std::nullopt;
  if (of_group) return static_cast<double>(*of_group) / kMib;
  int64_t total = meminfo_kib(root_, "MemTotal:").value_or(0);
  int64_t available = meminfo_kib(root_, "MemAvailable:").value_or(total);
  return static_cast<double>(total - available) / 1024;
}

}  // namespace berth::agent
