#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/agent/runner/runner_world.h"

namespace berth::agent {

namespace {

using wire::ErrorClass;

constexpr int kSkipped = 77;

/// Runs `body` in a process of a user who may make no control group; its failures are ours.
void as_nobody(void (*body)()) {
  if (geteuid() != 0) {
    body();
    return;
  }
  std::fflush(stdout);
  int pid = fork();
  if (pid == 0) {
    bool switched = setgroups(0, nullptr) == 0 && setresgid(65534, 65534, 65534) == 0 &&
                    setresuid(65534, 65534, 65534) == 0;
    // Whoever may not pass to where the programs were built cannot test them.
    if (!switched || access(BERTH_HELPERS "/berth-task", X_OK) != 0) _exit(kSkipped);
    body();
    std::fflush(stdout);
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kSkipped)
    GTEST_SKIP() << "user nobody cannot execute " BERTH_HELPERS "/berth-task";
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// Without root and control groups tasks run as well, and end whole; what is missing is said.
TEST(Unprivileged, RunsAndEndsTasksWithoutControlGroups) {
  as_nobody([] {
    RunnerWorld world;
    const Backend& backend = world.runner().backends()[0];
    EXPECT_TRUE(backend.works) << backend.why;
    EXPECT_NE(backend.why.find("without control groups"), std::string::npos) << backend.why;
    TaskResult result =
        world.run(shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 3"));
    EXPECT_EQ(result.exit_code, 3) << result.message;
    EXPECT_GT(result.usage.memory_peak_bytes, 0u);
    EXPECT_GT(result.usage.cpu_ms, 0u);

    Job large = shell("head -c 200M /dev/zero | tail -c 200M | wc -c; exit 9");
    large.memory_mib = 64;
    wire::AssignmentId id = world.start(large);
    EXPECT_EQ(world.wait(id).error, ErrorClass::Exit);
    EXPECT_EQ(world.output(id), "0\n");  // tail was refused what it wanted

    Job daemons = shell(
        "for i in 1 2 3; do setsid sh -c 'trap \"\" TERM; sleep 1000 & sleep 1000' & done; "
        "echo up; sleep 1000");
    daemons.kill_grace_ms = 50;
    id = world.start(daemons);
    world.turn_until([&] { return world.output(id) == "up\n"; }, "its first line");
    world.runner().stop(id, ErrorClass::Aborted);
    EXPECT_EQ(world.wait(id).error, ErrorClass::Aborted);
    EXPECT_TRUE(world.task_processes().empty());

    id = world.start(daemons);
    world.turn_until([&] { return world.output(id) == "up\n"; }, "its first line");
    world.kill_supervisor(id);
    EXPECT_EQ(world.wait(id).error, ErrorClass::Lost);
    EXPECT_TRUE(world.task_processes().empty());
  });
}

TEST(Unprivileged, SandboxesTasksWhereUserNamespacesAreAllowed) {
  as_nobody([] {
    RunnerWorld world([](RunnerSettings& settings) {
      settings.offered = {wire::Runner::Sandbox, wire::Runner::Container};
    });
    EXPECT_NE(
        world.why_not(wire::Runner::Container).find("need an agent of root"), std::string::npos);
    if (world.why_not(wire::Runner::Sandbox) != "") {
      std::printf("no sandbox: %s\n", world.why_not(wire::Runner::Sandbox).c_str());
      return;
    }
    Job job = shell("touch /tmp/x here && ! touch /var/tmp/../x 2>/dev/null && id -u");
    job.runner = wire::Runner::Sandbox;
    wire::AssignmentId id = world.start(job);
    TaskResult result = world.wait(id);
    EXPECT_EQ(result.error, ErrorClass::None) << result.message;
    EXPECT_EQ(world.output(id), std::to_string(geteuid()) + "\n");
  });
}

TEST(Unprivileged, RefusesToRunAsSomebodyElse) {
  as_nobody([] {
    RunnerWorld world([](RunnerSettings& settings) { settings.run_as = "root"; });
    TaskResult result = world.run(shell("true"));
    EXPECT_EQ(result.error, ErrorClass::Refused);
    EXPECT_NE(result.message.find("only an agent of root can do"), std::string::npos)
        << result.message;
  });
}

}  // namespace

}  // namespace berth::agent
