#include "net/forms/job_file.h"

#include <iterator>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/forms/job_digest.h"
#include "net/forms/times.h"

namespace berth::forms {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<JobDraft> from_toml(const std::string& text, const JobDraft& common = {}) {
  std::vector<JobDraft> drafts;
  std::string problem;
  EXPECT_TRUE(parse_job_toml(text, "job.toml", common, drafts, problem)) << problem;
  EXPECT_TRUE(resolve_after(drafts, problem)) << problem;
  return drafts;
}

const JobField& find_field(std::string_view name) {
  for (const JobField& field : job_fields())
    if (field.name == name) return field;
  std::abort();
}

// Everything that can be said about a job, as a file says it.
constexpr const char* kEveryKey = R"(
name = "train"
queue = "q"
tenant = "t"
label = { team = "a" }
command = ["python3", "train.py", "[a,b]"]
image = "busybox"
env = { A = "1", EMPTY = "", B = "x=y" }
workdir = "w"
stdin = "in"
runner = "container"
network = true
artifact = ["model.bin", "a,b"]
meta = { ticket = "T-1" }
cpu = 1.5
memory = "4GiB"
disk = "1GiB"
bandwidth = "1Gbit"
slots = 2
gpus = 2
gpu_model = ["A100", "H100"]
custom = { licences = 3 }
tags = ["gpu"]
any = [["a", "b"], "c|d"]
not = "spot"
worker_label = { zone = "a" }
not_worker_label = { rack = "1" }
spread_by = "zone"
exclude = ["w9"]
policy = "spread"
priority = -5
at = 2026-01-31T08:00:00Z
deadline = "2026-01-31T09:00:00+01:00"
estimate = "1h"
timeout = "90m"
attempts = 3
retry_base = "2s"
retry_cap = "10m"
kill_grace = "30s"
checkpointable = true
after = [7]
array = "1-1000"
)";

TEST(JobFiles, SayEverythingThereIsToSayAboutAJob) {
  const std::vector<JobDraft> drafts = from_toml(kEveryKey);
  ASSERT_EQ(drafts.size(), 1u);
  const client::JobSpec& job = drafts[0].spec;
  EXPECT_EQ(job.name, "train");
  EXPECT_THAT(job.command, ElementsAre("python3", "train.py", "[a,b]"));
  EXPECT_EQ(job.env.size(), 3u);
  EXPECT_EQ(job.runner, client::Runner::Container);
  EXPECT_TRUE(job.network);
  EXPECT_THAT(job.artifacts, ElementsAre("model.bin", "a,b"));
  EXPECT_EQ(job.demand.cpu_milli, 1'500);
  EXPECT_EQ(job.demand.memory_mib, 4'096);
  EXPECT_EQ(job.demand.network_mbit, 1'000);
  EXPECT_EQ(job.demand.gpu_count, 2);
  EXPECT_EQ(job.demand.custom.at(0).amount, 3);
  EXPECT_THAT(job.any_tags, ElementsAre(ElementsAre("a", "b"), ElementsAre("c", "d")));
  EXPECT_THAT(job.none_tags, ElementsAre("spot"));
  EXPECT_EQ(job.priority, -5);
  EXPECT_EQ(job.scheduled_at_ms, 1'769'846'400'000);
  EXPECT_EQ(job.deadline_at_ms, job.scheduled_at_ms);
  EXPECT_EQ(job.timeout, client::Milliseconds(5'400'000));
  EXPECT_EQ(job.attempts_max, 3u);
  EXPECT_THAT(job.depends_on, ElementsAre(7));
  EXPECT_EQ(job.array->last, 1'000u);
}

// What `show` prints makes the same job again, and no key is forgotten on either way.
TEST(JobFiles, ReadBackWhatIsShownOfAJob) {
  const client::JobSpec job = from_toml(kEveryKey)[0].spec;
  const Json keys = job_keys_json(job);
  std::vector<JobDraft> again;
  std::string problem;
  ASSERT_TRUE(parse_job_json(keys.dump(), "shown", {}, again, problem)) << problem;
  ASSERT_TRUE(resolve_after(again, problem)) << problem;
  EXPECT_EQ(job_keys_json(again[0].spec), keys);
  for (const JobField& field : job_fields()) {
    const bool other = field.name == "stdin-file" || field.name == "gpu";
    EXPECT_EQ(keys.contains(field_key(field.name)), !other) << field.name;
  }
}

TEST(JobFiles, ShareKeysAtTheTopAndOrderTheirJobs) {
  const std::vector<JobDraft> drafts = from_toml(R"(
queue = "ci"
cpu = 2
[[job]]
name = "report"
command = ["report"]
after = ["test", "build", 99]
[[job]]
name = "build"
command = ["make"]
cpu = 4
[[job]]
name = "test"
command = ["make", "test"]
after = "build"
)");
  ASSERT_EQ(drafts.size(), 3u);
  EXPECT_EQ(drafts[0].spec.name, "build");
  EXPECT_EQ(drafts[0].spec.demand.cpu_milli, 4'000);
  EXPECT_EQ(drafts[1].spec.name, "test");
  EXPECT_EQ(drafts[1].spec.queue, "ci");
  EXPECT_EQ(drafts[1].spec.demand.cpu_milli, 2'000);
  EXPECT_THAT(drafts[1].spec.depends_on_items, ElementsAre(0));
  EXPECT_EQ(drafts[2].spec.name, "report");
  EXPECT_THAT(drafts[2].spec.depends_on_items, ElementsAre(1, 0));
  EXPECT_THAT(drafts[2].spec.depends_on, ElementsAre(99));
}

TEST(JobFiles, AreRefusedWithOneSentenceThatNamesWhatIsWrong) {
  struct Case {
    const char* what;
    const char* text;
    const char* said;
  };
  const Case cases[] = {
      {"no TOML", "name = \n", "job.toml:1: "},
      {"nothing", "", "neither command nor image"},
      {"a misspelt key", "comand = [\"x\"]", "unknown key 'comand'; did you mean 'command'?"},
      {"a misspelt key of a table",
       "[[job]]\ncommand=[\"x\"]\n[[job]]\ncommand=[\"x\"]\nprioity=1",
       "job 2: unknown key 'prioity'; did you mean 'priority'?"},
      {"a key like no other", "colour = 1", "unknown key 'colour'; docs/jobs.md"},
      {"a flag for a key", "retry-base = \"1s\"", "did you mean 'retry_base'?"},
      {"a command that is a sentence", "command = \"ls -l\"", "command: \"ls -l\" is not a list"},
      {"a command with a number in it", "command = [\"sleep\", 1]", "is not a list of words"},
      {"a size without a unit", "command=[\"x\"]\nmemory = 4", "memory: '4' is not a size"},
      {"a time without a unit", "command=[\"x\"]\ntimeout = 30", "timeout: '30' is not a duration"},
      {"a moment that is none", "command=[\"x\"]\nat = \"noon\"", "at: 'noon' is not a time"},
      {"an unknown runner", "command=[\"x\"]\nrunner = \"vm\"", "runner: 'vm' is not any, process"},
      {"an unknown policy",
       "command=[\"x\"]\npolicy = \"best\"",
       "policy: 'best' is not least-loaded"},
      {"a switch that is none",
       "command=[\"x\"]\nnetwork = 1",
       "network: '1' is not true or false"},
      {"a list for a value", "name = [\"a\", \"b\"]", "name: [\"a\",\"b\"] is not one value"},
      {"a value for a table", "env = \"A=1\"", "env: \"A=1\" is not a table"},
      {"a table in a list", "tags = [{a = 1}]", "tags: "},
      {"no attempt at all", "attempts = 0", "attempts: '0' is not a whole number from 1"},
      {"an array backwards", "array = \"9-1\"", "array: '9-1' is not a range"},
      {"an array without an end", "array = 5", "array: '5' is not a range"},
      {"an array beyond the limit", "array = \"0-1000000\"", "at most 1000000"},
      {"a GPU in part and whole", "gpu = 0.5\ngpus = 1", "exclude each other"},
      {"an empty variable", "env = { \"\" = \"x\" }", "env: '=x' is not"},
      {"a job that is no table", "job = 3", "job: write a [[job]] table"},
      {"a file that is not there",
       "stdin_file = \"/no/such\"",
       "stdin_file: '/no/such' cannot be read"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    std::vector<JobDraft> drafts;
    std::string problem;
    EXPECT_FALSE(parse_job_toml(each.text, "job.toml", {}, drafts, problem));
    EXPECT_THAT(problem, HasSubstr(each.said));
    EXPECT_THAT(problem, testing::StartsWith("job.toml:"));
    EXPECT_EQ(problem.find('\n'), std::string::npos);
  }
}

TEST(JobFiles, RefuseToWaitForWhatCannotBe) {
  struct Case {
    const char* what;
    const char* text;
    const char* said;
  };
  const Case cases[] = {
      {"a name that is not there",
       R"({"name":"a","command":["x"],"after":["b"]})",
       "'b' is neither"},
      {"job 0", R"({"name":"a","command":["x"],"after":[0]})", "'0' is neither"},
      {"itself", R"({"name":"a","command":["x"],"after":["a"]})", "job 'a' waits, in a circle"},
      {"a circle",
       R"({"name":"a","command":["x"],"after":["b"]} {"name":"b","command":["x"],"after":["a"]})",
       "in a circle"},
      {"a name of two",
       R"([{"name":"a","command":["x"]},{"name":"a","command":["x"]},{"command":["x"],"after":"a"}])",
       "2 jobs are named 'a'"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    std::vector<JobDraft> drafts;
    std::string problem;
    ASSERT_TRUE(parse_job_json(each.text, "in", {}, drafts, problem)) << problem;
    EXPECT_FALSE(resolve_after(drafts, problem));
    EXPECT_THAT(problem, HasSubstr(each.said));
  }
}

TEST(JobJson, IsAnObjectAListOrOneObjectALine) {
  const char* texts[] = {
      R"({"command":["a"]} )",
      R"([{"command":["a"]},{"command":["b"],"cpu":"2","tags":["x","y"]}])",
      "{\"command\":[\"a\"]}\n{\"command\":[\"b\"]}\n\n",
  };
  const size_t counts[] = {1, 2, 2};
  for (size_t i = 0; i < 3; ++i) {
    std::vector<JobDraft> drafts;
    std::string problem;
    ASSERT_TRUE(parse_job_json(texts[i], "in", {}, drafts, problem)) << problem;
    EXPECT_EQ(drafts.size(), counts[i]);
  }
  for (const char* bad : {"", "  ", "{", "7", "[7]", "{\"command\":[\"a\"]} x"}) {
    SCOPED_TRACE(bad);
    std::vector<JobDraft> drafts;
    std::string problem;
    EXPECT_FALSE(parse_job_json(bad, "in", {}, drafts, problem));
    EXPECT_THAT(problem, testing::StartsWith("in: "));
    EXPECT_EQ(problem.find("json.exception"), std::string::npos) << problem;
  }
}

TEST(JobJson, IsToldFromToml) {
  for (const char* json : {"{\"command\":[\"a\"]}", " \n[ {\"command\":[\"a\"]}]"})
    EXPECT_TRUE(is_job_json(json)) << json;
  for (const char* toml : {"", " ", "[", "[[job]]", "[env]", "command = [\"a\"]", "# {"})
    EXPECT_FALSE(is_job_json(toml)) << toml;
}

TEST(JobLines, AreForTheShellOrTheLastArgument) {
  std::vector<JobDraft> drafts;
  parse_job_lines("echo a | wc\n\n  \nb\r\n", {}, drafts);
  ASSERT_EQ(drafts.size(), 2u);
  EXPECT_THAT(drafts[0].spec.command, ElementsAre("/bin/sh", "-c", "echo a | wc"));
  EXPECT_EQ(drafts[1].spec.command.back(), "b");
  JobDraft gzip;
  gzip.spec.command = {"gzip", "-9"};
  drafts.clear();
  parse_job_lines("a b.txt", gzip, drafts);
  EXPECT_THAT(drafts.at(0).spec.command, ElementsAre("gzip", "-9", "a b.txt"));
}

// The digest of a submit would be another one for the same job.
TEST(JobJson, TheOrderOfKeysMakesNoOtherJob) {
  const auto spec = [](const char* text) {
    std::vector<JobDraft> drafts;
    std::string problem;
    EXPECT_TRUE(parse_job_json(text, "in", {}, drafts, problem)) << problem;
    return to_text(job_keys_json(drafts.at(0).spec));
  };
  EXPECT_EQ(
      spec(R"({"command":["a"],"env":{"A":"1","B":"2"},"label":{"x":"1","y":"2"},"priority":3})"),
      spec(R"({"priority":3,"label":{"y":"2","x":"1"},"env":{"B":"2","A":"1"},"command":["a"]})"));
}

TEST(JobDigest, IsTheSameWheneverATimeFromNowOnIsRead) {
  const auto digest = [](const std::string& keys) {
    return digest_as_written(from_toml("command = ['true']\n" + keys));
  };
  EXPECT_EQ(digest("priority = 3"), 0u) << "what the specs say";
  EXPECT_EQ(digest("at = 2026-01-31T08:00:00Z"), 0u);
  const char* const different[] = {
      "at = '+1h'",
      "at = '+2h'",
      "at = '+0s'",
      "deadline = '+1h'",
      "at = '+1h'\ndeadline = '+2h'",
      "at = '+1h'\npriority = 3",
  };
  std::set<uint64_t> digests;
  for (const char* keys : different) {
    const uint64_t first = digest(keys);
    const int64_t read_at_ms = wall_ms();
    while (wall_ms() == read_at_ms) {}
    EXPECT_EQ(digest(keys), first) << keys;
    EXPECT_NE(first, 0u) << keys;
    digests.insert(first);
  }
  EXPECT_EQ(digests.size(), std::size(different));
}

TEST(JobDigest, ATimeThatIsGivenInsteadOfOneFromNowOnIsInTheSpec) {
  JobDraft common;
  EXPECT_EQ(find_field("at").set(common, "+1h"), "");
  EXPECT_NE(digest_as_written(from_toml("command = ['true']", common)), 0u);
  EXPECT_EQ(
      digest_as_written(from_toml("command = ['true']\nat = 2026-01-31T08:00:00Z", common)), 0u);
}

}  // namespace
}  // namespace berth::forms
