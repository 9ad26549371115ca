#include "agent/sampler.h"

#include <functional>

#include <gtest/gtest.h>

#include "tests/agent/tree.h"

namespace berth::agent {
namespace {

constexpr const char* kFourCores =
    "cpu  1000 0 500 9000 10 0 0 0 0 0\n"
    "cpu0 250 0 125 2250 0 0 0 0 0 0\n"
    "cpu1 250 0 125 2250 0 0 0 0 0 0\n"
    "cpu2 250 0 125 2250 0 0 0 0 0 0\n"
    "cpu3 250 0 125 2250 0 0 0 0 0 0\n"
    "intr 1 2 3\n";
constexpr const char* kMemory =
    "MemTotal:       16777216 kB\nMemFree:  1048576 kB\nMemAvailable: 12582912 kB\n";

constexpr const char* kMountsV2 =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kMountsV1 =
    "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n";
constexpr const char* kUnifiedBeside =
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

void plain_machine(Tree& tree) {
  tree.write("proc/stat", kFourCores).write("proc/meminfo", kMemory);
}

struct Case {
  const char* name;
  std::function<void(Tree&)> build;
  int64_t cpu_milli;
  std::string cpu_why;
  int64_t memory_mib;
  std::string memory_why;
};

constexpr const char* kFromStat = "4 processors in /proc/stat";
constexpr const char* kFromMeminfo = "MemTotal in /proc/meminfo";

const Case kCases[] = {
    {"without control groups", [](Tree&) {}, 4'000, kFromStat, 16'384, kFromMeminfo},
    {"v2, limits in our own group",
     [](Tree& tree) {
       tree.write("proc/self/mountinfo", kMountsV2)
           .write("proc/self/cgroup", "0::/system.slice/agent.service\n")
           .write("sys/fs/cgroup/system.slice/agent.service/cpu.max", "150000 100000\n")
           .write("sys/fs/cgroup/system.slice/agent.service/memory.max", "2147483648\n")
           .write("sys/fs/cgroup/system.slice/memory.max", "max\n");
     },
     1'500,
     "cgroup v2 cpu.max of /system.slice/agent.service",
     2'048,
     "cgroup v2 memory.max of /system.slice/agent.service"},
    {"v2, the group above is tighter",
     [](Tree& tree) {
       tree.write("proc/self/mountinfo", kMountsV2)
           .write("proc/self/cgroup", "0::/a/b\n")
           .write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n")
           .write("sys/fs/cgroup/a/b/memory.max", "8589934592\n")
           .write("sys/fs/cgroup/a/cpu.max", "200000 100000\n")
           .write("sys/fs/cgroup/a/memory.max", "4294967296\n");
     },
     2'000,
     "cgroup v2 cpu.max of /a",
     4'096,
     "cgroup v2 memory.max of /a"},
    {"v2, limits above what the machine has",
     [](Tree& tree) {
       tree.write("proc/self/mountinfo", kMountsV2)
           .write("proc/self/cgroup", "0::/a\n")
           .write("sys/fs/cgroup/a/cpu.max", "6400000 100000\n")
           .write("sys/fs/cgroup/a/memory.max", "1099511627776\n");
     },
     4'000,
     kFromStat,
     16'384,
     kFromMeminfo},
    {"v2, fewer processors in the cpuset",
     [](Tree& tree) {
       tree.write("proc/self/mountinfo", kMountsV2)
           .write("proc/self/cgroup", "0::/a\n")
           .write("sys/fs/cgroup/cpuset.cpus.effective", "0-3\n")
           .write("sys/fs/cgroup/a/cpuset.cpus.effective", "0,2-3\n");
     },
     3'000,
     "cgroup v2 cpuset.cpus.effective of /a",
     16'384,
     kFromMeminfo},
    {"v1, with its number for unlimited",
     [](Tree& tree) {
       tree.write("proc/self/mountinfo", kMountsV1)
           .write("proc/self/cgroup", "5:memory:/jobs/1\n3:cpu,cpuacct:/jobs/1\n")
           .write("sys/fs/cgroup/cpu,cpuacct/jobs/1/cpu.cfs_quota_us", "-1\n")
           .write("sys/fs/cgroup/cpu,cpuacct/jobs/1/cpu.cfs_period_us", "100000\n")
           .write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "50000\n")
           .write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "100000\n")
           .write("sys/fs/cgroup/memory/jobs/1/memory.limit_in_bytes", "1073741824\n")
           .write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
     },
     500,
     "cgroup v1 cpu.cfs_quota_us of /jobs",
     1'024,
     "cgroup v1 memory.limit_in_bytes of /jobs/1"},
    {"hybrid: version 1 has the controllers, version 2 is empty",
     [](Tree& tree) {
       tree.write("proc/self/mountinfo", std::string(kMountsV1) + kUnifiedBeside)
           .write("proc/self/cgroup", "5:memory:/x\n3:cpu,cpuacct:/x\n0::/x\n")
           .write("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "536870912\n")
           .write("sys/fs/cgroup/unified/x/cgroup.procs", "1\n");
     },
     4'000,
     kFromStat,
     512,
     "cgroup v1 memory.limit_in_bytes of /x"},
    {"hybrid: memory is in version 2",
     [](Tree& tree) {
       tree.write(
               "proc/self/mountinfo",
               std::string("32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n") +
                   kUnifiedBeside)
           .write("proc/self/cgroup", "3:cpu:/x\n0::/y\n")
           .write("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "250000\n")
           .write("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n")
           .write("sys/fs/cgroup/unified/y/memory.max", "268435456\n");
     },
     2'500,
     "cgroup v1 cpu.cfs_quota_us of /x",
     256,
     "cgroup v2 memory.max of /y"},
    {"in a container that sees the host's path of its own mounted group",
     [](Tree& tree) {
       tree.write(
               "proc/self/mountinfo",
               "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n")
           .write("proc/self/cgroup", "0::/docker/abc\n")
           .write("sys/fs/cgroup/memory.max", "134217728\n");
     },
     4'000,
     kFromStat,
     128,
     "cgroup v2 memory.max of /"},
    {"in a container whose path is not to be seen",
     [](Tree& tree) {
       tree.write("proc/self/mountinfo", kMountsV2)
           .write("proc/self/cgroup", "0::/docker/abc/init\n")
           .write("sys/fs/cgroup/memory.max", "134217728\n");
     },
     4'000,
     kFromStat,
     128,
     "cgroup v2 memory.max of /"},
    {"with nonsense in the files",
     [](Tree& tree) {
       tree.write("proc/self/mountinfo", std::string("short line\n - \n") + kMountsV2)
           .write("proc/self/cgroup", "nonsense\n::\n0::/a\n")
           .write("sys/fs/cgroup/a/cpu.max", "lots 0\n")
           .write("sys/fs/cgroup/a/memory.max", "-\n")
           .write("sys/fs/cgroup/a/cpuset.cpus.effective", "x-y,3-1,\n");
     },
     4'000,
     kFromStat,
     16'384,
     kFromMeminfo},
};

TEST(Sampler, AdvertisesTheTightestOfMachineAndControlGroups) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    Tree tree;
    plain_machine(tree);
    c.build(tree);
    Machine machine = Sampler(tree.root(), "/").read_machine();
    EXPECT_EQ(machine.cpu_milli.amount, c.cpu_milli);
    EXPECT_EQ(machine.cpu_milli.why, c.cpu_why);
    EXPECT_EQ(machine.memory_mib.amount, c.memory_mib);
    EXPECT_EQ(machine.memory_mib.why, c.memory_why);
  }
}

TEST(Sampler, TellsTheFastestInterfaceThatKnowsItsSpeed) {
  Tree tree;
  plain_machine(tree);
  EXPECT_EQ(Sampler(tree.root(), "/").read_machine().network_mbit.amount, 0);
  tree.write("sys/class/net/lo/speed", "100000\n")
      .write("sys/class/net/eth0/speed", "-1\n")
      .write("sys/class/net/eth1/speed", "1000\n")
      .write("sys/class/net/eth3/speed", "25000\n")
      .write("sys/class/net/eth2/speed", "25000\n")
      .write("sys/class/net/veth/operstate", "up\n");
  Reading network = Sampler(tree.root(), "/").read_machine().network_mbit;
  EXPECT_EQ(network.amount, 25'000);
  EXPECT_EQ(network.why, "speed of eth2 in /sys/class/net");
}

TEST(Sampler, SaysSoWhereNothingCanBeRead) {
  Tree tree;
  Machine machine = Sampler(tree.root(), tree.root() / "absent").read_machine();
  EXPECT_EQ(machine.cpu_milli.amount, 0);
  EXPECT_EQ(machine.cpu_milli.why, "/proc/stat names no processor");
  EXPECT_EQ(machine.memory_mib.why, "/proc/meminfo is not readable");
  EXPECT_EQ(machine.disk_mib.amount, 0);
  EXPECT_EQ(machine.disk_mib.why, "statvfs of " + (tree.root() / "absent").string() + " failed");
}

TEST(Sampler, TellsUseOfTheMachineWhereNothingConfinesUs) {
  Tree tree;
  plain_machine(tree);
  Sampler sampler(tree.root(), "/");
  (void)sampler.read_machine();
  EXPECT_EQ(sampler.read_usage(0).cpu_milli, 0) << "there is nothing to compare with yet";
  // 200 more ticks of 10 ms in one second: two cores.
  tree.write("proc/stat", "cpu  1100 0 600 9000 10 0 0 0 0 0\ncpu0 0 0 0 0\n");
  wire::Usage usage = sampler.read_usage(1'000'000);
  EXPECT_DOUBLE_EQ(usage.cpu_milli, 2'000);
  EXPECT_DOUBLE_EQ(usage.memory_mib, 4'096);
}

TEST(Sampler, TellsUseOfTheGroupWhereItConfinesUs) {
  Tree tree;
  plain_machine(tree);
  tree.write("proc/self/mountinfo", kMountsV2)
      .write("proc/self/cgroup", "0::/a\n")
      .write("sys/fs/cgroup/a/cpu.max", "200000 100000\n")
      .write("sys/fs/cgroup/a/cpu.stat", "usage_usec 5000000\nuser_usec 1\n")
      .write("sys/fs/cgroup/a/memory.max", "1073741824\n")
      .write("sys/fs/cgroup/a/memory.current", "104857600\n")
      .write("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 52428800\n");
  Sampler sampler(tree.root(), "/");
  (void)sampler.read_machine();
  (void)sampler.read_usage(0);
  tree.write("sys/fs/cgroup/a/cpu.stat", "usage_usec 5750000\nuser_usec 1\n");
  wire::Usage usage = sampler.read_usage(1'000'000);
  EXPECT_DOUBLE_EQ(usage.cpu_milli, 750);
  EXPECT_DOUBLE_EQ(usage.memory_mib, 50);
}

TEST(Sampler, ReadsTheMachineItRunsOn) {
  Sampler sampler("/", "/");
  Machine machine = sampler.read_machine();
  EXPECT_GT(machine.cpu_milli.amount, 0);
  EXPECT_GT(machine.memory_mib.amount, 0);
  EXPECT_GT(sampler.read_usage(0).memory_mib, 0);
}

TEST(Cgroup, CountsTheNumbersOfAKernelList) {
  EXPECT_EQ(count_list(""), 0);
  EXPECT_EQ(count_list("0"), 1);
  EXPECT_EQ(count_list("0-3,8,10-11"), 7);
}

}  // namespace
}  // namespace berth::agent
