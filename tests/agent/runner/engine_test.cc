#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "agent/runner/engine/api.h"
#include "agent/runner/engine/container.h"
#include "agent/runner/engine/frames.h"
#include "agent/runner/make_order.h"
#include "agent/runner/task/verdict.h"

namespace berth::agent {

namespace {

namespace fs = std::filesystem;

std::string frame(char stream, const std::string& text) {
  return std::string({stream, 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())}) + text;
}

TEST(EngineFrames, GiveTheSameOutputsHoweverTheyAreCut) {
  std::string bytes = frame(1, "out") + frame(2, "err") + frame(1, "") + frame(1, "put");
  for (size_t step = 1; step <= bytes.size(); ++step) {
    std::string outputs[3];
    FrameReader reader;
    for (size_t at = 0; at < bytes.size(); at += step)
      EXPECT_TRUE(reader.feed(bytes.substr(at, step), [&](int stream, std::string_view piece) {
        outputs[stream] += piece;
      }));
    EXPECT_EQ(outputs[1], "output") << "in pieces of " << step;
    EXPECT_EQ(outputs[2], "err");
  }
}

TEST(EngineFrames, RefuseWhatIsNone) {
  for (std::string bytes : {frame(3, "x"), std::string("HTTP/1.1"), std::string("\1\1\0\0", 4)}) {
    FrameReader reader;
    EXPECT_FALSE(reader.feed(bytes, [](int, std::string_view) {})) << bytes;
    EXPECT_FALSE(reader.feed(frame(1, "x"), [](int, std::string_view) { FAIL(); }));
  }
}

TEST(EngineContainer, TakesUserPrivilegesAndLimitsFromTheOrder) {
  Order order;
  order.engine_owner = "berth-1";
  order.assignment = {{7}, 99, 3};
  order.image = "busybox";
  order.task_dir = "/state/tasks/x";
  order.uid = 1000;
  order.groups = {5};
  nlohmann::json plain = make_container(order);
  EXPECT_EQ(engine_container_name(order), "berth-1-7.3.99");
  EXPECT_FALSE(plain.contains("Entrypoint")) << "the image's own command";
  EXPECT_EQ(plain["User"], "1000:0");
  EXPECT_EQ(plain["WorkingDir"], "/berth");
  nlohmann::json host = plain["HostConfig"];
  EXPECT_EQ(host["NetworkMode"], "none");
  EXPECT_EQ(host["CapDrop"], nlohmann::json({"ALL"}));
  EXPECT_EQ(host["SecurityOpt"], nlohmann::json({"no-new-privileges"}));
  EXPECT_EQ(host["GroupAdd"], nlohmann::json({"5"}));
  EXPECT_EQ(host["Mounts"][0]["Source"], "/state/tasks/x/work");
  for (const char* unset : {"CapAdd", "Memory", "CpuQuota", "PidsLimit", "DeviceRequests"})
    EXPECT_FALSE(host.contains(unset)) << unset;

  order.uid = 0;
  order.argv = {"a", "b"};
  order.network = true;
  order.memory_bytes = 64 << 20;
  order.cpu_milli = 1500;
  order.pids_max = 10;
  order.gpus = {2, 5};
  plain = make_container(order);
  host = plain["HostConfig"];
  EXPECT_EQ(plain["Entrypoint"], nlohmann::json({"a", "b"}));
  EXPECT_EQ(host["NetworkMode"], "host");
  EXPECT_EQ(host["Memory"], 64 << 20);
  EXPECT_EQ(host["MemorySwap"], 64 << 20) << "or it would swap beyond its limit";
  EXPECT_EQ(host["CpuQuota"], 150'000);
  EXPECT_EQ(host["PidsLimit"], 10);
  EXPECT_EQ(host["DeviceRequests"][0]["DeviceIDs"], nlohmann::json({"2", "5"}));
  EXPECT_EQ(host["CapAdd"].size(), 9u);
}

TEST(EngineOrder, GoesToTheEngineWhenNoFileHasTheImagesName) {
  std::string images = (fs::temp_directory_path() / "berth-named-XXXXXX").string();
  ASSERT_NE(mkdtemp(images.data()), nullptr);
  fs::create_directory(fs::path(images) / "here:1");
  OrderBasis with;
  with.images = images;
  with.engine_socket = "/run/engine.sock";
  OrderBasis without = with;
  without.engine_socket.clear();
  OrderBasis no_directory = with;
  no_directory.images.clear();
  struct Case {
    const char* what;
    const OrderBasis& basis;
    std::string image;
    bool engine;
  };
  const Case cases[] = {
      {"a name that only the engine may know", with, "busybox:latest", true},
      {"a name of the directory of images", with, "here:1", false},
      {"a path", with, "/srv/image", false},
      {"a path from here", with, "./image", false},
      {"without an engine", without, "busybox:latest", false},
      {"without a directory of images", no_directory, "here:1", true},
      {"longer than a file's name", with, std::string(1000, 'x'), true},
  };
  for (const Case& c : cases)
    EXPECT_EQ(is_for_engine(c.basis, c.image), c.engine) << c.what;
  fs::remove_all(images);
}

TEST(EngineOrder, CountsTheDevicesOfAnEngineAnew) {
  OrderBasis basis;
  TaskOrder task;
  task.gpus = {2, 5};
  wire::JobSpec spec;
  spec.image = "busybox";
  auto visible = [&] {
    for (const std::string& line : make_order(basis, task, spec).env)
      if (line.starts_with("CUDA_VISIBLE_DEVICES=")) return line.substr(line.find('=') + 1);
    return std::string("none");
  };
  EXPECT_EQ(visible(), "2,5");
  basis.engine_socket = "/run/engine.sock";
  EXPECT_EQ(visible(), "0,1");
  EXPECT_EQ(make_order(basis, task, spec).gpus, task.gpus);
}

TEST(EngineReport, ComesBackAsItWasOrNotAtAll) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  write_told(ends[1], EngineReport{137, true, 5, 6, "why"});
  close(ends[1]);
  std::string bytes = read_all(ends[0]).value_or("");
  close(ends[0]);
  EngineReport report;
  ASSERT_TRUE(parse_told(bytes, report));
  EXPECT_EQ(report.exit_code, 137);
  EXPECT_TRUE(report.oom_killed);
  EXPECT_EQ(report.problem, "why");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse_told(bytes.substr(0, size), report)) << "cut to " << size;
}

TEST(EngineApi, SaysWhyThereIsNoAnswer) {
  Answer answer = ask("/no/such/socket", "GET", "/_ping");
  EXPECT_FALSE(answer.ok());
  EXPECT_EQ(answer.complaint(), "No such file or directory");
  EXPECT_EQ((Answer{404, "{\"message\":\"No such image: x\"}\n"}).complaint(), "No such image: x");
  EXPECT_EQ((Answer{500, ""}).complaint(), "answer 500 without a reason");
  EXPECT_EQ(quoted("a b/{\"é\"}:1"), "a%20b%2F%7B%22%C3%A9%22%7D%3A1");
}

}  // namespace

}  // namespace berth::agent
