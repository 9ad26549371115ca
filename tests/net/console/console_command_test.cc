#include "net/console/console_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Parsed {
  bool good = false;
  ConsoleCommand command;
  std::string problem;
};

Parsed parse(std::string_view line) {
  Parsed parsed;
  parsed.good = parse_console_line(line, parsed.command, parsed.problem);
  return parsed;
}

template <typename Request>
const Request& request_of(const Parsed& parsed) {
  EXPECT_TRUE(parsed.good) << parsed.problem;
  return std::get<Request>(parsed.command.request);
}

TEST(ConsoleCommand, APlaceLineSaysAllThatARequestCan) {
  const Parsed parsed = parse(
      "place task=t1 tags=gpu,ssd any=A100|H100 any=x not=old slots=2 cpu=2.5 memory=4GiB disk=1GiB"
      " network=1Gbit gpus=2 models=A100|H100 custom=licence:3 affinity=zone=a avoid=rack=7"
      " spread=zone policy=best-fit priority=-5 hold=30s wait=500ms explain");
  const auto& place = request_of<wire::Place>(parsed);
  EXPECT_EQ(place.task, "t1");
  EXPECT_THAT(place.requirements.all_tags, ElementsAre("gpu", "ssd"));
  ASSERT_EQ(place.requirements.any_tags.size(), 2u);
  EXPECT_THAT(place.requirements.any_tags[0], ElementsAre("A100", "H100"));
  EXPECT_THAT(place.requirements.none_tags, ElementsAre("old"));
  EXPECT_EQ(place.demand.slots, 2);
  EXPECT_EQ(place.demand.cpu_milli, 2500);
  EXPECT_EQ(place.demand.memory_mib, 4096);
  EXPECT_EQ(place.demand.disk_mib, 1024);
  EXPECT_EQ(place.demand.network_mbit, 1000);
  EXPECT_EQ(place.demand.gpu_count, 2);
  EXPECT_EQ(place.demand.gpu_milli, 1000);
  EXPECT_THAT(place.demand.gpu_models, ElementsAre("A100", "H100"));
  ASSERT_EQ(place.demand.custom.size(), 1u);
  EXPECT_EQ(place.demand.custom[0].name, "licence");
  EXPECT_EQ(place.demand.custom[0].amount, 3);
  ASSERT_EQ(place.requirements.affinity.size(), 1u);
  EXPECT_EQ(place.requirements.affinity[0].value, "a");
  EXPECT_EQ(place.requirements.anti_affinity[0].key, "rack");
  EXPECT_EQ(place.requirements.spread_by, "zone");
  EXPECT_EQ(place.policy, wire::Policy::BestFit);
  EXPECT_EQ(place.priority, -5);
  EXPECT_EQ(place.hold_ms, 30'000u);
  EXPECT_EQ(place.wait_ms, 500u);
  EXPECT_TRUE(place.explain);
}

TEST(ConsoleCommand, AFractionOfADeviceIsOneDevice) {
  struct Case {
    const char* text;
    int64_t count;
    int64_t milli;
  };
  for (const Case& c : {Case{"0.5", 1, 500}, Case{"1", 1, 1000}, Case{"3", 3, 1000}}) {
    const Parsed parsed = parse(std::string("place gpu=") + c.text);
    const auto& place = request_of<wire::Place>(parsed);
    EXPECT_EQ(place.demand.gpu_count, c.count) << c.text;
    EXPECT_EQ(place.demand.gpu_milli, c.milli) << c.text;
  }
}

TEST(ConsoleCommand, TheOtherCommandsNameWhatTheyAreAbout) {
  EXPECT_THAT(request_of<wire::ListWorkers>(parse("workers tag=a,b limit=3")).limit, 3u);
  EXPECT_EQ(request_of<wire::ShowWorker>(parse("worker w1")).worker, "w1");
  Parsed drain = parse("drain w1  new   disk ");
  EXPECT_EQ(request_of<wire::SetWorker>(drain).reason, "new   disk");
  EXPECT_EQ(request_of<wire::SetWorker>(drain).action, wire::WorkerAction::Drain);
  Parsed release = parse("release t1 task=t2,t3 reservation=5,6");
  EXPECT_THAT(request_of<wire::Release>(release).tasks, ElementsAre("t1", "t2", "t3"));
  EXPECT_THAT(request_of<wire::Release>(release).reservations, ElementsAre(5, 6));
  for (const char* plain : {"ping", "tags", "stats", "shards", "help", "version", "quit"}) {
    EXPECT_TRUE(parse(plain).good) << plain;
    EXPECT_FALSE(parse(std::string(plain) + " x").good) << plain;
  }
}

TEST(ConsoleCommand, BlankLinesAndCommentsAskForNothing) {
  for (const char* line : {"", "   ", "\t", "# a comment", "  # another"}) {
    const Parsed parsed = parse(line);
    EXPECT_TRUE(parsed.good) << line;
    EXPECT_EQ(parsed.command.kind, ConsoleCommand::Kind::Empty) << line;
  }
}

TEST(ConsoleCommand, AMistakeIsNamedWithItsRemedy) {
  struct Case {
    std::string line;
    const char* named;
  };
  const Case cases[] = {
      {"dance", "'dance'"},
      {"worker", "id"},
      {"worker a b", "id"},
      {"workrs", "did you mean 'workers'"},
      {"place tags", "needs =VALUE"},
      {"place tags=", "a list"},
      {"place cpu=-2", "cpu=-2"},
      {"place cpu=1e99", "cpu=1e99"},
      {"place memory=4", "4GiB"},
      {"place gpu=1.5", "fraction"},
      {"place gpu=0", "fraction"},
      {"place gpus=17", "gpus=17"},
      {"place policy=greedy", "best-fit"},
      {"place polcy=fgd", "did you mean 'policy'"},
      {"place hold=soon", "duration"},
      {"place custom=:3", "custom"},
      {"place affinity=zone", "label"},
      {"release", "release TASK"},
      {"release reservation=x", "reservation"},
      {"drain", "worker's id"},
      {"ping\x01", "control character 1 at column 5"},
      {"ping \xff", "UTF-8"},
      {"ping \xc2\x9b", "UTF-8"},
      {std::string("ping\0", 5), "control character 0"},
      {std::string(kConsoleLineMax + 1, 'x'), "4096"},
  };
  for (const Case& c : cases) {
    const Parsed parsed = parse(c.line);
    EXPECT_FALSE(parsed.good) << c.line;
    EXPECT_THAT(parsed.problem, HasSubstr(c.named));
    EXPECT_EQ(parsed.problem.find('\n'), std::string::npos);
  }
}

TEST(ConsoleCommand, ACommandKeepsItsWordsWhenItIsMoved) {
  ConsoleCommand kept;
  {
    std::string line = "place task=a-task-with-a-long-name tags=one,two";
    Parsed parsed = parse(line);
    line.assign(line.size(), 'x');
    kept = std::move(parsed.command);
  }
  const auto& place = std::get<wire::Place>(kept.request);
  EXPECT_EQ(place.task, "a-task-with-a-long-name");
  EXPECT_THAT(place.requirements.all_tags, ElementsAre("one", "two"));
}

TEST(ConsoleCommand, HelpHasALineForEachCommand) {
  for (const std::string_view line : console_help()) {
    const std::string_view name = line.substr(0, line.find_first_of(" :"));
    const Parsed parsed = parse(name);
    EXPECT_THAT(parsed.problem, testing::Not(HasSubstr("no command"))) << name;
  }
}

}  // namespace
}  // namespace berth::net
