#include "net/store/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/store/row_writer.h"
#include "tests/net/store/store_folder.h"
#include "tests/net/store/story.h"

namespace berth::net {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using wire::JobState;

core::JobProgress ran(wire::JobId job) {
  static const uint16_t kGpus[] = {0, 3};
  core::JobProgress p;
  p.state = JobState::Failed;
  p.attempt_count = 2;
  p.queued_at_ms = 11;
  p.assigned_at_ms = 12;
  p.started_at_ms = 13;
  p.finished_at_ms = 14;
  p.ready_at_ms = 15;
  p.last_error = {wire::ErrorClass::Signal, 0, 9, "killed: \xc3\xa4\n"};
  p.worker = "w-1";
  p.assignment = {job, (uint64_t{7} << 40) + 1, 2};
  p.expires_at_ms = 16;
  p.gpus = kGpus;
  p.usage = {17, 1ull << 40, 19};
  return p;
}

TEST(SqliteStore, GivesBackEveryFieldOfEveryRecord) {
  const StoreFolder folder;
  const auto spec = make_spec("train");
  const wire::OutputFile outputs[] = {
      {"stdout", "/tmp/a \"b\"/1", 5, "ab12", true},
      {"model\t.bin", "/tmp/2", 1ull << 40, "", false}};
  const wire::JobRange ranges[] = {{{1}, {1}}, {{5}, {1'000'004}}};
  core::StoreBatch batch;
  batch.sequence = 1;
  batch.jobs = {
      {.id = {1}, .submitted_at_ms = 10, .spec = spec},
      {.id = {2}, .submitted_at_ms = 10, .spec = spec, .progress = ran({2})}};
  batch.attempts = {
      {{{2}, (7ull << 40) + 1, 2},
       "w-1",
       JobState::Failed,
       12,
       13,
       14,
       {wire::ErrorClass::Oom, 137, 9, "no memory"},
       {1, 2, 3},
       outputs},
      {{{2}, 6ull << 40, 1}, "w-2", JobState::Lost, 2, 0, 0, {}, {}, {}}};
  batch.submits = {{"ask-2", 10, ranges, ~uint64_t{0} - 1}, {"ask-1", 11, {}}};
  batch.workers = {{"w-1", ~uint64_t{0}, 3, 99}, {"w-2", 0, 0, 0}};
  batch.events = {
      {1, 10, {2}, 1, JobState::Pending, 0, "", wire::ErrorClass::None, ""},
      {3, 12, {2}, 1, JobState::Assigned, 1, "w-1", wire::ErrorClass::None, ""},
      {4, 13, {2}, 1, JobState::Running, 1, "w-1", wire::ErrorClass::None, ""},
      {5, 14, {2}, 4, JobState::Failed, 2, "w-1", wire::ErrorClass::Signal, "so it is"}};
  batch.experience = {{0, ~uint64_t{0}, {33.25, -1.5, 0.125}, {}}, {7, 5, {}, {1, 20.5, 0}}};
  std::vector<std::string> expected = {
      describe(batch.jobs[0]),
      describe(batch.jobs[1]),
      // Of each job, oldest first.
      describe(batch.attempts[1]),
      describe(batch.attempts[0]),
      "submit 'ask-2' at 10 digest 18446744073709551614 1-1 5-1000004",
      "submit 'ask-1' at 11",
      "worker 'w-1' nonce 18446744073709551615 failures 3 until 99",
      "worker 'w-2' nonce 0 failures 0 until 0",
      "event 1 at 10 job 2 x1 PENDING 0 on '' none ''",
      // Neither assigned nor running: the job's row says that.
      "event 5 at 14 job 2 x4 FAILED 2 on 'w-1' signal 'so it is'",
      "experience 0 18446744073709551615 33.25/-1.5/0.125 0/0/0",
      "experience 7 5 0/0/0 1/20.5/0"};
  for (const bool reopened : {false, true}) {
    SqliteStore store({folder.file()});
    open_or_fail(store);
    if (!reopened) commit_or_fail(store, batch);
    const Story story = read_back(store);
    EXPECT_THAT(story.lines, ElementsAreArray(expected));
    EXPECT_EQ(story.starts, reopened ? 2u : 1u);
  }
}

TEST(SqliteStore, AnEmptyOneHasNothingButItsStarts) {
  const StoreFolder folder;
  for (uint64_t start = 1; start <= 3; ++start) {
    SqliteStore store({folder.file()});
    open_or_fail(store);
    const Story story = read_back(store);
    EXPECT_THAT(story.lines, ElementsAre());
    EXPECT_EQ(story.starts, start);
    if (start == 2) store.close();
  }
}

TEST(SqliteStore, PeopleReadItWhileItIsInUse) {
  const StoreFolder folder;
  SqliteStore store({folder.file()});
  open_or_fail(store);
  const auto spec = make_spec("train");
  core::StoreBatch batch;
  batch.jobs = {{.id = {7}, .submitted_at_ms = 10, .spec = spec, .progress = ran({7})}};
  commit_or_fail(store, batch);
  struct Case {
    const char* sql;
    const char* answer;
  };
  const Case cases[] = {
      {"SELECT name || queue || tenant || priority || attempts_max FROM jobs",
       "trainnightphysics-34"},
      {"SELECT labels ->> 'team' FROM jobs", "a \"b\""},
      {"SELECT state || '/' || error || '/' || signal FROM jobs WHERE finished_at_ms = 14",
       "FAILED/signal/9"},
      {"SELECT gpus ->> 1 FROM jobs", "3"},
      {"SELECT count(*) FROM jobs WHERE exit_code IS NULL AND array_of IS NULL", "1"},
      {"SELECT detail FROM pragma_index_list('jobs') JOIN (SELECT 'indexed' AS detail)", "indexed"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(folder.ask(c.sql), c.answer) << c.sql;
}

TEST(SqliteStore, MergedBatchesLeaveWhatTheLastOneSays) {
  const StoreFolder folder;
  SqliteStore store({folder.file()});
  open_or_fail(store);
  const auto spec = make_spec("train");
  std::vector<core::StoreBatch> batches(3);
  batches[0].jobs = {{.id = {1}, .spec = spec}, {.id = {2}, .spec = spec}};
  batches[0].changes = {{{1}, ran({1})}, {{2}, ran({2})}};
  batches[0].changes[0].progress.state = JobState::Running;
  batches[1].changes = {{{1}, ran({1})}};
  batches[1].changes[0].progress.attempt_count = 9;
  batches[2].dropped_jobs = {{2}};
  std::string problem;
  ASSERT_TRUE(store.commit(batches, problem)) << problem;
  EXPECT_EQ(folder.ask("SELECT group_concat(id || state || attempt_count) FROM jobs"), "1FAILED9");
}

TEST(SqliteStore, AnArrayIsOneRecordThatShrinksAndSplits) {
  const StoreFolder folder;
  const auto spec = make_spec("sweep", 10);
  struct Step {
    const char* what;
    std::vector<core::ArrayRest> arrays;
    std::vector<core::JobRecord> jobs;
    std::vector<core::JobChange> changes;
    std::vector<wire::JobId> dropped;
    const char* rows;  ///< id x count + index, then state
    const char* specs;
  };
  const auto element = [](uint64_t id, uint32_t count = 1) {
    return core::JobRecord{
        .id = {id}, .count = count, .array = {100}, .array_index = static_cast<uint32_t>(id - 100)};
  };
  core::JobRecord whole = element(100, 10);
  whole.spec = spec;
  core::JobRecord aborted = element(106, 2);
  aborted.progress.state = JobState::Aborted;
  const Step steps[] = {
      {"submitted", {}, {whole}, {}, {}, "100x10+0PENDING", "100-109"},
      {"the first two are assigned; the first takes over the id of the rest",
       {{{100}, {100}, {101}, 9}, {{100}, {101}, {102}, 8}},
       {element(100), element(101)},
       {{{100}, ran({100})}},
       {},
       "100x1+0FAILED 101x1+1PENDING 102x8+2PENDING",
       "100-109"},
      {"the middle is aborted: two rests and a part that has ended",
       {{{100}, {102}, {102}, 4}},
       {aborted, element(108, 2)},
       {},
       {},
       "100x1+0FAILED 101x1+1PENDING 102x4+2PENDING 106x2+6ABORTED 108x2+8PENDING",
       "100-109"},
      {"the last rest is used up",
       {{{100}, {108}, {109}, 1}, {{100}, {109}, {110}, 0}},
       {element(108), element(109)},
       {},
       {{100}, {101}},
       "102x4+2PENDING 106x2+6ABORTED 108x1+8PENDING 109x1+9PENDING",
       "100-109"},
      {"the spec stays until the last element is dropped",
       {{{100}, {102}, {102}, 0}},
       {},
       {},
       {{106}, {108}},
       "109x1+9PENDING",
       "100-109"},
      {"and goes with it", {}, {}, {}, {{109}}, "", ""},
  };
  for (const Step& step : steps) {
    SqliteStore store({folder.file()});
    open_or_fail(store);
    core::StoreBatch batch;
    batch.arrays = step.arrays;
    batch.jobs = step.jobs;
    batch.changes = step.changes;
    batch.dropped_jobs = step.dropped;
    commit_or_fail(store, batch);
    for (const std::string& line : read_back(store).lines)
      EXPECT_THAT(line, testing::EndsWith("spec sweep")) << step.what;
    EXPECT_EQ(
        folder.ask("SELECT group_concat(id || 'x' || count || '+' || array_index || state, ' ')"
                   " FROM (SELECT * FROM jobs ORDER BY id)"),
        step.rows)
        << step.what;
    EXPECT_EQ(folder.ask("SELECT group_concat(id || '-' || last_id) FROM specs"), step.specs)
        << step.what;
  }
}

TEST(SqliteStore, TheRestOfAnArrayHasItsColumnsWhicheverRecordBringsTheSpec) {
  const StoreFolder folder;
  const auto spec = make_spec("sweep", 3);
  core::StoreBatch batch;
  batch.jobs = {
      {.id = {6}, .count = 2, .array = {5}, .array_index = 1},
      {.id = {5}, .array = {5}, .spec = spec, .progress = ran({5})}};
  SqliteStore store({folder.file()});
  open_or_fail(store);
  commit_or_fail(store, batch);
  EXPECT_EQ(
      folder.ask("SELECT group_concat(id || name || queue || priority, ' ') FROM jobs"),
      "5sweepnight-3 6sweepnight-3");
  EXPECT_EQ(folder.ask("SELECT id || '-' || last_id FROM specs"), "5-7");
}

TEST(SqliteStore, AnArrayThatStartsInTheGroupThatBringsItIsStoredAsItIsAtTheEndOfIt) {
  const StoreFolder folder;
  const auto spec = make_spec("sweep", 3);
  core::StoreBatch batch;
  batch.arrays = {{{5}, {5}, {6}, 2}};
  batch.jobs = {
      {.id = {5}, .count = 3, .array = {5}, .spec = spec},
      {.id = {5}, .array = {5}, .progress = ran({5})}};
  SqliteStore store({folder.file()});
  open_or_fail(store);
  commit_or_fail(store, batch);
  EXPECT_EQ(
      folder.ask(
          "SELECT group_concat(id || 'x' || count || '+' || array_index || state, ' ') FROM jobs"),
      "5x1+0FAILED 6x2+1PENDING");
}

TEST(SqliteStore, ALongSpecStandsApartAndGoesWithItsJob) {
  const StoreFolder folder;
  SqliteStore store({folder.file()});
  open_or_fail(store);
  const auto spec = make_spec("train", 0, std::string(100'000, 'x'));
  core::StoreBatch batch;
  batch.jobs = {{.id = {1}, .spec = spec}, {.id = {2}, .spec = spec}};
  commit_or_fail(store, batch);
  EXPECT_EQ(folder.ask("SELECT sum(length(spec)) FROM jobs"), "");
  const Story story = read_back(store);
  EXPECT_THAT(story.lines, testing::Each(testing::EndsWith("spec train")));
  EXPECT_EQ(story.lines.size(), 2u);
  core::StoreBatch drop;
  drop.dropped_jobs = {{1}};
  commit_or_fail(store, drop);
  EXPECT_EQ(folder.ask("SELECT group_concat(id) FROM specs"), "2");
}

TEST(SqliteStore, WhatIsDroppedIsGone) {
  const StoreFolder folder;
  SqliteStore store({folder.file()});
  open_or_fail(store);
  const auto spec = make_spec("train");
  core::StoreBatch batch;
  batch.jobs = {{.id = {1}, .spec = spec}, {.id = {2}, .spec = spec}};
  batch.attempts = {{{{1}, 5, 1}, "w"}, {{{1}, 6, 2}, "w"}, {{{2}, 7, 1}, "w"}};
  batch.submits = {{"a", 1, {}}, {"b", 1, {}}, {"c", 1, {}}};
  commit_or_fail(store, batch);
  core::StoreBatch drop;
  drop.dropped_jobs = {{1}, {77}};
  drop.dropped_submits = {"a", "c", "unknown"};  // c before b: found, too
  commit_or_fail(store, drop);
  EXPECT_EQ(folder.ask("SELECT group_concat(id) FROM jobs"), "2");
  EXPECT_EQ(folder.ask("SELECT group_concat(epoch) FROM attempts"), "7");
  EXPECT_EQ(folder.ask("SELECT group_concat(request) FROM submits"), "b");
}

TEST(SqliteStore, OldEventsAreForgotten) {
  const StoreFolder folder;
  SqliteStore store({folder.file()});
  open_or_fail(store);
  core::StoreBatch batch;
  for (uint64_t sequence = 1; sequence <= 10; ++sequence)
    batch.events.push_back({.sequence = sequence, .job = {1}});
  commit_or_fail(store, batch);
  batch.events = {{.sequence = RowWriter::kEventsKept + 6, .job = {1}}};
  commit_or_fail(store, batch);
  EXPECT_EQ(folder.ask("SELECT count(*) || '/' || min(sequence) FROM events"), "5/7");
}

}  // namespace
}  // namespace berth::net
