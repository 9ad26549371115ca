#include "agent/runner/cgroup_parents.h"

#include <sys/file.h>

#include <fstream>

#include <gtest/gtest.h>

namespace berth::agent {

namespace {

namespace fs = std::filesystem;

/// A root directory with the kernel's files as plain ones.
class Machine {
 public:
  Machine() {
    std::string path = (fs::temp_directory_path() / "berth-groups-XXXXXX").string();
    root_ = mkdtemp(path.data());
  }
  ~Machine() { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::string read(const std::string& path) const {
    std::ifstream file(root_ / path);
    std::string line;
    std::getline(file, line);
    return line;
  }
  CgroupPlace place(const std::string& below = "") const {
    return make_cgroup_parents("berth-x", below, root_);
  }
  std::string at(const std::string& path) const { return (root_ / path).string(); }

 private:
  fs::path root_;
};

constexpr const char* kV2Mount = "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

TEST(CgroupParents, HandControllersDownWithVersion2) {
  Machine machine;
  machine.write("proc/self/mountinfo", kV2Mount);
  machine.write("proc/self/cgroup", "0::/agent.service\n");
  std::string own = "sys/fs/cgroup/agent.service/";
  machine.write(own + "cgroup.controllers", "cpuset cpu io memory pids\n");
  machine.write(own + "cgroup.subtree_control", "");
  // What the kernel would put into a group that is made.
  machine.write(own + "berth-x/cgroup.controllers", "cpu memory pids\n");
  machine.write(own + "berth-x/cgroup.subtree_control", "");
  CgroupPlace place = machine.place();
  EXPECT_TRUE(place.parents.v2);
  EXPECT_EQ(place.parents.unified, machine.at(own + "berth-x"));
  EXPECT_EQ(place.parents.memory, place.parents.unified);
  EXPECT_EQ(place.parents.pids, place.parents.unified);
  EXPECT_EQ(machine.read(own + "cgroup.subtree_control"), "+memory +cpu +pids");
  EXPECT_EQ(machine.read(own + "berth-x/cgroup.subtree_control"), "+memory +cpu +pids");
  EXPECT_EQ(place.why, "control groups of version 2 limit memory, cpu, pids");
}

TEST(CgroupParents, AreRidOfTheTrialsThatAKilledAgentLeft) {
  Machine machine;
  machine.write("proc/self/mountinfo", kV2Mount);
  machine.write("proc/self/cgroup", "0::/agent.service\n");
  std::string own = "sys/fs/cgroup/agent.service/";
  machine.write(own + "cgroup.controllers", "memory\n");
  machine.write(own + "cgroup.subtree_control", "");
  machine.write(own + "berth-x/cgroup.controllers", "memory\n");
  machine.write(own + "berth-x/cgroup.subtree_control", "");
  fs::create_directories(machine.at(own + "berth-x/0.3.4711/berth-0.3.4711"));
  fs::create_directories(machine.at(own + "berth-x/7.1.12"));
  const CgroupPlace place = machine.place();
  EXPECT_FALSE(fs::exists(machine.at(own + "berth-x/0.3.4711")));
  EXPECT_TRUE(fs::exists(machine.at(own + "berth-x/7.1.12"))) << "it may be of a task that runs";
  fs::create_directories(machine.at(own + "berth-x/0.2.4712"));
  remove_cgroup_parents(place.parents);
  EXPECT_FALSE(fs::exists(machine.at(own + "berth-x/0.2.4712")));
}

// A killed agent that never came back left its groups for ever.
TEST(CgroupParents, OfOtherAgentsAreRemovedOnceNobodyHasThem) {
  Machine machine;
  machine.write("proc/self/mountinfo", kV2Mount);
  machine.write("proc/self/cgroup", "0::/agent.service\n");
  std::string own = "sys/fs/cgroup/agent.service/";
  machine.write(own + "cgroup.controllers", "memory\n");
  machine.write(own + "cgroup.subtree_control", "");
  machine.write(own + "berth-x/cgroup.controllers", "memory\n");
  machine.write(own + "berth-x/cgroup.subtree_control", "");
  fs::create_directories(machine.at(own + "berth-00000000000000aa/0.1.7"));
  fs::create_directories(machine.at(own + "berth-00000000000000bb/7.1.12"));
  fs::create_directories(machine.at(own + "berth-00000000000000cc"));
  fs::create_directories(machine.at(own + "berth-agent"));
  Fd alive(open(machine.at(own + "berth-00000000000000cc").c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(flock(alive.get(), LOCK_EX), 0);
  CgroupPlace place = machine.place();
  EXPECT_FALSE(fs::exists(machine.at(own + "berth-00000000000000aa"))) << "of trials alone";
  EXPECT_TRUE(fs::exists(machine.at(own + "berth-00000000000000bb"))) << "a task may run in it";
  EXPECT_TRUE(fs::exists(machine.at(own + "berth-00000000000000cc"))) << "its agent lives";
  EXPECT_TRUE(fs::exists(machine.at(own + "berth-agent"))) << "no parent of tasks";
  alive.reset();
  place.locks.clear();
  place = machine.place();
  EXPECT_FALSE(fs::exists(machine.at(own + "berth-00000000000000cc")));
}

TEST(CgroupParents, AreFoundBesideTheGroupThatAnEarlierLifeMovedInto) {
  Machine machine;
  machine.write("proc/self/mountinfo", kV2Mount);
  machine.write("proc/self/cgroup", "0::/agent.service/berth-agent\n");
  std::string own = "sys/fs/cgroup/agent.service/";
  fs::create_directories(machine.at(own + "berth-agent"));
  machine.write(own + "cgroup.controllers", "memory\n");
  machine.write(own + "cgroup.subtree_control", "");
  machine.write(own + "berth-x/cgroup.controllers", "memory\n");
  machine.write(own + "berth-x/cgroup.subtree_control", "");
  CgroupPlace place = machine.place();
  EXPECT_EQ(place.parents.memory, machine.at(own + "berth-x"));
  EXPECT_EQ(place.parents.cpu, "");
  EXPECT_EQ(place.why, "control groups of version 2 limit memory");
}

/// An agent in a service of systemd, and another one that holds a group for its tasks.
class TwoServices : public Machine {
 public:
  TwoServices() {
    write("proc/self/mountinfo", kV2Mount);
    write("proc/self/cgroup", "0::/berth.slice/agent.service\n");
    write(slice_ + "cgroup.procs", "");
    for (const std::string& service : {agent_, tasks_}) {
      write(service + "cgroup.controllers", "cpu memory pids\n");
      write(service + "cgroup.subtree_control", "");
      write(service + "berth-x/cgroup.controllers", "cpu memory pids\n");
      write(service + "berth-x/cgroup.subtree_control", "");
    }
    write(tasks_ + "cgroup.procs", "4711\n");
    write(tasks_ + "berth-agent/cgroup.procs", "");
  }

  const std::string slice_ = "sys/fs/cgroup/berth.slice/";
  const std::string agent_ = slice_ + "agent.service/";
  const std::string tasks_ = slice_ + "tasks.service/";
};

// systemd could not start an agent again whose tasks were below its own group: a group of version 2
// that hands down controllers can be entered by nobody.
TEST(CgroupParents, AreMadeInAnotherGroupAndLeaveTheOwnOneAlone) {
  TwoServices machine;
  CgroupPlace place = machine.place("/berth.slice/tasks.service");
  EXPECT_TRUE(place.parents.v2);
  EXPECT_EQ(place.parents.memory, machine.at(machine.tasks_ + "berth-x"));
  EXPECT_EQ(place.supervisors, machine.at(machine.tasks_ + "berth-agent"));
  EXPECT_EQ(machine.read(machine.tasks_ + "berth-agent/cgroup.procs"), "4711")
      << "what holds the group is in the way, too";
  EXPECT_EQ(machine.read(machine.tasks_ + "cgroup.subtree_control"), "+memory +cpu +pids");
  EXPECT_EQ(machine.read(machine.agent_ + "cgroup.subtree_control"), "");
  EXPECT_EQ(
      place.why,
      "control groups of version 2 limit memory, cpu, pids, below /berth.slice/tasks.service");
}

TEST(CgroupParents, AreMadeInTheOwnGroupWhereTheOtherCannotBeUsed) {
  TwoServices machine;
  auto why = [](const std::string& reason) {
    return "control groups of version 2 limit memory, cpu, pids; not below "
           "/berth.slice/tasks.service (" +
           reason + "), so systemd may have to wait for their end to start the agent again";
  };
  std::string gate = machine.at(machine.slice_ + "cgroup.procs");
  fs::remove(gate);
  CgroupPlace place = machine.place("/berth.slice/tasks.service");
  EXPECT_EQ(place.parents.memory, machine.at(machine.agent_ + "berth-x"));
  EXPECT_EQ(place.supervisors, "");
  EXPECT_EQ(place.why, why(gate + ": No such file or directory"));

  std::string group = machine.at(machine.slice_ + "tasks.service");
  fs::remove_all(group);
  place.locks.clear();
  place = machine.place("/berth.slice/tasks.service");
  EXPECT_EQ(place.parents.memory, machine.at(machine.agent_ + "berth-x"));
  EXPECT_EQ(place.why, why("there is no group " + group));
}

TEST(CgroupParents, AreOneForEachHierarchyOfVersion1) {
  Machine machine;
  machine.write(
      "proc/self/mountinfo",
      "30 1 0:26 / /cg/memory rw - cgroup cgroup rw,memory\n"
      "31 1 0:27 / /cg/cpu rw - cgroup cgroup rw,cpu\n"
      "32 1 0:28 / /cg/unified rw - cgroup2 cgroup2 rw\n");
  machine.write("proc/self/cgroup", "2:memory:/own\n1:cpu:/\n0::/\n");
  for (const char* path : {"cg/memory/own", "cg/cpu", "cg/unified"})
    fs::create_directories(machine.at(path));
  CgroupPlace place = machine.place("/berth.slice/tasks.service");  // of version 2 alone
  EXPECT_FALSE(place.parents.v2);
  EXPECT_EQ(place.parents.memory, machine.at("cg/memory/own/berth-x"));
  EXPECT_EQ(place.parents.cpu, machine.at("cg/cpu/berth-x"));
  EXPECT_EQ(place.parents.pids, "");
  EXPECT_EQ(place.parents.unified, machine.at("cg/unified/berth-x"));
  EXPECT_EQ(place.why, "control groups of version 1 and 2 limit memory, cpu");
}

TEST(CgroupParents, SayWhyThereAreNone) {
  Machine machine;
  CgroupPlace place = machine.place();
  EXPECT_EQ(
      place.why,
      "without control groups (none are mounted): memory is limited per process, cpu and the "
      "number "
      "of processes are not");
}

}  // namespace

}  // namespace berth::agent
