#include "tools/cli/arguments.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Invocation parsed(std::vector<std::string> words) {
  Invocation invocation;
  const std::optional<Ending> ending = parse_arguments(std::move(words), invocation);
  EXPECT_FALSE(ending.has_value()) << ending->err;
  return invocation;
}

TEST(Arguments, ChooseTheCommand) {
  struct Case {
    std::vector<std::string> words;
    Command command;
  };
  const Case cases[] = {
      {{"place", "--task", "t"}, Command::Place},
      {{"release", "--task", "t"}, Command::Release},
      {{"worker", "list"}, Command::WorkerList},
      {{"worker", "show", "w"}, Command::WorkerShow},
      {{"worker", "cordon", "w"}, Command::WorkerCordon},
      {{"worker", "drain", "w", "--reason", "r"}, Command::WorkerDrain},
      {{"worker", "undrain", "w"}, Command::WorkerUndrain},
      {{"worker", "forget", "w"}, Command::WorkerForget},
      {{"stats"}, Command::Stats},
      {{"tags"}, Command::Tags},
      {{"watch"}, Command::Watch},
      {{"events"}, Command::Events},
      {{"top"}, Command::Top},
      {{"ping"}, Command::Ping},
      {{"console"}, Command::Console},
      {{"completion", "zsh"}, Command::Completion},
      {{"version"}, Command::Version},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.words.front());
    EXPECT_EQ(parsed(each.words).command, each.command);
  }
}

// What belongs to every command may stand before it and after it.
TEST(Arguments, TakeCommonOptionsOnEitherSideOfTheCommand) {
  const std::vector<std::string> lines[] = {
      {"--server", "h:1", "--json", "--timeout", "2s", "worker", "list"},
      {"worker", "--server", "h:1", "--json", "--timeout", "2s", "list"},
      {"worker", "list", "--json", "--server=h:1", "--timeout=2s"},
  };
  for (const std::vector<std::string>& words : lines) {
    const Invocation invocation = parsed(words);
    EXPECT_EQ(invocation.server, "h:1");
    EXPECT_TRUE(invocation.json);
    EXPECT_EQ(invocation.timeout, client::Milliseconds(2'000));
  }
}

TEST(Arguments, TakeTheServerFromTheEnvironmentUnlessItIsGiven) {
  setenv("BERTH_SERVER", "from-environment:1", 1);
  EXPECT_EQ(parsed({"stats"}).server, "from-environment:1");
  EXPECT_EQ(parsed({"stats", "--server", "given:1"}).server, "given:1");
  unsetenv("BERTH_SERVER");
  EXPECT_EQ(parsed({"stats"}).server, "127.0.0.1:7640");
}

TEST(Arguments, ReadEveryRequirementOfAPlacement) {
  const client::PlaceRequest place =
      parsed({"place", "--task",     "t",      "--tags",      "a,b",       "--tags",
              "c",     "--any",      "x|y",    "--any",       "z",         "--not",
              "d",     "--cpu",      "2.5",    "--memory",    "4GiB",      "--disk",
              "10GiB", "--network",  "1Gbit",  "--slots",     "3",         "--custom",
              "lic=2", "--label",    "zone=a", "--not-label", "rack=1",    "--spread-by",
              "zone",  "--gpus",     "2",      "--gpu-model", "A100|H100", "--policy",
              "fgd",   "--priority", "-5",     "--hold",      "30s",       "--wait",
              "1m30s", "--exclude",  "w1,w2",  "--explain"})
          .place;
  EXPECT_EQ(place.task, "t");
  EXPECT_THAT(place.all_tags, ElementsAre("a", "b", "c"));
  EXPECT_THAT(place.any_tags, ElementsAre(ElementsAre("x", "y"), ElementsAre("z")));
  EXPECT_THAT(place.none_tags, ElementsAre("d"));
  EXPECT_EQ(place.demand.cpu_milli, 2'500);
  EXPECT_EQ(place.demand.memory_mib, 4'096);
  EXPECT_EQ(place.demand.disk_mib, 10'240);
  EXPECT_EQ(place.demand.network_mbit, 1'000);
  EXPECT_EQ(place.demand.slots, 3);
  ASSERT_EQ(place.demand.custom.size(), 1u);
  EXPECT_EQ(place.demand.custom[0].name, "lic");
  EXPECT_EQ(place.demand.custom[0].amount, 2);
  EXPECT_EQ(place.affinity.at(0).value, "a");
  EXPECT_EQ(place.anti_affinity.at(0).key, "rack");
  EXPECT_EQ(place.spread_by, "zone");
  EXPECT_EQ(place.demand.gpu_count, 2);
  EXPECT_EQ(place.demand.gpu_milli, 1'000);
  EXPECT_THAT(place.demand.gpu_models, ElementsAre("A100", "H100"));
  EXPECT_EQ(place.policy, client::Policy::Fgd);
  EXPECT_EQ(place.priority, -5);
  EXPECT_EQ(place.hold, client::Milliseconds(30'000));
  EXPECT_EQ(place.wait, client::Milliseconds(90'000));
  EXPECT_THAT(place.exclude_workers, ElementsAre("w1", "w2"));
  EXPECT_TRUE(place.explain);
}

TEST(Arguments, TakeAPartOfOneGpu) {
  const client::Demand demand = parsed({"place", "--task", "t", "--gpu", "0.5"}).place.demand;
  EXPECT_EQ(demand.gpu_count, 1);
  EXPECT_EQ(demand.gpu_milli, 500);
}

TEST(Arguments, RefuseWrongWordsWithOneSentenceThatNamesThem) {
  struct Case {
    const char* what;
    std::vector<std::string> words;
    const char* said;
  };
  const Case cases[] = {
      {"nothing", {}, "required"},
      {"an unknown command",
       {"plase"},
       "unknown word 'plase' after 'berth'; did you mean 'place'?"},
      {"an unknown verb", {"worker", "lst"}, "did you mean 'list'?"},
      {"a misspelt option", {"place", "--taks", "x"}, "did you mean '--tags'?"},
      {"a misspelt common option",
       {"stats", "--sever=x"},
       "unknown option '--sever' after 'berth stats'; did you mean '--server'?"},
      {"an option like no other",
       {"place", "--task", "x", "--colour", "red"},
       "unknown option '--colour'"},
      {"a word too many", {"place", "--task", "x", "y"}, "unknown word 'y'"},
      {"no task", {"place"}, "--task"},
      {"no worker", {"worker", "drain"}, "worker is required"},
      {"nothing to release", {"release"}, "--task"},
      {"a duration that is none",
       {"place", "--task", "x", "--hold", "soon"},
       "--hold: 'soon' is not a duration"},
      {"a size without a unit",
       {"place", "--task", "x", "--memory", "4"},
       "--memory: '4' is not a size"},
      {"a label without a value",
       {"place", "--task", "x", "--label", "zone"},
       "--label: 'zone' is not a label"},
      {"an amount that is none",
       {"place", "--task", "x", "--custom", "l=many"},
       "--custom: 'l=many' is not"},
      {"a slot count that is none",
       {"place", "--task", "x", "--slots", "-1"},
       "--slots: '-1' is not"},
      {"an empty group", {"place", "--task", "x", "--any", "|"}, "--any: '|' is not a group"},
      {"more than one GPU in part",
       {"place", "--task", "x", "--gpu", "1.5"},
       "--gpu: '1.5' is not a part"},
      {"parts and whole GPUs", {"place", "--task", "x", "--gpu", "0.5", "--gpus", "1"}, "--gpu"},
      {"an unknown policy",
       {"place", "--task", "x", "--policy", "cheapest"},
       "--policy: cheapest not in"},
      {"an unknown shell", {"completion", "tcsh"}, "tcsh not in"},
      {"a server that is none",
       {"stats", "--server", "host:port"},
       "--server: endpoint 'host:port'"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    Invocation invocation;
    const std::optional<Ending> ending = parse_arguments(each.words, invocation);
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, Exit::Usage);
    EXPECT_EQ(ending->out, "");
    EXPECT_THAT(ending->err, HasSubstr(each.said));
    EXPECT_THAT(ending->err, HasSubstr("--help'"));
  }
}

TEST(Arguments, ShowHelpWithExamplesForEveryCommand) {
  const std::vector<std::string> commands[] = {
      {},
      {"place"},
      {"release"},
      {"worker"},
      {"worker", "list"},
      {"worker", "show"},
      {"worker", "cordon"},
      {"worker", "drain"},
      {"worker", "undrain"},
      {"worker", "forget"},
      {"stats"},
      {"tags"},
      {"watch"},
      {"events"},
      {"top"},
      {"ping"},
      {"console"},
      {"completion"},
      {"version"}};
  for (std::vector<std::string> words : commands) {
    SCOPED_TRACE(words.empty() ? "berth" : words.back());
    words.push_back("--help");
    Invocation invocation;
    const std::optional<Ending> ending = parse_arguments(words, invocation);
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, Exit::Ok);
    EXPECT_THAT(ending->out, HasSubstr("Usage: berth"));
    EXPECT_THAT(ending->out, HasSubstr("Examples:\n  "));
    EXPECT_THAT(ending->out, HasSubstr("--server"));
  }
}

}  // namespace
}  // namespace berth::cli
