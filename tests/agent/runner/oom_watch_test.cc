#include "agent/runner/engine/oom_watch.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <functional>

#include <gtest/gtest.h>

#include "agent/own_group.h"
#include "tests/agent/tree.h"

namespace berth::agent {

namespace {

namespace fs = std::filesystem;

constexpr const char* kId = "0123456789abcdef";
constexpr const char* kV2Mount = "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

/// Version 2, as its files say it.
class Machine : public Tree {
 public:
  explicit Machine(const std::string& group) : events_("sys/fs/cgroup" + group + "/memory.events") {
    write("proc/self/mountinfo", kV2Mount).write("proc/77/cgroup", "0::" + group + "\n");
    tell(0);
  }
  void tell(int kills) {
    write(events_, "oom " + std::to_string(kills) + "\noom_kill " + std::to_string(kills) + "\n");
  }

 private:
  std::string events_;
};

TEST(OomWatch, HearsOfAKillInItsContainerOnly) {
  const std::string group = std::string("/system.slice/docker-") + kId + ".scope";
  const struct {
    const char* what;
    std::string group;
    uint64_t pid;
    int kills;
    bool watched, killed;
  } cases[] = {
      {"it is killed in", group, 77, 1, true, true},
      {"it is not", group, 77, 0, true, false},
      {"the group of another", "/system.slice/docker-fedcba.scope", 77, 1, false, false},
      {"a process that has ended", group, 78, 1, false, false},
      {"an engine that tells no process", group, 0, 1, false, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Machine machine(c.group);
    OomWatch watch;
    watch.begin(c.pid, kId, machine.root());
    EXPECT_EQ(watch.fd() >= 0, c.watched);
    machine.tell(c.kills);
    EXPECT_EQ(watch.killed(), c.killed);
  }
}

TEST(OomWatch, FindsTheGroupWhereEnginesMakeItBeforeAnythingRuns) {
  const std::string id = kId;
  const struct {
    std::string group;
    bool found;
  } cases[] = {
      {"/docker/" + id, true},
      {"/system.slice/docker-" + id + ".scope", true},
      {"/machine.slice/libpod-" + id + ".scope", true},
      {"/libpod_parent/libpod-" + id, true},
      {"/docker/fedcba", false},
      {"/elsewhere/" + id, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.group);
    Tree nothing_yet;
    nothing_yet.write("proc/self/mountinfo", kV2Mount).write("proc/self/cgroup", "0::/\n");
    OomWatch watch;
    EXPECT_FALSE(watch.look_for(kId, nothing_yet.root()));
    EXPECT_FALSE(watch.look_for("", nothing_yet.root()));
    const std::string events = "sys/fs/cgroup" + c.group + "/memory.events";
    nothing_yet.write(events, "oom_kill 0\n");
    EXPECT_EQ(watch.look_for(kId, nothing_yet.root()), c.found);
    nothing_yet.write(events, "oom_kill 1\n");
    EXPECT_EQ(watch.killed(), c.found);
  }
}

TEST(OomWatch, RemembersAKillOfAGroupThatIsGone) {
  Machine machine(std::string("/docker/") + kId);
  OomWatch watch;
  watch.begin(77, kId, machine.root());
  machine.tell(1);
  watch.heard();
  fs::remove_all(machine.root() / "sys");
  EXPECT_TRUE(watch.killed());
}

/// A child in a control group of this machine's own kernel, of 16 MiB.
class RealGroup {
 public:
  RealGroup() {
    const auto own = find_own_group("/", "memory");
    if (!own) return;
    path_ = own->own / ("oom-watch-" + std::to_string(getpid()));
    const char* limit = own->v2 ? "memory.max" : "memory.limit_in_bytes";
    usable_ = mkdir(path_.c_str(), 0755) == 0 &&
              write_at(AT_FDCWD, (path_ / limit).c_str(), std::to_string(16 << 20));
  }
  ~RealGroup() { (void)rmdir(path_.c_str()); }

  bool usable() const { return usable_; }
  std::string name() const { return path_.filename().string(); }
  void remove() const { EXPECT_EQ(rmdir(path_.c_str()), 0); }

  /// Runs `act` in the group once `begin` has been told of the process; how it ended.
  int run(const std::function<void(pid_t)>& begin, const std::function<void()>& act) const {
    int go[2];
    EXPECT_EQ(pipe(go), 0);
    const pid_t child = fork();
    if (child == 0) {
      char byte = 0;
      if (read(go[0], &byte, 1) == 1) act();
      _exit(3);
    }
    EXPECT_TRUE(write_at(AT_FDCWD, (path_ / "cgroup.procs").c_str(), std::to_string(child)));
    begin(child);
    EXPECT_EQ(write(go[1], "x", 1), 1);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    close(go[0]);
    close(go[1]);
    return status;
  }

 private:
  fs::path path_;
  bool usable_ = false;
};

void take_more_than_there_is() {
  constexpr size_t kBytes = 64 << 20;
  void* block = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (size_t at = 0; at < kBytes; at += 4096)
    static_cast<volatile char*>(block)[at] = 1;
}

// The group may be gone before anybody reads the signal: containers that end soon after.
TEST(OomWatch, TellsAKillFromTheRemovalOfTheGroup) {
  const struct {
    const char* what;
    std::function<void()> act;
    int signal;
    bool killed;
  } cases[] = {
      {"killed at its limit", take_more_than_there_is, SIGKILL, true},
      {"ended by itself", [] {}, 0, false},
      {"killed by somebody", [] { raise(SIGKILL); }, SIGKILL, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    RealGroup group;
    if (!group.usable()) GTEST_SKIP() << "no control group with a limit of memory can be made here";
    OomWatch watch;
    const int status = group.run(
        [&](pid_t child) { watch.begin(static_cast<uint64_t>(child), group.name()); }, c.act);
    ASSERT_GE(watch.fd(), 0);
    EXPECT_EQ(WIFSIGNALED(status) ? WTERMSIG(status) : 0, c.signal);
    const bool v2 = fs::exists("/sys/fs/cgroup/cgroup.controllers");
    if (v2) watch.heard();  // version 2 leaves nothing of a group that is gone
    group.remove();
    EXPECT_EQ(watch.killed(), c.killed);
  }
}

}  // namespace

}  // namespace berth::agent
