#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/config/server_config.h"

namespace berth::net {
namespace {

using Action = OptionTable::Action;
using testing::HasSubstr;

std::string own_path() {
  std::string path = testing::TempDir() + "berth-config-XXXXXX";
  close(mkstemp(path.data()));
  return path;
}

/// A file that is gone after the test; its name is its own, since tests run side by side.
struct File {
  explicit File(const std::string& text) : path(own_path()) { std::ofstream(path) << text; }
  ~File() { std::remove(path.c_str()); }
  const std::string path;
};

struct Loaded {
  bool good = false;
  Action action = Action::Run;
  std::string problem;
  ServerConfig config;
  std::string printed;
};

void load(
    Loaded& loaded,
    const std::vector<std::string>& arguments,
    const std::map<std::string, std::string>& environment = {}) {
  OptionTable table = server_options(loaded.config);
  const auto variable = [&](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  };
  loaded.good = table.load(arguments, variable, loaded.action, loaded.problem) &&
                finish_config(loaded.config, loaded.problem);
  loaded.printed = table.print();
}

TEST(Config, AFlagBeatsTheEnvironmentBeatsTheFileBeatsTheDefault) {
  const File file("max_waiting = 1\nmax_names = 100\nshards = 3\nscatter = true\n");
  Loaded loaded;
  load(
      loaded,
      {"--config", file.path, "--shards", "5"},
      {{"BERTH_SHARDS", "4"}, {"BERTH_MAX_NAMES", "200"}});
  ASSERT_TRUE(loaded.good) << loaded.problem;
  EXPECT_EQ(loaded.config.settings.shards, 5);
  EXPECT_EQ(loaded.config.settings.names_max, 200u);
  EXPECT_EQ(loaded.config.settings.waiting_max, 1u);
  EXPECT_TRUE(loaded.config.settings.scatter);
  EXPECT_EQ(loaded.config.settings.offline_after, core::Duration::seconds(20));
  EXPECT_THAT(loaded.printed, testing::ContainsRegex("shards = 5 +# --shards"));
  EXPECT_THAT(loaded.printed, testing::ContainsRegex("max_names = 200 +# BERTH_MAX_NAMES"));
  EXPECT_THAT(loaded.printed, testing::ContainsRegex("max_waiting = 1 +# .*berth-config-.*:1"));
  EXPECT_THAT(loaded.printed, testing::ContainsRegex("offline_after = \"20s\" +# default"));
}

TEST(Config, EveryFlagIsReadAndPrintedAsItWasSet) {
  // Every line of it is a typical task, and all of it is a secret.
  const File token("{\"num_gpu\": 1}\n");
  struct Case {
    const char* flag;
    const char* value;
    const char* printed;
  };
  const Case cases[] = {
      {"--listen", "127.0.0.1:0", "listen = \"127.0.0.1:0\""},
      {"--listen", "[::1]:17", "listen = \"[::1]:17\""},
      {"--http", "off", "http = \"off\""},
      {"--http", "localhost", "http = \"localhost:7641\""},
      {"--http", "[::1]:17", "http = \"[::1]:17\""},
      {"--http-host", "b1.example.org,b2", "http_host = \"b1.example.org,b2\""},
      {"--http-connections-max", "7", "http_connections_max = 7"},
      {"--http-bodies-max", "1GiB", "http_bodies_max = 1073741824"},
      {"--console", "off", "console = \"off\""},
      {"--console", "localhost:7", "console = \"localhost:7\""},
      {"--store", "memory", "store = \"memory\""},
      {"--store", "sqlite:jobs.db", "store = \"sqlite:jobs.db\""},
      {"--shards", "2", "shards = 2"},
      {"--suspicious-after", "3s", "suspicious_after = \"3s\""},
      {"--offline-after", "1m", "offline_after = \"1m\""},
      {"--max-workers", "7", "max_workers = 7"},
      {"--max-names", "700", "max_names = 700"},
      {"--max-connections", "7", "max_connections = 7"},
      {"--max-frame-bytes", "64KiB", "max_frame_bytes = 65536"},
      {"--max-reservations", "7", "max_reservations = 7"},
      {"--max-waiting", "7", "max_waiting = 7"},
      {"--max-list-rows", "7", "max_list_rows = 7"},
      {"--hold-default", "7s", "hold_default = \"7s\""},
      {"--hold-max", "7h", "hold_max = \"7h\""},
      {"--wait-max", "7h", "wait_max = \"7h\""},
      {"--cooldown-base", "0s", "cooldown_base = \"0s\""},
      {"--cooldown-max", "0", "cooldown_max = \"0s\""},
      {"--plan-patience", "0", "plan_patience = 0"},
      {"--plan-fragmentation", "0.25", "plan_fragmentation = \"0.25\""},
      {"--plan-move-price", "0", "plan_move_price = 0"},
      {"--handshake-timeout", "500ms", "handshake_timeout = \"500ms\""},
      {"--scatter", "true", "scatter = true"},
      {"--log-level", "debug", "log_level = \"debug\""},
      {"--log-format", "json", "log_format = \"json\""},
      {"--token-file", token.path.c_str(), "token_file = \""},
      {"--fgd-tasks", token.path.c_str(), "fgd_tasks = \""},
  };
  for (const Case& c : cases) {
    Loaded loaded;
    load(loaded, {c.flag, c.value});
    EXPECT_TRUE(loaded.good) << loaded.problem;
    EXPECT_THAT(loaded.printed, HasSubstr(c.printed));
    EXPECT_EQ(loaded.config.token, loaded.config.token_file.empty() ? "" : "{\"num_gpu\": 1}");
  }
}

TEST(Config, ASwitchNeedsNoValue) {
  Loaded loaded;
  load(loaded, {"--scatter", "--shards", "2"});
  EXPECT_TRUE(loaded.good) << loaded.problem;
  EXPECT_TRUE(loaded.config.settings.scatter);
  EXPECT_EQ(loaded.config.settings.shards, 2);
}

TEST(Config, AMistakeIsOneSentenceWithPlaceValueAndRemedy) {
  struct Case {
    std::vector<std::string> arguments;
    const char* named;
  };
  const Case cases[] = {
      {{"--colour", "red"}, "'--colour'"},
      {{"--listne", "x"}, "did you mean '--listen'"},
      {{"serve"}, "'serve'"},
      {{"--listen"}, "--listen"},
      {{"--listen", "1.2.3.4:99999"}, "99999"},
      {{"--listen", "::1"}, "brackets"},
      {{"--console", "here"}, "'off'"},
      {{"--http", "here:now"}, "'off'"},
      {{"--http", "0.0.0.0:7641"}, "--token-file"},
      {{"--http", "[::]:7641"}, "serve 127.0.0.1 alone"},
      {{"--http-host", "b1:7641"}, "without ports"},
      {{"--http-connections-max", "0"}, "from 1"},
      {{"--http-bodies-max", "1MiB"}, "16MiB"},
      {{"--store", "postgres:jobs"}, "'postgres:jobs' is neither sqlite:PATH"},
      {{"--store", "jobs.db"}, "sqlite:PATH"},
      {{"--store", "sqlite:"}, "sqlite:PATH"},
      {{"--store", "sqlite:/var/lib/berth/"}, "of a file"},
      {{"--shards", "0"}, "from 1 to 64"},
      {{"--shards", "65"}, "'65'"},
      {{"--shards", "two"}, "'two'"},
      {{"--max-workers", "-1"}, "'-1'"},
      {{"--max-frame-bytes", "1"}, "4KiB"},
      {{"--suspicious-after", "soon"}, "'soon' is not a duration"},
      {{"--suspicious-after", "0s"}, "'0s' is shorter than 1ms, the shortest"},
      {{"--plan-fragmentation", "much"}, "'much' is not a number from 0 to 1"},
      {{"--plan-fragmentation", "1.01"}, "'1.01'"},
      {{"--plan-move-price", "0.1x"}, "'0.1x'"},
      {{"--plan-move-price", "nan"}, "'nan'"},
      // An empty value was taken for a switch's: 'true' is not a number.
      {{"--plan-move-price", ""}, "--plan-move-price '' is not a number from 0 to 1"},
      {{"--config", ""}, "'' cannot be read"},
      {{"--cooldown-base", "5us"}, "'5us' is shorter than 1ms, the shortest but 0, which is none"},
      {{"--hold-max", "50d"}, "'50d' is longer than 49 days"},
      {{"--suspicious-after", "20s", "--offline-after", "10s"}, "--offline-after 10s"},
      {{"--hold-default", "2h", "--hold-max", "1h"}, "--hold-max"},
      {{"--scatter=perhaps"}, "perhaps"},
      {{"--log-level", "loud"}, "warning"},
      {{"--config", "/nonexistent.toml"}, "/nonexistent.toml"},
      {{"--config", "/"}, "'/' cannot be read"},
      {{"--token-file", "/nonexistent"}, "/nonexistent"},
      {{"--token-file", "/"}, "'/' cannot be read"},
  };
  for (const Case& c : cases) {
    Loaded loaded;
    load(loaded, c.arguments);
    EXPECT_FALSE(loaded.good) << c.named;
    EXPECT_THAT(loaded.problem, HasSubstr(c.named));
    EXPECT_EQ(loaded.problem.find('\n'), std::string::npos) << loaded.problem;
  }
}

TEST(Config, AFileIsJudgedLineByLine) {
  struct Case {
    const char* text;
    const char* named;
  };
  const Case cases[] = {
      {"\nmax_worker = 5\n", "f.toml:2: max_worker is no setting; did you mean 'max_workers'?"},
      {"max-workers = 5\n", "did you mean 'max_workers'"},
      {"shards = 2\nshards = 3\n", "f.toml:2"},
      {"shards = \n", "f.toml:1"},
      {"shards = [1]\n", "must be one value"},
      {"[server]\nshards = 1\n", "server"},
      {"shards = 1.5\n", "'1.5'"},
      {"shards = -1\n", "'-1'"},
      {"scatter = \"yes\"\n", "'yes'"},
      {"max_waiting = 99999999999999999999\n", "f.toml:1"},
      {"\xff\xfe", "f.toml:1"},
      {"listen = \"\"\"one\nand two\"\"\"\n", "'one and two'"},
      {"\"a\\nb\" = 1\n", "a b is no setting"},
  };
  for (const Case& c : cases) {
    ServerConfig config;
    OptionTable table = server_options(config);
    std::string problem;
    EXPECT_FALSE(table.load_text(c.text, "f.toml", problem)) << c.text;
    EXPECT_THAT(problem, HasSubstr(c.named));
    EXPECT_EQ(problem.find('\n'), std::string::npos) << problem;
  }
}

TEST(Config, TypicalTasksAreOneObjectForEachLine) {
  std::vector<TypicalTaskLine> lines;
  std::string problem;
  ASSERT_TRUE(parse_typical_tasks(
      "{\"cpu_milli\":8000,\"memory_mib\":30517,\"num_gpu\":1,\"gpu_milli\":470,\"models\":[\"T4\"]"
      ","
      "\"share\":360}\n\n{\"num_gpu\":8}\r\n{}",
      "tasks",
      lines,
      problem))
      << problem;
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].gpu_milli, 470);
  EXPECT_EQ(lines[0].models, std::vector<std::string>{"T4"});
  EXPECT_EQ(lines[1].num_gpu, 8);
  EXPECT_EQ(lines[1].share, 1);

  struct Case {
    const char* text;
    const char* named;
  };
  const Case cases[] = {
      {"", "no typical task"},
      {"{}\n[]", "tasks:2"},
      {"{", "not a JSON object"},
      {"{\"cpu\":1}", "'cpu'"},
      {"{\"num_gpu\":17}", "num_gpu"},
      {"{\"num_gpu\":-1}", "num_gpu"},
      {"{\"num_gpu\":1.5}", "num_gpu"},
      {"{\"cpu_milli\":18446744073709551615}", "cpu_milli"},
      {"{\"num_gpu\":2,\"gpu_milli\":500}", "num_gpu 1 alone"},
      {"{\"models\":\"T4\"}", "list"},
      {"{\"models\":[1]}", "list"},
      {"{\"share\":0}", "share"},
      {"{\"share\":\"x\"}", "share"},
  };
  for (const Case& c : cases) {
    lines.clear();
    EXPECT_FALSE(parse_typical_tasks(c.text, "tasks", lines, problem)) << c.text;
    EXPECT_THAT(problem, HasSubstr(c.named));
  }
}

TEST(Config, WhatIsPrintedIsAFileThatSaysTheSame) {
  Loaded loaded;
  load(loaded, {"--shards", "7", "--console", "off", "--hold-max", "90m", "--http-host", "0764"});
  ServerConfig again;
  OptionTable table = server_options(again);
  std::string problem;
  EXPECT_TRUE(table.load_text(loaded.printed, "printed.toml", problem)) << problem;
  EXPECT_EQ(again.settings.shards, 7);
  EXPECT_FALSE(again.console);
  EXPECT_EQ(again.settings.hold_max, core::Duration::seconds(5400));
  EXPECT_EQ(again.http_hosts, loaded.config.http_hosts) << "a name that looks like a number";
}

TEST(Config, HelpAndVersionAreAnsweredWithoutLookingFurther) {
  Loaded help;
  load(help, {"--help", "--shards", "0"});
  EXPECT_EQ(help.action, Action::Help);
  Loaded version;
  load(version, {"--version"});
  EXPECT_EQ(version.action, Action::Version);
  Loaded check;
  load(check, {"--check-config"});
  EXPECT_EQ(check.action, Action::CheckConfig);
}

}  // namespace
}  // namespace berth::net
