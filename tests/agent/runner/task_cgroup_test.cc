#include "agent/runner/task/task_cgroup.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace berth::agent {

namespace {

namespace fs = std::filesystem;

/// A group of version 2 whose files are plain ones, with the limits and counters of one task.
class TaskGroup {
 public:
  TaskGroup() {
    std::string path = (fs::temp_directory_path() / "berth-group-XXXXXX").string();
    parent_ = mkdtemp(path.data());
    fs::create_directory(parent_ / "7.1.1");
    for (const char* limit :
         {"cpu.max", "cpu.weight", "memory.max", "memory.swap.max", "memory.oom.group", "pids.max"})
      write(limit, "");
  }
  ~TaskGroup() { fs::remove_all(parent_); }

  TaskCgroup open() const {
    CgroupParents parents;
    parents.v2 = true;
    parents.unified = parents.memory = parents.cpu = parents.pids = parent_.string();
    return TaskCgroup(parents, "7.1.1");
  }
  void write(const char* file, const std::string& text) const {
    std::ofstream(parent_ / "7.1.1" / file) << text;
  }
  std::string read(const char* file) const {
    std::ifstream opened(parent_ / "7.1.1" / file);
    std::string line;
    std::getline(opened, line);
    return line;
  }

 private:
  fs::path parent_;
};

TEST(TaskCgroupOfVersion2, IsLimitedToWhatTheJobAskedFor) {
  TaskGroup group;
  Order order;
  order.memory_bytes = uint64_t{64} << 20;
  order.cpu_milli = 1500;
  order.pids_max = 4096;
  TaskCgroup cgroup = group.open();
  EXPECT_EQ(cgroup.make(order), "");
  EXPECT_EQ(group.read("memory.max"), "67108864");
  EXPECT_EQ(group.read("memory.swap.max"), "0");
  EXPECT_EQ(group.read("memory.oom.group"), "1");
  EXPECT_EQ(group.read("cpu.max"), "150000 100000");
  EXPECT_EQ(group.read("pids.max"), "4096");
}

// Of version 2 only the quota was set: a task that had asked for four cores got no more of a busy
// machine than one that had asked for none.
TEST(TaskCgroupOfVersion2, HasAWeightInProportionToItsCores) {
  struct Case {
    uint32_t milli;
    const char* weight;
  };
  const Case cases[] = {{1, "1"}, {500, "50"}, {1000, "100"}, {4000, "400"}, {256'000, "10000"}};
  for (const Case& each : cases) {
    TaskGroup group;
    Order order;
    order.cpu_milli = each.milli;
    EXPECT_EQ(group.open().make(order), "");
    EXPECT_EQ(group.read("cpu.weight"), each.weight) << each.milli;
  }
}

TEST(TaskCgroupOfVersion2, TellsWhatWasUsed) {
  TaskGroup group;
  group.write("cpu.stat", "usage_usec 1234567\nuser_usec 1\n");
  group.write("memory.peak", "4096\n");
  group.write("memory.events", "low 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 1\n");
  TaskCgroup cgroup = group.open();
  ASSERT_EQ(cgroup.make(Order{}), "");
  GroupUsage used = cgroup.usage();
  EXPECT_EQ(used.cpu_ms, 1234u);
  EXPECT_EQ(used.memory_peak_bytes, 4096u);
  EXPECT_EQ(used.oom_kills, 2u);
}

}  // namespace

}  // namespace berth::agent
