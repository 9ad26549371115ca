#include "agent/runner/order.h"

#include <gtest/gtest.h>

#include "agent/runner/retention.h"

namespace berth::agent {

namespace {

Order sample_order() {
  Order order;
  order.assignment = {{7}, 99, 3};
  order.runner = wire::Runner::Sandbox;
  order.argv = {"sh", "-c", std::string("a\0b", 3)};
  order.env = {"A=1", ""};
  order.groups = {1, 2, 3};
  order.timeout_ms = 0xFFFFFFFF;
  order.memory_bytes = ~uint64_t{0};
  order.seccomp = {1, 2, 3, 255};
  order.task_dir = "/somewhere";
  order.cgroups.v2 = true;
  order.network = true;
  order.engine_socket = "/run/engine.sock";
  order.gpus = {0, 65535};
  return order;
}

TEST(Order, ComesBackAsItWas) {
  Order order = sample_order();
  std::string file = encode_order(order);
  file += encode_progress({4711, true});
  std::optional<Order> back = decode_order(file);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode_order(*back), encode_order(order));
  EXPECT_EQ(back->argv, order.argv);
  EXPECT_EQ(back->memory_bytes, order.memory_bytes);
  EXPECT_EQ(back->assignment, order.assignment);
  EXPECT_EQ(back->gpus, order.gpus);
  EXPECT_EQ(decode_progress(file).supervisor, 4711u);
  EXPECT_TRUE(decode_progress(file).started);
  EXPECT_EQ(decode_progress(encode_order(order)).supervisor, 0u);
}

TEST(Order, NoDamageIsTakenForAnOrder) {
  std::string file = encode_order(sample_order());
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(decode_order(file.substr(0, size))) << "cut to " << size;
  for (size_t at = 0; at < file.size(); ++at) {
    std::string changed = file;
    changed[at] ^= 0x40;
    EXPECT_FALSE(decode_order(changed)) << "changed at " << at;
  }
  EXPECT_FALSE(decode_result(file)) << "an order is no result";
}

TEST(Result, ComesBackAsItWas) {
  TaskResult result;
  result.assignment = {{1}, 2, 3};
  result.error = wire::ErrorClass::Oom;
  result.exit_code = -1;
  result.signal = 9;
  result.message = "killed";
  result.usage = {1, 2, 3};
  result.outputs = {{"stdout", "/p", 5, "abc", true}, {"out/x", "/q", 0, "", false}};
  std::optional<TaskResult> back = decode_result(encode_result(result));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->error, result.error);
  EXPECT_EQ(back->exit_code, -1);
  EXPECT_EQ(back->usage.wall_ms, 3u);
  ASSERT_EQ(back->outputs.size(), 2u);
  EXPECT_EQ(back->outputs[0].sha256, "abc");
  EXPECT_TRUE(back->outputs[0].truncated);
}

TEST(Retention, GivesUpTheOldestThatAreTooManyTooLargeOrTooOld) {
  struct Case {
    const char* what;
    RetentionLimits limits;
    int64_t now_s;
    size_t removed;
  };
  // Three, of 10 bytes each, settled at 100, 200 and 300.
  const Case cases[] = {
      {"all may stay", {1000, 30, 3}, 300, 0},
      {"one too many", {1000, 30, 2}, 300, 1},
      {"a byte too many", {1000, 29, 3}, 300, 1},
      {"far too many bytes", {1000, 9, 3}, 300, 3},
      {"exactly as old as may be", {200, 30, 3}, 300, 0},
      {"a second older", {200, 30, 3}, 301, 1},
      {"all too old", {10, 30, 3}, 1000, 3},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    Retention retention(c.limits);
    for (uint64_t i = 1; i <= 3; ++i)
      retention.add({{i}, i, 1}, 10, static_cast<int64_t>(i) * 100);
    size_t removed = 0;
    while (std::optional<wire::AssignmentId> id = retention.take(c.now_s))
      EXPECT_EQ(id->job.value, ++removed);
    EXPECT_EQ(removed, c.removed);
  }
}

}  // namespace

}  // namespace berth::agent
