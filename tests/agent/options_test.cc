#include "agent/options.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/tree.h"

namespace berth::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

Parsed parse(
    const std::vector<std::string>& arguments, const Variables& variables, Options& options) {
  auto environment = [&variables](const char* name) -> const char* {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  return parse_options(arguments, environment, "berth-agent 1", options);
}

const Variables kHome = {{"HOME", "/home/u"}};

TEST(Options, HasADefaultForEverything) {
  Options options;
  ASSERT_TRUE(parse({}, kHome, options).run);
  ASSERT_EQ(options.servers.size(), 1u);
  EXPECT_EQ(net::format_host_port(options.servers[0]), "127.0.0.1:7640");
  EXPECT_EQ(options.interval, core::Duration::seconds(3));
  EXPECT_EQ(options.state_dir, "/home/u/.local/state/berth");
  EXPECT_FALSE(options.wanted.max_tasks.has_value());
}

TEST(Options, TakesTheStateDirectoryFromTheFirstWhoSays) {
  Variables variables = kHome;
  const auto chosen = [&variables](std::vector<std::string> arguments = {}) {
    Options options;
    EXPECT_TRUE(parse(arguments, variables, options).run);
    return options.state_dir.string();
  };
  variables["XDG_STATE_HOME"] = "/xdg";
  EXPECT_EQ(chosen(), "/xdg/berth");
  variables["STATE_DIRECTORY"] = "/var/lib/berth:/var/lib/other";
  EXPECT_EQ(chosen(), "/var/lib/berth");
  variables["BERTH_STATE_DIR"] = "/env";
  EXPECT_EQ(chosen(), "/env");
  EXPECT_EQ(chosen({"--state-dir", "/flag"}), "/flag");
}

TEST(Options, ReadsEveryFlag) {
  Tree tree;
  tree.write("token", "secret\n");
  Options options;
  Parsed parsed = parse(
      {"--server",
       "a:1,[::1]:2,b,a:1",
       "--id=w1",
       "--address",
       "h:9",
       "--tags",
       "x,y",
       "--label",
       "zone=eu",
       "--label=rack=r=7",
       "--max-tasks",
       "5",
       "--custom",
       "licences=4",
       "--interval",
       "500ms",
       "--task-cgroup",
       "/berth.slice/berth-tasks.service",
       "--images",
       "/srv/images",
       "--docker-socket=/run/podman/podman.sock",
       "--on-server-loss",
       "stop",
       "--server-loss-after",
       "90s",
       "--output-max",
       "1MiB",
       "--keep-outputs",
       "2h",
       "--stop-tasks-on-exit",
       "--no-jobs",
       "--token-file",
       (tree.root() / "token").string(),
       "--log-level",
       "debug",
       "--log-format",
       "json",
       "--print-profile",
       "--json"},
      kHome,
      options);
  ASSERT_TRUE(parsed.run) << parsed.text;
  ASSERT_EQ(options.servers.size(), 3u);
  EXPECT_EQ(options.servers[1].host, "::1");
  EXPECT_EQ(options.servers[2].port, 7640);
  EXPECT_EQ(options.id, "w1");
  EXPECT_EQ(options.wanted.address, "h:9");
  EXPECT_THAT(options.wanted.tags, ElementsAre("x", "y"));
  EXPECT_THAT(
      options.wanted.labels, ElementsAre(NamedText{"zone", "eu"}, NamedText{"rack", "r=7"}));
  EXPECT_EQ(options.wanted.max_tasks, 5);
  EXPECT_THAT(options.wanted.custom, ElementsAre(NamedCount{"licences", 4}));
  EXPECT_EQ(options.interval.ms(), 500);
  EXPECT_EQ(options.task_cgroup, "/berth.slice/berth-tasks.service");
  EXPECT_EQ(options.images, "/srv/images");
  EXPECT_EQ(options.docker_socket, "/run/podman/podman.sock");
  EXPECT_TRUE(options.stop_on_server_loss);
  EXPECT_EQ(options.server_loss_after, core::Duration::seconds(90));
  EXPECT_EQ(options.output_bytes_max, 1u << 20);
  EXPECT_EQ(options.keep_outputs, core::Duration::seconds(7'200));
  EXPECT_TRUE(options.stop_tasks_on_exit);
  EXPECT_FALSE(options.jobs);
  EXPECT_EQ(options.token, "secret");
  EXPECT_EQ(options.log_level, "debug");
  EXPECT_TRUE(options.print_profile && options.json);
}

TEST(Options, LetsAFlagWinOverItsVariable) {
  Variables variables = kHome;
  variables["BERTH_ID"] = "env";
  variables["BERTH_TAGS"] = "a";
  variables["BERTH_LABEL"] = "zone=eu,rack=r7";
  Options options;
  ASSERT_TRUE(parse({"--id", "flag"}, variables, options).run);
  EXPECT_EQ(options.id, "flag");
  EXPECT_THAT(options.wanted.tags, ElementsAre("a"));
  EXPECT_EQ(options.wanted.labels.size(), 2u);
}

TEST(Options, SaysWhatIsWrongAndWhatToDo) {
  struct Case {
    std::vector<std::string> arguments;
    const char* sentence;
  };
  const Case cases[] = {
      {{"--tgas", "a"}, "unknown option --tgas; did you mean --tags?"},
      {{"--server-x=a"}, "unknown option --server-x; did you mean --server?"},
      {{"--frobnicate"}, "unknown option --frobnicate; see --help"},
      {{"stray"}, "'stray' is not expected here"},
      {{"--id"}, "--id needs a value: --id ID"},
      {{"--id", "a", "--id", "b"}, "--id is given twice"},
      {{"--id", ""}, "--id '': the id is empty"},
      {{"--id", std::string(129, 'x')}, "the id has 129 bytes; use at most 128"},
      {{"--id", "a\nb"}, "the id holds a control character"},
      {{"--server", "a:b"}, "--server 'a:b': "},
      {{"--server", ","}, "names no server; give HOST:PORT"},
      {{"--max-tasks", "0"}, "is not a whole number from 1 to 65535"},
      {{"--max-tasks", "two"}, "--max-tasks 'two' is not a whole number"},
      {{"--label", "zone"}, "is not a label such as zone=eu-1a"},
      {{"--label", "a=1", "--label", "a=2"}, "gives label a again"},
      {{"--custom", "x=-1"}, "is not NAME=NUMBER"},
      {{"--interval", "3"}, "is not a duration such as"},
      {{"--interval", "2h"}, "is out of range; use 10ms to 1h"},
      {{"--token-file", "/nonexistent"}, "cannot be read; check the path"},
      {{"--log-level", "loud"}, "use one of debug, info, warning, error"},
      {{"--run-as", "no-such-user"}, "is no user of this machine"},
      {{"--task-cgroup", "berth.slice"}, "--task-cgroup 'berth.slice' is no group as /proc/"},
      {{"--task-cgroup", "/"}, "--task-cgroup '/' is no group"},
      {{"--task-cgroup", "/a/../b"}, "--task-cgroup '/a/../b' is no group"},
      {{"--images", "here"}, "--images 'here' is not an absolute path"},
      {{"--docker-socket", "here"}, "is neither an absolute path nor none"},
      {{"--on-server-loss", "panic"}, "use one of keep, stop"},
      {{"--server-loss-after", "1m"}, "goes with --on-server-loss stop alone"},
      {{"--on-server-loss", "stop", "--server-loss-after", "10ms"}, "use 1s to 8784h"},
      {{"--output-max", "all"}, "is not a size such as"},
      {{"--output-max", "1KiB"}, "use 4KiB to 1024GiB"},
      {{"--json"}, "--json goes with --print-profile alone"},
      {{"--json=1"}, "--json takes no value"},
  };
  for (const Case& c : cases) {
    Options options;
    Parsed parsed = parse(c.arguments, kHome, options);
    EXPECT_FALSE(parsed.run) << c.sentence;
    EXPECT_EQ(parsed.code, 2);
    EXPECT_THAT(parsed.text, HasSubstr(c.sentence));
  }
  Options options;
  EXPECT_THAT(parse({}, {}, options).text, HasSubstr("--state-dir"));
  Variables variables = kHome;
  variables["BERTH_INTERVAL"] = "soon";
  EXPECT_THAT(parse({}, variables, options).text, HasSubstr("BERTH_INTERVAL 'soon' is not"));
}

TEST(Options, ShowsHelpWithExamplesAndAllFlags) {
  Options options;
  Parsed parsed = parse({"--help"}, {}, options);
  EXPECT_FALSE(parsed.run);
  EXPECT_EQ(parsed.code, 0);
  for (const char* part :
       {"usage:", "examples:", "--server", "--custom", "--print-profile", "exit codes:"}) {
    EXPECT_THAT(parsed.text, HasSubstr(part));
  }
  EXPECT_EQ(parse({"--version"}, {}, options).text, "berth-agent 1\n");
}

}  // namespace
}  // namespace berth::agent
