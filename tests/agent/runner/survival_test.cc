#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <span>
#include <sstream>

#include <gtest/gtest.h>

#include "agent/runner/order.h"
#include "agent/runner/small_file.h"
#include "net/sha256.h"
#include "tests/agent/runner/runner_world.h"

namespace berth::agent {

namespace {

using wire::ErrorClass;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

int supervisor_of(RunnerWorld& world, wire::AssignmentId id) {
  return static_cast<int>(decode_progress(read_file(world.directory(id) / "order")).supervisor);
}

// Of a killed supervisor nothing goes on: not its task, and not what that made.
TEST(Survival, EndsTheTaskOfAKilledSupervisor) {
  RunnerWorld world;
  wire::AssignmentId id =
      world.start(shell("setsid sleep 1000 & setsid sleep 1000 & echo up; wait"));
  world.turn_until([&] { return world.output(id) == "up\n"; }, "its first line");
  world.kill_supervisor(id);
  TaskResult result = world.wait(id);
  EXPECT_EQ(result.error, ErrorClass::Lost);
  EXPECT_NE(
      result.message.find("the supervisor of the task ended without a result"), std::string::npos);
  EXPECT_TRUE(world.task_processes().empty());
  ASSERT_EQ(result.outputs.size(), 2u);
  EXPECT_EQ(result.outputs[0].bytes, 3u);
  EXPECT_EQ(world.output(id), "up\n");
  EXPECT_TRUE(world.runner().read_output(id, wire::OutputStream::Stdout, 0, 9).complete);
}

// The one that came to end what was left was killed before it had, and its task went on for ever.
TEST(Survival, EndsTheTaskThoughWhoTidiesUpIsKilledToo) {
  RunnerWorld world;
  int killed = 0;
  for (int round = 0; round < 20; ++round) {
    wire::AssignmentId id = world.start(shell("setsid sleep 1000 & echo up; wait"));
    world.turn_until([&] { return world.output(id) == "up\n"; }, "its first line");
    int first = supervisor_of(world, id);
    world.kill_supervisor(id);
    world.turn_until([&] { return supervisor_of(world, id) != first; }, "its second supervisor");
    if (kill(supervisor_of(world, id), SIGKILL) == 0) ++killed;
    EXPECT_EQ(world.wait(id).error, ErrorClass::Lost);
    EXPECT_TRUE(world.task_processes().empty());
  }
  RecordProperty("killed", killed);
}

// A supervisor was killed between making its child and the child's executing the task: the child
// held the lock of the order, which was taken for damaged, and the task ran on with nobody to end
// it.
TEST(Survival, WaitsForALockThatAChildOfAKilledSupervisorStillHolds) {
  RunnerWorld world;
  wire::AssignmentId id = world.start(shell("setsid sleep 1000 & echo up; wait"));
  world.turn_until([&] { return world.output(id) == "up\n"; }, "its first line");
  Fd supervisor(static_cast<int>(syscall(SYS_pidfd_open, supervisor_of(world, id), 0)));
  constexpr int kOrderOfSupervisor = 3;
  Fd lock(static_cast<int>(syscall(SYS_pidfd_getfd, supervisor.get(), kOrderOfSupervisor, 0)));
  ASSERT_TRUE(lock) << error_text(errno);
  world.kill_supervisor(id);
  pollfd ended{supervisor.get(), POLLIN, 0};
  ASSERT_EQ(poll(&ended, 1, 60'000), 1);
  for (int i = 0; i < 20; ++i)
    world.turn();
  EXPECT_FALSE(world.has_ended(id));
  lock.reset();
  EXPECT_EQ(world.wait(id).error, ErrorClass::Lost);
  EXPECT_TRUE(world.task_processes().empty());
}

TEST(Survival, FindsRunningAndEndedTasksAfterARestartOfTheAgent) {
  RunnerWorld world;
  std::string hold = "while [ ! -e go ]; do sleep 0.01; done; ";
  wire::AssignmentId running = world.start(shell("echo up; " + hold + "echo down; exit 3"));
  wire::AssignmentId ending = world.start(shell("echo up; " + hold + "exit 4"));
  wire::AssignmentId stopped = world.start(shell("echo up; sleep 1000"));
  wire::AssignmentId killed = world.start(shell("echo up; sleep 1000"));
  wire::AssignmentId settled = world.start(shell("echo kept"));
  wire::AssignmentId told = world.start(shell("exit 5"));
  world.wait(settled);
  world.wait(told);
  world.runner().settle(settled);
  for (wire::AssignmentId id : {running, ending, stopped, killed})
    world.turn_until([&] { return world.output(id) == "up\n"; }, "its first line");
  int victim = supervisor_of(world, killed);
  world.end_agent();
  world.forget();

  write_file(world.directory(ending) / "work/go", "now");
  kill(victim, SIGKILL);
  while (!std::filesystem::exists(world.directory(ending) / "result") || kill(victim, 0) == 0) {
    world.turn();
    world.reap();
  }
  world.begin_agent();
  // Before adopt returned, all were told of: a server takes for lost what is not named at once.
  EXPECT_TRUE(world.has_ended(ending));
  EXPECT_TRUE(world.has_ended(told));
  EXPECT_TRUE(world.has_started(running));
  EXPECT_TRUE(world.has_started(killed));
  EXPECT_FALSE(world.has_ended(settled));
  EXPECT_EQ(world.wait(ending).exit_code, 4);
  EXPECT_EQ(world.wait(told).exit_code, 5);
  EXPECT_EQ(world.wait(killed).error, ErrorClass::Lost);
  EXPECT_EQ(world.output(settled), "kept\n");
  world.runner().stop(stopped, ErrorClass::Timeout);
  EXPECT_EQ(world.wait(stopped).error, ErrorClass::Timeout);
  write_file(world.directory(running) / "work/go", "now");
  EXPECT_EQ(world.wait(running).exit_code, 3);
  EXPECT_EQ(world.output(running), "up\ndown\n");
}

// Whatever a loss of power or a hand leaves of the files: a sentence, never a crash, and never a
// result that was not.
TEST(Survival, ReportsDamagedFilesAsLost) {
  struct Case {
    const char* what;
    const char* file;
    std::string (*damage)(std::string);
    const char* message;
  };
  auto cut = [](std::string text) {
    return text.substr(0, text.size() / 2);
  };
  auto flip = [](std::string text) {
    text[text.size() / 2] ^= 1;
    return text;
  };
  auto empty = [](std::string) {
    return std::string();
  };
  auto other = [](std::string) {
    return std::string(5000, 'x');
  };
  const Case cases[] = {
      {"a result cut short", "result", cut, "its result on this worker is damaged"},
      {"a result with a wrong bit", "result", flip, "its result on this worker is damaged"},
      {"an empty result", "result", empty, "its result on this worker is damaged"},
      {"another file", "result", other, "its result on this worker is damaged"},
      {"an order cut short", "order", cut, "its order on this worker is damaged"},
      {"an empty order", "order", empty, "its order on this worker is damaged"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    RunnerWorld world;
    wire::AssignmentId id = world.start(shell("echo kept"));
    world.wait(id);
    world.end_agent();
    world.forget();
    std::filesystem::path directory = world.directory(id);
    write_file(directory / c.file, c.damage(read_file(directory / c.file)));
    if (std::string(c.file) == "order") std::filesystem::remove(directory / "result");
    write_file(world.state_dir() / "tasks/notes.txt", "not of ours");
    std::filesystem::create_directory(world.state_dir() / "tasks/1.2.x");
    world.begin_agent();
    TaskResult result = world.wait(id);
    EXPECT_EQ(result.error, ErrorClass::Lost);
    EXPECT_NE(result.message.find(c.message), std::string::npos) << result.message;
    EXPECT_TRUE(std::filesystem::exists(directory / (std::string(c.file) + ".damaged")));
    // It is told again, the same, until it is settled.
    world.end_agent();
    world.forget();
    world.begin_agent();
    EXPECT_EQ(world.wait(id).error, ErrorClass::Lost);
    world.runner().settle(id);
    world.end_agent();
    world.forget();
    world.begin_agent();
    EXPECT_FALSE(world.has_ended(id));
  }
}

TEST(Survival, ReportsAnAttemptThatWasNeverStartedAsLost) {
  RunnerWorld world;
  world.end_agent();
  std::filesystem::create_directory(world.state_dir() / "tasks/9.1.1009");
  world.begin_agent();
  EXPECT_EQ(world.wait({{9}, 1009, 1}).error, ErrorClass::Lost);
}

TEST(Survival, TellsARefusalOnceAndAgainAfterARestart) {
  RunnerWorld world;
  Job job = shell("true");
  job.runner = wire::Runner::Container;
  wire::AssignmentId id = world.start(job);
  EXPECT_FALSE(world.has_ended(id)) << "told from within the call";
  TaskResult result = world.wait(id);
  EXPECT_EQ(result.error, ErrorClass::Refused);
  EXPECT_EQ(
      result.message, "runner 'container' does not work on this worker: not offered by this agent");
  world.end_agent();
  world.forget();
  world.begin_agent();
  EXPECT_EQ(world.wait(id).message, result.message);
}

TEST(Survival, RemovesOutputsThatHaveBeenKeptForLongEnough) {
  RunnerWorld world([](RunnerSettings& settings) { settings.keep_tasks_max = 3; });
  std::vector<wire::AssignmentId> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(world.start(shell("echo kept")));
    world.wait(ids.back());
    world.runner().settle(ids.back());
  }
  for (size_t i = 0; i < ids.size(); ++i)
    EXPECT_EQ(std::filesystem::exists(world.directory(ids[i])), i >= 3) << i;
  EXPECT_NE(world.runner().read_output(ids[0], wire::OutputStream::Stdout, 0, 9).problem, "");
  EXPECT_EQ(world.output(ids[5]), "kept\n");
}

/// The process that forks this agent's supervisors.
int template_process() {
  for (const auto& each : std::filesystem::directory_iterator("/proc")) {
    std::string command = read_file(each.path() / "cmdline");
    std::string parent = "\nPPid:\t" + std::to_string(getpid()) + "\n";
    bool ours = read_file(each.path() / "status").find(parent) != std::string::npos;
    if (ours && command.find(std::string("berth-task\0template", 19)) == 0)
      return std::stoi(each.path().filename());
  }
  return -1;
}

TEST(Survival, GoesOnWithoutTheProcessThatForksSupervisors) {
  RunnerWorld world;
  wire::AssignmentId before = world.start(shell("echo up; while [ ! -e go ]; do sleep 0.01; done"));
  world.turn_until([&] { return world.output(before) == "up\n"; }, "its first line");
  int first = template_process();
  ASSERT_GT(first, 0);
  kill(first, SIGKILL);
  EXPECT_EQ(world.run(shell("exit 3")).exit_code, 3);
  EXPECT_EQ(world.run(shell("exit 4")).exit_code, 4);
  EXPECT_NE(template_process(), first);
  write_file(world.directory(before) / "work/go", "now");
  EXPECT_EQ(world.wait(before).error, ErrorClass::None);
}

/// A file system of 1 MiB in the place of a runner's state.
struct SmallDisk {
  std::string path;
  bool mounted = false;

  void put_on(const std::filesystem::path& directory) {
    path = directory.string();
    mounted = mount("tmpfs", path.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (!mounted) return;
    (void)umount2(path.c_str(), MNT_DETACH);  // of ours: cannot fail
    (void)rmdir(path.c_str());
  }
};

// The result found no room beside the task's own output, and the attempt was told to be lost.
TEST(Survival, TellsHowATaskEndedThatHasFilledTheDiskWithItsOutput) {
  SmallDisk disk;
  RunnerWorld world([&disk](RunnerSettings& settings) { disk.put_on(settings.state_dir); });
  if (!disk.mounted) GTEST_SKIP() << "no file system can be mounted here, which needs root";
  wire::AssignmentId id = world.start(shell("head -c 3000000 /dev/zero; exit 0"));
  TaskResult result = world.wait(id);
  EXPECT_EQ(result.error, ErrorClass::None) << result.message;
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.message.find("of stdout could be kept: No space left"), std::string::npos);
  EXPECT_NE(result.message.find("given up for room"), std::string::npos) << result.message;
  ASSERT_EQ(result.outputs.size(), 2u);
  const TaskOutput& out = result.outputs[0];
  EXPECT_TRUE(out.truncated);
  EXPECT_GT(out.bytes, 500'000u);
  std::string kept = read_file(world.directory(id) / "stdout");
  EXPECT_EQ(kept.size(), out.bytes);
  net::Sha256 digest;
  digest.add(std::as_bytes(std::span(kept)));
  EXPECT_EQ(out.sha256, digest.hex());
  // And the next task runs: its own directory has to be made first.
  EXPECT_EQ(world.run(shell("exit 4")).exit_code, 4);
}

TEST(Survival, WithoutHelpersOrStateEveryTaskIsRefusedWithTheReason) {
  RunnerWorld world([](RunnerSettings& settings) { settings.helpers = "/no/such/place"; });
  EXPECT_NE(world.runner().problem().find("berth-task"), std::string::npos);
  EXPECT_EQ(world.run(shell("true")).message, world.runner().problem());
  EXPECT_EQ(world.why_not(wire::Runner::Process), world.runner().problem());
}

}  // namespace

}  // namespace berth::agent
