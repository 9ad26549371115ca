#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "agent/runner/small_file.h"
#include "tests/agent/runner/runner_world.h"

namespace berth::agent {

namespace {

using wire::ErrorClass;

void offer_sandbox(RunnerSettings& settings) {
  settings.offered = {wire::Runner::Sandbox};
}

Job boxed(const std::string& script) {
  Job job = shell(script);
  job.runner = wire::Runner::Sandbox;
  return job;
}

#define SKIP_WITHOUT_SANDBOX(world)               \
  if (world.why_not(wire::Runner::Sandbox) != "") \
  GTEST_SKIP() << world.why_not(wire::Runner::Sandbox)

TEST(SandboxRunner, ShowsTheMachineButLetsNothingBeChanged) {
  RunnerWorld world(offer_sandbox);
  SKIP_WITHOUT_SANDBOX(world);
  struct Case {
    const char* script;
    const char* output;
  };
  const Case cases[] = {
      {"touch /usr/berth /etc/berth /var/berth 2>/dev/null; [ ! -e /usr/berth ] && echo no",
       "no\n"},
      {"touch /home/x /root/x /run/x 2>/dev/null || echo no", "no\n"},
      {"ls -A /home /root /run | grep -v : | tr -d '\\n'", ""},
      {"echo x > /tmp/private && cat /tmp/private", "x\n"},
      {"touch here && ls", "here\n"},
      {"ls -A $BERTH_TASK_DIR/../.. | wc -l; cat ../order 2>/dev/null || echo hidden",
       "1\nhidden\n"},
      {"[ $(id -u) != 0 ] && echo somebody", "somebody\n"},
      {"[ $(ls /proc | grep -c '^[0-9]') -lt 10 ] && echo few", "few\n"},
      {"cat /proc/1/comm", "berth-init\n"},
      {"echo x > /dev/null && head -c 3 /dev/zero | wc -c", "3\n"},
      {"[ -e /dev/sda ] || [ -e /dev/vda ] || [ -e /dev/mem ] || echo none", "none\n"},
      {"grep -E '^(NoNewPrivs|Seccomp|CapEff):' /proc/self/status | tr -s '\\t\\n' '  '",
       "CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 "},
      {"unshare -r true 2>/dev/null || echo no", "no\n"},
      {"mount -t tmpfs x /tmp 2>/dev/null || echo no", "no\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.script);
    wire::AssignmentId id = world.start(boxed(c.script));
    TaskResult result = world.wait(id);
    EXPECT_EQ(world.output(id), c.output) << result.message;
  }
  EXPECT_FALSE(std::filesystem::exists("/tmp/private"));
}

TEST(SandboxRunner, ReachesNoNetworkUnlessAsked) {
  RunnerWorld world(offer_sandbox);
  SKIP_WITHOUT_SANDBOX(world);
  Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener.get(), 8), 0);
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  std::string port = std::to_string(ntohs(address.sin_port));
  Job job;
  job.runner = wire::Runner::Sandbox;
  job.command = {"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/" + port};
  EXPECT_EQ(world.run(job).error, ErrorClass::Exit);
  job.network = true;
  EXPECT_EQ(world.run(job).error, ErrorClass::None);
  EXPECT_EQ(
      world
          .run(boxed("[ $(ls /sys/class/net | wc -l) -ge 0 ]; "
                     "grep -q lo: /proc/net/dev && ! grep -q eth /proc/net/dev"))
          .error,
      ErrorClass::None);
}

// As a plain process would: the namespaces do not hide how it ended.
TEST(SandboxRunner, TellsHowATaskEnded) {
  RunnerWorld world(offer_sandbox);
  SKIP_WITHOUT_SANDBOX(world);
  EXPECT_EQ(world.run(boxed("exit 7")).exit_code, 7);
  EXPECT_EQ(world.run(boxed("kill -SEGV $$")).signal, 11);
  Job missing = boxed("");
  missing.command = {"/no/such/program"};
  TaskResult result = world.run(missing);
  EXPECT_EQ(result.error, ErrorClass::Refused);
  EXPECT_NE(result.message.find("cannot execute '/no/such/program'"), std::string::npos)
      << result.message;
  Job large = boxed("head -c 200M /dev/zero | tail -c 200M | wc -c; exit 9");
  large.memory_mib = 32;
  if (world.runner().backends()[1].why.find("limit memory") != std::string::npos) {
    EXPECT_EQ(world.run(large).error, ErrorClass::Oom);
  }
}

TEST(SandboxRunner, HandsTermOnAndKillsTheRest) {
  RunnerWorld world(offer_sandbox);
  SKIP_WITHOUT_SANDBOX(world);
  wire::AssignmentId id = world.start(boxed(
      "trap 'echo bye; exit 4' TERM; setsid sleep 1000 & echo up; while :; do sleep 0.01; done"));
  world.turn_until([&] { return world.output(id) == "up\n"; }, "its first line");
  world.runner().stop(id, ErrorClass::Aborted);
  TaskResult result = world.wait(id);
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(world.output(id), "up\nbye\n");
  EXPECT_TRUE(world.task_processes().empty());
  Job deaf = boxed("trap '' TERM; echo up; while :; do sleep 0.01; done");
  deaf.kill_grace_ms = 50;
  id = world.start(deaf);
  world.turn_until([&] { return world.output(id) == "up\n"; }, "its first line");
  world.runner().stop(id, ErrorClass::Aborted);
  EXPECT_EQ(world.wait(id).error, ErrorClass::Aborted);
}

TEST(SandboxRunner, KeepsArtifactsAndTakesInput) {
  RunnerWorld world(offer_sandbox);
  SKIP_WITHOUT_SANDBOX(world);
  Job job = boxed("cat > kept; ln -s /etc/passwd out");
  job.stdin_text = "hello";
  job.artifacts = {"kept", "out"};
  TaskResult result = world.run(job);
  EXPECT_EQ(result.error, ErrorClass::None) << result.message;
  ASSERT_EQ(result.outputs.size(), 3u);
  EXPECT_EQ(result.outputs[2].bytes, 5u);
  EXPECT_EQ(result.message, "artifact 'out' leads out of the task's directory");
}

}  // namespace

}  // namespace berth::agent
