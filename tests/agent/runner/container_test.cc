#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/agent/runner/runner_world.h"

namespace berth::agent {

namespace {

namespace fs = std::filesystem;
using wire::ErrorClass;

/// A root file system of one program, in the forms in which images come.
class Images {
 public:
  Images() {
    std::string path = (fs::temp_directory_path() / "berth-images-XXXXXX").string();
    root_ = mkdtemp(path.data());
    fs::permissions(root_, fs::perms(0755));
    if (!fs::exists("/bin/busybox")) return;
    fs::create_directories(root_ / "plain/bin");
    fs::create_directories(root_ / "plain/etc");
    fs::copy_file("/bin/busybox", root_ / "plain/bin/busybox");
    for (const char* name :
         {"sh",
          "cat",
          "sleep",
          "id",
          "head",
          "tail",
          "wc",
          "touch",
          "env",
          "ls",
          "mount",
          "grep",
          "true"})
      fs::create_symlink("busybox", root_ / "plain/bin" / name);
    std::ofstream(root_ / "plain/etc/from") << "lower";
    fs::create_directory(root_ / "bundle");
    fs::create_directory_symlink(root_ / "plain", root_ / "bundle/rootfs");
    std::ofstream(root_ / "bundle/config.json")
        << R"({"root": {"path": "rootfs"}, "process": {"args": ["sh", "-c", "echo own $WHO"],
               "env": ["WHO=bundle"], "user": {"uid": 0}}})";
    run("tar -C plain -cf root.tar . && tar -C plain -czf root.tgz .");
    make_docker_archive();
    std::ofstream(root_ / "broken.tar") << "this is no archive";
    fs::create_directory(root_ / "empty");
  }
  ~Images() { fs::remove_all(root_); }

  std::string why_not() const {
    return fs::exists(root_ / "plain") ? "" : "busybox-static is missing";
  }
  fs::path path() const { return root_; }

 private:
  /// Two layers; the upper one removes a file and a directory of the lower one.
  void make_docker_archive() {
    run("mkdir -p up/etc up/data docker && echo upper > up/etc/added && touch up/etc/.wh.from && "
        "touch up/data/.wh..wh..opq && echo new > up/data/new && "
        "mkdir -p low && cp -a plain/. low && mkdir low/data && echo old > low/data/old && "
        "tar -C low -cf docker/1.tar . && tar -C up -czf docker/2.tar .");
    std::ofstream(root_ / "docker/c.json")
        << R"({"config": {"Entrypoint": ["sh", "-c"], "Cmd": ["echo $FROM; ls /data /etc"],
               "Env": ["FROM=docker"]}})";
    std::ofstream(root_ / "docker/manifest.json")
        << R"([{"Config": "c.json", "Layers": ["1.tar", "2.tar"]}])";
    run("tar -C docker -cf docker.tar .");
  }
  void run(const std::string& script) {
    EXPECT_EQ(std::system(("cd " + root_.string() + " && " + script).c_str()), 0) << script;
  }

  fs::path root_;
};

struct ContainerWorld {
  Images images;
  RunnerWorld world{[this](RunnerSettings& settings) {
    settings.offered = {wire::Runner::Container};
    settings.images = images.path();
  }};

  std::string why_not() const {
    std::string why = images.why_not();
    return why.empty() ? world.why_not(wire::Runner::Container) : why;
  }
};

Job contained(const std::string& image, const std::string& script) {
  Job job = shell(script);
  job.runner = wire::Runner::Any;  // an image says enough
  job.image = image;
  return job;
}

#define SKIP_WITHOUT_CONTAINERS(test) \
  if (test.why_not() != "") GTEST_SKIP() << test.why_not()

TEST(ContainerRunner, TakesImagesInEveryForm) {
  ContainerWorld test;
  SKIP_WITHOUT_CONTAINERS(test);
  const std::pair<const char*, const char*> cases[] = {
      {"plain", "lower"}, {"bundle", "lower"}, {"root.tar", "lower"}, {"root.tgz", "lower"}};
  for (const auto& [image, output] : cases) {
    SCOPED_TRACE(image);
    wire::AssignmentId id = test.world.start(contained(image, "cat /etc/from"));
    TaskResult result = test.world.wait(id);
    EXPECT_EQ(result.error, ErrorClass::None) << result.message;
    EXPECT_EQ(test.world.output(id), output);
  }
  Job own = contained((test.images.path() / "bundle").string(), "");
  own.command.clear();
  wire::AssignmentId id = test.world.start(own);
  EXPECT_EQ(test.world.wait(id).error, ErrorClass::None);
  EXPECT_EQ(test.world.output(id), "own bundle\n");
  own.image = "docker.tar";
  id = test.world.start(own);
  TaskResult result = test.world.wait(id);
  EXPECT_EQ(result.error, ErrorClass::None) << result.message;
  EXPECT_EQ(test.world.output(id), "docker\n/data:\nnew\n\n/etc:\nadded\n");
}

TEST(ContainerRunner, TellsHowATaskEnded) {
  ContainerWorld test;
  SKIP_WITHOUT_CONTAINERS(test);
  struct Case {
    const char* what;
    Job job;
    ErrorClass error;
    int exit_code;
    const char* message;
  };
  Job missing = contained("plain", "");
  missing.command = {"/no/such/program"};
  // One process: with version 2 all of a group are killed, with version 1 the one that is too
  // large.
  Job large = contained("plain", "exec dd if=/dev/zero of=/dev/null bs=200000000 count=1");
  large.memory_mib = 32;
  Job slow = contained("plain", "sleep 1000");
  slow.timeout_ms = 500;
  slow.kill_grace_ms = 50;
  Job silent = contained("plain", "");
  silent.command.clear();
  const Case cases[] = {
      {"exit code", contained("plain", "exit 7"), ErrorClass::Exit, 7, "exit code 7"},
      {"memory", large, ErrorClass::Oom, 137, "memory limit of 32 MiB"},
      {"timeout", slow, ErrorClass::Timeout, 137, "its timeout of 500 ms"},
      {"no such program", missing, ErrorClass::Refused, 0, "/no/such/program"},
      {"no such image",
       contained("nowhere", "true"),
       ErrorClass::Image,
       0,
       "is not on this worker"},
      {"outside", contained("../etc", "true"), ErrorClass::Image, 0, "leads out of"},
      {"no archive", contained("broken.tar", "true"), ErrorClass::Image, 0, "cannot be unpacked"},
      {"no command", silent, ErrorClass::Image, 0, "has a command"},
      {"no shell in it", contained("empty", "true"), ErrorClass::Refused, 0, "sh"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    TaskResult result = test.world.run(c.job);
    EXPECT_EQ(result.error, c.error) << result.message;
    EXPECT_EQ(result.exit_code, c.exit_code);
    EXPECT_NE(result.message.find(c.message), std::string::npos) << result.message;
  }
}

TEST(ContainerRunner, ConfinesWhatItRuns) {
  ContainerWorld test;
  SKIP_WITHOUT_CONTAINERS(test);
  Job job = contained(
      "plain",
      "echo mine > /etc/from; cat /etc/from; cat > kept; echo $BERTH_TASK_DIR $COLOUR; "
      "mount -t tmpfs x /tmp 2>/dev/null || echo no mount; "
      "grep -q eth /proc/net/dev || echo no network; ls /home 2>/dev/null || echo no home");
  job.stdin_text = "hello";
  job.env = {{"COLOUR", "red"}};
  job.artifacts = {"kept"};
  wire::AssignmentId id = test.world.start(job);
  TaskResult result = test.world.wait(id);
  EXPECT_EQ(test.world.output(id), "mine\n/berth red\nno mount\nno network\nno home\n")
      << result.message;
  ASSERT_EQ(result.outputs.size(), 3u) << result.message;
  EXPECT_EQ(result.outputs[2].bytes, 5u);
  EXPECT_GT(result.usage.memory_peak_bytes, 0u);
  // What one task changes no other sees.
  id = test.world.start(contained("plain", "cat /etc/from"));
  test.world.wait(id);
  EXPECT_EQ(test.world.output(id), "lower");
}

TEST(ContainerRunner, EndsWithItsSupervisor) {
  ContainerWorld test;
  SKIP_WITHOUT_CONTAINERS(test);
  wire::AssignmentId id = test.world.start(contained("plain", "echo up; sleep 1000"));
  test.world.turn_until([&] { return test.world.output(id) == "up\n"; }, "its first line");
  test.world.kill_supervisor(id);
  TaskResult result = test.world.wait(id);
  EXPECT_EQ(result.error, ErrorClass::Lost);
  EXPECT_EQ(test.world.output(id), "up\n");
  EXPECT_TRUE(fs::is_empty(test.world.state_dir() / "tasks/.runc"));
}

TEST(ContainerRunner, StopsOneThatEndsAtTerm) {
  ContainerWorld test;
  SKIP_WITHOUT_CONTAINERS(test);
  wire::AssignmentId id = test.world.start(
      contained("plain", "trap 'exit 4' TERM; echo up; while :; do sleep 0.05; done"));
  test.world.turn_until([&] { return test.world.output(id) == "up\n"; }, "its first line");
  test.world.runner().stop(id, ErrorClass::Aborted);
  TaskResult result = test.world.wait(id);
  EXPECT_EQ(result.error, ErrorClass::Aborted);
  EXPECT_EQ(result.exit_code, 4);
}

}  // namespace

}  // namespace berth::agent
