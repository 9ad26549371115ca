#include <signal.h>
#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "tests/agent/runner/runner_world.h"

namespace berth::agent {

namespace {

using wire::ErrorClass;
using wire::OutputStream;

constexpr const char* kShaOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// However a task ends, its class, code and signal say how, and the message why.
TEST(ProcessRunner, TellsHowATaskEnded) {
  struct Case {
    const char* what;
    Job job;
    ErrorClass error;
    int exit_code;
    int signal;
    const char* message;
  };
  Job missing;
  missing.command = {"/no/such/program"};
  Job forbidden;
  forbidden.command = {"/etc/passwd"};
  Job nowhere = shell("true");
  nowhere.working_dir = "/no/such/directory";
  Job saved = shell("exit 85");
  saved.checkpointable = true;
  const Case cases[] = {
      {"exit code 0", shell("exit 0"), ErrorClass::None, 0, 0, ""},
      {"exit code 3", shell("exit 3"), ErrorClass::Exit, 3, 0, "ended with exit code 3"},
      {"exit code 85", shell("exit 85"), ErrorClass::Exit, 85, 0, "ended with exit code 85"},
      {"a checkpoint", saved, ErrorClass::Exit, 85, 0, "asks to be run again"},
      {"a signal", shell("kill -SEGV $$"), ErrorClass::Signal, 139, 11, "signal 11 (SEGV)"},
      {"no such program",
       missing,
       ErrorClass::Refused,
       0,
       0,
       "cannot execute '/no/such/program': No such file or directory; install it"},
      {"not executable",
       forbidden,
       ErrorClass::Refused,
       0,
       0,
       "cannot execute '/etc/passwd': Permission denied; make it executable"},
      {"no such directory",
       nowhere,
       ErrorClass::Refused,
       0,
       0,
       "cannot enter working_dir '/no/such/directory': No such file or directory"},
  };
  RunnerWorld world;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    TaskResult result = world.run(c.job);
    EXPECT_EQ(result.error, c.error) << result.message;
    EXPECT_EQ(result.exit_code, c.exit_code);
    EXPECT_EQ(result.signal, c.signal);
    EXPECT_EQ(result.checkpointed, c.job.checkpointable);
    EXPECT_NE(result.message.find(c.message), std::string::npos) << result.message;
    if (c.error == ErrorClass::None) {
      EXPECT_EQ(result.message, "");
    }
  }
}

TEST(ProcessRunner, KeepsBothStreamsWithTheirHashes) {
  RunnerWorld world;
  wire::AssignmentId id = world.start(shell("printf hello; printf oops >&2"));
  TaskResult result = world.wait(id);
  ASSERT_EQ(result.outputs.size(), 2u);
  EXPECT_EQ(result.outputs[0].name, "stdout");
  EXPECT_EQ(result.outputs[0].bytes, 5u);
  EXPECT_EQ(
      result.outputs[0].sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(world.output(id), "hello");
  EXPECT_EQ(world.output(id, OutputStream::Stderr), "oops");
  OutputPiece piece = world.runner().read_output({id.job, 0, 1}, OutputStream::Stdout, 2, 2);
  EXPECT_EQ(piece.data.size(), 2u);
  EXPECT_EQ(piece.size, 5u);
  EXPECT_FALSE(piece.complete);
  piece = world.runner().read_output(id, OutputStream::Stdout, 4, 100);
  EXPECT_TRUE(piece.complete);
  EXPECT_EQ(piece.sha256, result.outputs[0].sha256);
  EXPECT_NE(world.runner().read_output({{77}, 0, 1}, OutputStream::Stdout, 0, 9).problem, "");
}

TEST(ProcessRunner, ShowsTheOutputOfATaskThatRuns) {
  RunnerWorld world;
  wire::AssignmentId id = world.start(shell("echo first; while [ ! -e go ]; do sleep 0.01; done"));
  world.wait_started(id);
  world.turn_until([&] { return world.output(id) == "first\n"; }, "the first line");
  OutputPiece piece = world.runner().read_output({id.job, 0, 1}, OutputStream::Stdout, 0, 100);
  EXPECT_FALSE(piece.complete);
  std::ofstream(world.directory(id) / "work/go") << "now";
  EXPECT_EQ(world.wait(id).error, ErrorClass::None);
}

TEST(ProcessRunner, GivesACleanEnvironmentAndItsNumbers) {
  setenv("BERTH_TEST_SECRET", "of the agent", 1);
  RunnerWorld world;
  Job job = shell("env | sort; pwd");
  job.env = {{"COLOUR", "red"}, {"BERTH_JOB_ID", "forged"}, {"LANG", "de_DE"}};
  job.array_index = 7;
  job.cpu_milli = 1500;
  job.gpus = {0, 2};
  wire::AssignmentId id = world.start(job);
  ASSERT_EQ(world.wait(id).error, ErrorClass::None);
  std::string text = "\n" + world.output(id);
  std::string work = (world.directory(id) / "work").string();
  for (const std::string& line :
       {std::string("BERTH_JOB_ID=1"),
        std::string("BERTH_ATTEMPT=1"),
        std::string("BERTH_ARRAY_INDEX=7"),
        "BERTH_TASK_DIR=" + work,
        std::string("BERTH_CPUS=2"),
        std::string("CUDA_VISIBLE_DEVICES=0,2"),
        std::string("COLOUR=red"),
        std::string("LANG=de_DE"),
        work})
    EXPECT_NE(text.find("\n" + line + "\n"), std::string::npos) << line << " is not in" << text;
  EXPECT_EQ(text.find("SECRET"), std::string::npos) << text;
}

TEST(ProcessRunner, HandsInStandardInput) {
  RunnerWorld world;
  Job job = shell("cat; cat /proc/self/fd/0 | wc -c");
  job.stdin_text = std::string(300'000, 'x');
  wire::AssignmentId id = world.start(job);
  ASSERT_EQ(world.wait(id).error, ErrorClass::None);
  EXPECT_EQ(world.output(id).substr(0, 300'000), job.stdin_text);
  wire::AssignmentId none = world.start(shell("cat"));
  EXPECT_EQ(world.wait(none).outputs.at(0).sha256, kShaOfNothing);
}

TEST(ProcessRunner, LeavesNoDescriptorAndNoPrivilegeToGain) {
  RunnerWorld world;
  wire::AssignmentId id = world.start(
      shell("ls /proc/self/fd | tr '\\n' ' '; grep -E 'NoNewPrivs|SigBlk' /proc/self/status; "
            "ps -o sid= -p $$ | tr -d ' ' > s; [ $(cat s) = $$ ] && echo own session"));
  ASSERT_EQ(world.wait(id).error, ErrorClass::None);
  std::string text = world.output(id);
  EXPECT_EQ(text.substr(0, 8), "0 1 2 3 ") << text;  // 3 is how `ls` reads the directory
  EXPECT_NE(text.find("NoNewPrivs:\t1"), std::string::npos) << text;
  EXPECT_NE(text.find("SigBlk:\t0000000000000000"), std::string::npos) << text;
  EXPECT_NE(text.find("own session"), std::string::npos) << text;
}

// A stop is TERM, the grace, KILL; its reason becomes the class.
TEST(ProcessRunner, StopsATaskAndAllThatItMade) {
  struct Case {
    const char* what;
    const char* script;
    uint32_t grace_ms;
    ErrorClass reason;
    int exit_code;
    int signal;
  };
  const Case cases[] = {
      {"one that ends at TERM", "echo up; exec sleep 1000", 60'000, ErrorClass::Aborted, 143, 15},
      {"one that tidies up",
       "trap 'exit 4' TERM; echo up; while :; do sleep 0.01; done",
       60'000,
       ErrorClass::Timeout,
       4,
       0},
      {"one that ignores TERM",
       "trap '' TERM; echo up; while :; do sleep 0.01; done",
       50,
       ErrorClass::Aborted,
       137,
       9},
      {"daemons in sessions of their own",
       "for i in 1 2 3; do setsid sh -c 'trap \"\" TERM; sleep 1000 & sleep 1000' & done; echo up; "
       "sleep 1000",
       50,
       ErrorClass::Lost,
       143,
       15},
  };
  RunnerWorld world;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    Job job = shell(c.script);
    job.kill_grace_ms = c.grace_ms;
    wire::AssignmentId id = world.start(job);
    world.turn_until([&] { return world.output(id) == "up\n"; }, "its first line");
    world.runner().stop(id, c.reason);
    world.runner().stop(id, ErrorClass::Exit);  // the first reason stands
    TaskResult result = world.wait(id);
    EXPECT_EQ(result.error, c.reason);
    EXPECT_EQ(result.exit_code, c.exit_code);
    EXPECT_EQ(result.signal, c.signal);
    EXPECT_TRUE(world.task_processes().empty());
  }
}

TEST(ProcessRunner, StopsATaskAtItsTimeout) {
  RunnerWorld world;
  Job job = shell("sleep 1000");
  job.timeout_ms = 30;
  TaskResult result = world.run(job);
  EXPECT_EQ(result.error, ErrorClass::Timeout);
  EXPECT_NE(result.message.find("stopped after its timeout of 30 ms"), std::string::npos)
      << result.message;
  EXPECT_GE(result.usage.wall_ms, 30u);
}

TEST(ProcessRunner, StopsATaskThatHasHardlyBegun) {
  RunnerWorld world;
  wire::AssignmentId id = world.start(shell("sleep 1000"));
  world.runner().stop(id, ErrorClass::Aborted);
  EXPECT_EQ(world.wait(id).error, ErrorClass::Aborted);
}

TEST(ProcessRunner, EndsWhatATaskLeavesBehind) {
  RunnerWorld world;
  wire::AssignmentId id =
      world.start(shell("setsid sh -c 'echo $$ > daemon; sleep 1000' & "
                        "while [ ! -s daemon ]; do sleep 0.01; done; echo done"));
  TaskResult result = world.wait(id);
  EXPECT_EQ(result.error, ErrorClass::None) << result.message;
  EXPECT_EQ(world.output(id), "done\n");
  EXPECT_TRUE(world.task_processes().empty());
}

TEST(ProcessRunner, KillsATaskAtItsMemoryLimit) {
  RunnerWorld world;
  if (world.why_not(wire::Runner::Process) != "" ||
      world.runner().backends()[0].why.find("limit memory") == std::string::npos)
    GTEST_SKIP() << world.runner().backends()[0].why;
  // tail keeps all of what it is to show in memory.
  Job job = shell("head -c 200M /dev/zero | tail -c 200M | wc -c; exit 9");
  job.memory_mib = 32;
  TaskResult result = world.run(job);
  EXPECT_EQ(result.error, ErrorClass::Oom) << result.message;
  EXPECT_NE(result.message.find("killed at its memory limit of 32 MiB"), std::string::npos);
  EXPECT_GT(result.usage.memory_peak_bytes, 24u << 20);
  EXPECT_LE(result.usage.memory_peak_bytes, 32u << 20);
  // Within the limit it ends well, and says how much it took.
  job.command = {
      "sh", "-c", "head -c 20M /dev/zero > f; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"};
  job.memory_mib = 256;
  result = world.run(job);
  EXPECT_EQ(result.error, ErrorClass::None) << result.message;
  EXPECT_GT(result.usage.memory_peak_bytes, 0u);
  EXPECT_GT(result.usage.cpu_ms, 0u);
}

TEST(ProcessRunner, LimitsHowManyProcessesATaskHas) {
  RunnerWorld world([](RunnerSettings& settings) { settings.pids_max = 20; });
  if (world.runner().backends()[0].why.find("pids") == std::string::npos)
    GTEST_SKIP() << world.runner().backends()[0].why;
  // A fork bomb that stops by itself where nothing stops it.
  Job job = shell("i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done; exit 0");
  TaskResult result = world.run(job);
  EXPECT_NE(result.exit_code, 0);
  EXPECT_TRUE(world.task_processes().empty());
}

TEST(ProcessRunner, CutsAStreamAtTheLimitWithoutStoppingItsWriter) {
  RunnerWorld world([](RunnerSettings& settings) { settings.output_bytes_max = 1 << 20; });
  wire::AssignmentId id = world.start(shell("head -c 1G /dev/zero; echo $? >&2"));
  TaskResult result = world.wait(id);
  ASSERT_EQ(result.error, ErrorClass::None) << result.message;
  EXPECT_EQ(result.outputs[0].bytes, 1u << 20);
  EXPECT_TRUE(result.outputs[0].truncated);
  EXPECT_EQ(
      result.outputs[0].sha256, "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58");
  EXPECT_FALSE(result.outputs[1].truncated);
  EXPECT_EQ(world.output(id, OutputStream::Stderr), "0\n");
  EXPECT_TRUE(world.runner().read_output(id, OutputStream::Stdout, 0, 1).truncated);
}

TEST(ProcessRunner, KeepsTheArtifactsThatAreThere) {
  RunnerWorld world([](RunnerSettings& settings) { settings.artifact_bytes_max = 1000; });
  Job job = shell(
      "mkdir -p out; printf hello > out/a.txt; ln -s a.txt out/inside; ln -s /etc/passwd outside; "
      "mkdir dir; head -c 1001 /dev/zero > large; mkfifo pipe; printf x > '../gone' || true");
  job.artifacts = {
      "out/a.txt", "out/inside", "outside", "missing", "dir", "large", "pipe", "../order"};
  wire::AssignmentId id = world.start(job);
  TaskResult result = world.wait(id);
  EXPECT_EQ(result.error, ErrorClass::None);
  ASSERT_EQ(result.outputs.size(), 4u);
  EXPECT_EQ(result.outputs[2].name, "out/a.txt");
  EXPECT_EQ(
      result.outputs[2].sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  std::ifstream kept(result.outputs[2].path);
  std::string text;
  kept >> text;
  EXPECT_EQ(text, "hello");
  for (const char* part :
       {"artifact 'outside' leads out",
        "artifact 'missing' is not there",
        "artifact 'dir' is no file",
        "artifact 'large' has 1001 bytes",
        "artifact 'pipe' is no file",
        "artifact '../order' leads out"})
    EXPECT_NE(result.message.find(part), std::string::npos) << part << " / " << result.message;
}

TEST(ProcessRunner, RunsAsTheUserItIsTold) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  RunnerWorld world([](RunnerSettings& settings) { settings.run_as = "nobody"; });
  ASSERT_EQ(world.runner().problem(), "");
  wire::AssignmentId id =
      world.start(shell("id -un; id -Gn; touch made && echo wrote; cat ../order"));
  TaskResult result = world.wait(id);
  EXPECT_EQ(world.output(id), "nobody\nnogroup\nwrote\n");
  EXPECT_NE(result.exit_code, 0);  // the order is not its own to read
  RunnerWorld other([](RunnerSettings& settings) { settings.run_as = "no-such-user"; });
  result = other.run(shell("true"));
  EXPECT_EQ(result.error, ErrorClass::Refused);
  EXPECT_NE(result.message.find("there is no user 'no-such-user'"), std::string::npos);
}

TEST(ProcessRunner, EndsAThousandTasks) {
  RunnerWorld world;
  Job job;
  job.command = {"true"};
  constexpr size_t kTasks = 1000;
  constexpr size_t kAtOnce = 32;
  size_t begun = 0;
  world.turn_until(
      [&] {
        while (begun < kTasks && begun - world.ended() < kAtOnce) {
          world.start(job);
          ++begun;
        }
        return world.ended() == kTasks;
      },
      "a thousand tasks");
  EXPECT_EQ(world.started(), kTasks);
}

}  // namespace

}  // namespace berth::agent
