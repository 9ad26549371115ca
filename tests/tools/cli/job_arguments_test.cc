#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/cli/arguments.h"

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

TEST(JobArguments, ChooseTheCommand) {
  struct Case {
    std::vector<std::string> words;
    Command command;
  };
  const Case cases[] = {
      {{"run", "--", "true"}, Command::Run},
      {{"run", "--image", "busybox"}, Command::Run},
      {{"job", "submit", "--", "true"}, Command::JobSubmit},
      {{"job", "submit", "--file", "f"}, Command::JobSubmit},
      {{"job", "submit", "--stdin"}, Command::JobSubmit},
      {{"job", "submit", "--each-line", "f", "--", "gzip"}, Command::JobSubmit},
      {{"job", "list"}, Command::JobList},
      {{"job", "show", "1"}, Command::JobShow},
      {{"job", "logs", "-f", "1"}, Command::JobLogs},
      {{"job", "wait", "1", "2-3", "last"}, Command::JobWait},
      {{"job", "wait", "--all"}, Command::JobWait},
      {{"job", "abort", "1", "--reason", "r"}, Command::JobAbort},
      {{"job", "abort", "--worker", "w"}, Command::JobAbort},
      {{"job", "retry", "1"}, Command::JobRetry},
      {{"job", "explain", "1"}, Command::JobExplain},
      {{"job", "watch"}, Command::JobWatch},
      {{"admin", "backup", "/b"}, Command::Backup},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(testing::PrintToString(each.words));
    EXPECT_EQ(parsed(each.words).command, each.command);
  }
}

// Whatever stands behind the dashes is the task's, word for word.
TEST(JobArguments, LeaveTheTasksCommandAlone) {
  const Invocation asked = parsed(
      {"run", "--cpu", "2", "--", "sh", "-c", "[a,b]", "--cpu", "3", "--", "", "--help", "%%"});
  EXPECT_THAT(
      asked.job.draft.spec.command,
      ElementsAre("sh", "-c", "[a,b]", "--cpu", "3", "--", "", "--help", "%%"));
  EXPECT_EQ(asked.job.draft.spec.demand.cpu_milli, 2'000);
}

TEST(JobArguments, SayTheSameAsTheKeysOfAFile) {
  const client::JobSpec job = parsed({"job",       "submit",    "--name",
                                      "n",         "--queue",   "q",
                                      "--label",   "a=b",       "--env",
                                      "E=",        "--env",     "F=x=y",
                                      "--memory",  "1GiB",      "--tags",
                                      "x,y",       "--any",     "a|b",
                                      "--not",     "spot",      "--worker-label",
                                      "z=1",       "--network", "--bandwidth",
                                      "1Gbit",     "--at",      "+1h",
                                      "--timeout", "30s",       "--attempts",
                                      "3",         "--after",   "4,5",
                                      "--array",   "1-9",       "--priority",
                                      "-3",        "--",        "true"})
                                  .job.draft.spec;
  EXPECT_EQ(job.name, "n");
  EXPECT_EQ(job.labels.at(0).value, "b");
  EXPECT_EQ(job.env.at(0).value, "");
  EXPECT_EQ(job.env.at(1).value, "x=y");
  EXPECT_THAT(job.all_tags, ElementsAre("x", "y"));
  EXPECT_EQ(job.affinity.at(0).key, "z");
  EXPECT_TRUE(job.network);
  EXPECT_EQ(job.demand.network_mbit, 1'000);
  EXPECT_GT(job.scheduled_at_ms, 1'700'000'000'000);
  EXPECT_EQ(job.timeout, client::Milliseconds(30'000));
  EXPECT_EQ(job.attempts_max, 3u);
  EXPECT_EQ(job.array->first, 1u);
  EXPECT_EQ(job.priority, -3);
}

// One word for two things: before the command an answer's, after it the task's or the wait's.
TEST(JobArguments, TellTheTwoTimeoutsApart) {
  const Invocation run = parsed({"--timeout", "2s", "run", "--timeout", "1h", "--", "true"});
  EXPECT_EQ(run.timeout, client::Milliseconds(2'000));
  EXPECT_EQ(run.job.draft.spec.timeout, client::Milliseconds(3'600'000));
  const Invocation wait = parsed({"--timeout", "2s", "job", "wait", "1", "--timeout", "0s"});
  EXPECT_EQ(wait.timeout, client::Milliseconds(2'000));
  EXPECT_EQ(wait.job.patience, client::Milliseconds(1));
}

TEST(JobArguments, FilterLists) {
  const client::JobFilter filter = parsed({"job",
                                           "list",
                                           "--state",
                                           "running,PENDING",
                                           "--state",
                                           "FAILED",
                                           "--queue",
                                           "q",
                                           "--worker",
                                           "w",
                                           "--label",
                                           "a=b",
                                           "--name",
                                           "n",
                                           "--limit",
                                           "5",
                                           "--cursor",
                                           "77",
                                           "--oldest"})
                                       .job.filter;
  EXPECT_THAT(
      filter.states,
      ElementsAre(client::JobState::Running, client::JobState::Pending, client::JobState::Failed));
  EXPECT_EQ(filter.queue, "q");
  EXPECT_EQ(filter.worker, "w");
  EXPECT_EQ(filter.label.key, "a");
  EXPECT_EQ(filter.limit, 5u);
  EXPECT_EQ(filter.cursor, 77u);
  EXPECT_FALSE(filter.newest_first);
}

// Without a word it listed the whole history, the oldest first.
TEST(JobArguments, AListIsShortAndBeginsWithTheNewest) {
  const client::JobFilter filter = parsed({"job", "list"}).job.filter;
  EXPECT_EQ(filter.limit, 50u);
  EXPECT_TRUE(filter.newest_first);
  EXPECT_EQ(parsed({"job", "list", "--limit", "0"}).job.filter.limit, 0u);
}

TEST(JobArguments, AreInTheUsageLineAsTheyAreWritten) {
  struct Case {
    std::vector<std::string> words;
    const char* usage;
  };
  const Case cases[] = {
      {{"run"}, "Usage: berth run [OPTIONS] -- CMD [ARG...]\n"},
      {{"job", "submit"}, "Usage: berth job submit [OPTIONS] -- CMD [ARG...]\n"},
      {{"job", "wait"}, "Usage: berth job wait [OPTIONS] [jobs...]\n"},
      {{"job", "show"}, "Usage: berth job show [OPTIONS] jobs\n"},
  };
  for (Case each : cases) {
    each.words.push_back("--help");
    Invocation invocation;
    const std::optional<Ending> ending = parse_arguments(each.words, invocation);
    ASSERT_TRUE(ending.has_value());
    EXPECT_THAT(ending->out, HasSubstr(each.usage));
  }
}

TEST(JobArguments, RefuseWrongWordsWithOneSentenceThatNamesThem) {
  struct Case {
    const char* what;
    std::vector<std::string> words;
    const char* said;
  };
  const Case cases[] = {
      {"no command", {"run"}, "there is no command; write it at the end, after --"},
      {"nothing after the dashes", {"job", "submit", "--"}, "there is no command"},
      {"a command without dashes", {"run", "true"}, "behind --: berth run -- true"},
      {"the same for a submit", {"job", "submit", "ls"}, "behind --: berth job submit -- ls"},
      {"a command where none is run", {"job", "list", "--", "x"}, "'--' is followed by a command"},
      {"an array to be run here", {"run", "--array", "1-2", "--", "x"}, "berth job submit --array"},
      {"two files", {"job", "submit", "--file", "f", "--stdin"}, "--file"},
      {"a file and a command", {"job", "submit", "--file", "f", "--", "x"}, "come from a file"},
      {"a misspelt option", {"run", "--memroy", "1GiB", "--", "x"}, "did you mean '--memory'?"},
      {"a misspelt verb", {"job", "sumbit"}, "did you mean 'submit'?"},
      {"memory without a unit", {"run", "--memory", "4", "--", "x"}, "--memory: '4' is not a size"},
      {"a moment that is none", {"run", "--at", "noon", "--", "x"}, "--at: 'noon' is not a time"},
      {"a grace that is too long",
       {"run", "--kill-grace", "99d", "--", "x"},
       "--kill-grace: '99d' is longer than 1h, the longest"},
      {"an array that is too large",
       {"job", "submit", "--array", "1-9999999", "--", "x"},
       "'1-9999999' is not a range of at most 1000000 indexes"},
      {"an array beyond all numbers",
       {"job", "submit", "--array", "1-9999999999", "--", "x"},
       "of at most 1000000 up to 4294967294"},
      {"an unknown runner", {"run", "--runner", "vm", "--", "x"}, "--runner"},
      {"an unknown state", {"job", "list", "--state", "DONE"}, "--state: 'DONE' is not PENDING"},
      {"nothing to wait for", {"job", "wait"}, "say which jobs, or --all"},
      {"all and some", {"job", "wait", "--all", "1"}, "exclude each other"},
      {"nothing to abort", {"job", "abort"}, "say which jobs, or --worker ID"},
      {"nothing to retry", {"job", "retry"}, "jobs is required"},
      {"a range backwards", {"job", "show", "9-1"}, "'9-1' is no job"},
      {"no file to copy to", {"admin", "backup"}, "file is required"},
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

TEST(JobArguments, ShowHelpWithExamplesForEveryCommand) {
  const std::vector<std::string> commands[] = {
      {"run"},
      {"job"},
      {"job", "submit"},
      {"job", "list"},
      {"job", "show"},
      {"job", "logs"},
      {"job", "wait"},
      {"job", "abort"},
      {"job", "retry"},
      {"job", "explain"},
      {"job", "watch"},
      {"admin"},
      {"admin", "backup"}};
  for (std::vector<std::string> words : commands) {
    SCOPED_TRACE(words.back());
    words.push_back("--help");
    Invocation invocation;
    const std::optional<Ending> ending = parse_arguments(words, invocation);
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, Exit::Ok);
    EXPECT_THAT(ending->out, HasSubstr("Usage: berth"));
    EXPECT_THAT(ending->out, HasSubstr("Examples:\n  "));
  }
}

}  // namespace
}  // namespace berth::cli
