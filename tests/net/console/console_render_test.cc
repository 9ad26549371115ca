#include "net/console/console_render.h"

#include <gtest/gtest.h>

namespace berth::net {
namespace {

std::string render(
    const wire::Reply& reply, ConsoleCommand::Kind kind = ConsoleCommand::Kind::Request) {
  std::string out;
  render_reply(kind, reply, out);
  return out;
}

TEST(ConsoleRender, EveryAnswerIsOneLineOrEndsWithADot) {
  const uint16_t gpus[] = {0, 3};
  const wire::Elimination eliminated[] = {{"tag:gpu", 2}, {"memory", 1, 65'536, 8'192}};
  const wire::TagCount tags[] = {{"gpu", 2}};
  struct Case {
    const char* what;
    wire::Reply reply;
    const char* expected;
  };
  const Case cases[] = {
      {"pong", wire::Pong{}, "OK pong\n"},
      {"done", wire::Done{}, "OK\n"},
      {"released", wire::Released{2, 1}, "OK released=2 unknown=1\n"},
      {"a place",
       wire::Placed{
           .worker = "w1",
           .address = "10.0.0.1:9",
           .reservation = {17},
           .expires_in_ms = 10'000,
           .gpus = gpus,
           .load = 0.25},
       "OK worker=w1 address=10.0.0.1:9 reservation=17 expires_in=10s load=0.25 gpus=0,3\n"},
      {"no place",
       wire::Unplaced{
           .reason = wire::NoPlace::Eliminated,
           .explanation = {.workers = 3, .eliminated = eliminated}},
       "ERR eliminated no worker fits; of 3 workers eliminated: tag:gpu 2, memory 1 "
       "(asked 64GiB, largest 8GiB)\n"},
      {"a refusal",
       wire::Refused{wire::Refusal::NotFound, "no such worker"},
       "ERR not_found no such worker\n"},
      {"a refusal that would break the form",
       wire::Refused{wire::Refusal::BadRequest, "a\n.\x1b[2J"},
       "ERR bad_request a?.?[2J\n"},
      {"tags", wire::TagPage{tags}, "OK tags=1\ngpu 2\n.\n"},
      {"no workers", wire::WorkerPage{}, "OK shown=0 total=0\n.\n"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(render(c.reply), c.expected) << c.what;
}

TEST(ConsoleRender, AWorkerIsOneLineAndMoreWhenAskedFor) {
  const wire::Text tags[] = {"gpu", "a b"};
  const wire::Label labels[] = {{"zone", "a"}};
  const wire::GpuDevice gpus[] = {{"A100", 500}};
  wire::WorkerRow row;
  row.id = "w1";
  row.address = "h:1";
  row.tags = tags;
  row.labels = labels;
  row.gpus = gpus;
  row.capacity = {.slots = 4, .cpu_milli = 4000, .memory_mib = 4096, .disk_mib = 0};
  row.free = {.slots = 3, .cpu_milli = 3500, .memory_mib = 3000, .disk_mib = 0};
  row.load = 0.25;
  row.draining = true;
  row.reason = "new disk";
  row.agent_version = "0.1";
  row.heartbeat_age_ms = 1500;
  const std::string line =
      "w1 status=online,draining load=0.25 slots=3/4 cpu=3.5/4 memory=3000MiB/4GiB disk=0MiB/0MiB "
      "gpus=A100:0.5 tags=gpu,\"a b\" labels=zone=a address=h:1 reason=\"new disk\"\n";
  const wire::Reply reply = wire::WorkerPage{.rows = {&row, 1}, .next_cursor = 0, .total = 1};
  EXPECT_EQ(render(reply), "OK shown=1 total=1\n" + line + ".\n");
  EXPECT_EQ(
      render(reply, ConsoleCommand::Kind::Worker),
      "OK shown=1 total=1\n" + line +
          "heartbeat_age=2s reported_tasks=0 held_slots=0\n"
          "used_cpu=0 used_memory=0MiB used_gpu=0 agent=0.1\n.\n");
}

TEST(ConsoleRender, NumbersAreOfTheProcessOrByShard) {
  const wire::Stat stats[] = {{"berth_a", -1, 3}, {"berth_a", 0, 1}, {"berth_a", 1, 2.5}};
  const wire::Reply reply = wire::StatsReply{stats};
  EXPECT_EQ(render(reply, ConsoleCommand::Kind::Stats), "OK\nberth_a 3\n.\n");
  EXPECT_EQ(
      render(reply, ConsoleCommand::Kind::Shards),
      "OK\nshard=0 berth_a=1\nshard=1 berth_a=2.5\n.\n");
}

}  // namespace
}  // namespace berth::net
