#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/store/sqlite_store.h"
#include "tests/net/store/store_folder.h"
#include "tests/net/store/story.h"

// A process commits groups and tells of each one that is durable, until it is killed somewhere.
namespace berth::net {
namespace {

uint64_t jobs_of(uint64_t sequence) {
  return 1 + sequence * 7919 % 40;
}

wire::JobId first_of(uint64_t sequence) {
  return {sequence * 100};
}

/// Group n submits its jobs, starts those of group n - 1, and drops those of group n - 20.
core::StoreBatch group(uint64_t sequence, std::span<const std::byte> spec) {
  core::StoreBatch batch;
  batch.sequence = sequence;
  for (uint64_t i = 0; i < jobs_of(sequence); ++i)
    batch.jobs.push_back({.id = {first_of(sequence).value + i}, .spec = spec});
  for (uint64_t i = 0; i < jobs_of(sequence - 1); ++i) {
    core::JobChange change = {.id = {first_of(sequence - 1).value + i}};
    change.progress.state = wire::JobState::Running;
    change.progress.worker = "w-1";
    batch.changes.push_back(change);
  }
  for (uint64_t i = 0; sequence > 20 && i < jobs_of(sequence - 20); ++i)
    batch.dropped_jobs.push_back({first_of(sequence - 20).value + i});
  batch.events.push_back({.sequence = sequence, .job = first_of(sequence)});
  return batch;
}

[[noreturn]] void commit_until_killed(const std::string& path, uint64_t sequence, int report_to) {
  SqliteStore store({path});
  std::string problem;
  if (!store.open(problem)) _exit(1);
  const auto spec = make_spec("train");
  for (;; sequence += 2) {
    // Sometimes two are merged.
    core::StoreBatch both[2] = {group(sequence, spec), group(sequence + 1, spec)};
    const size_t count = 1 + sequence % 2;
    if (!store.commit({both, count}, problem) || !store.make_room(problem)) _exit(1);
    const uint64_t durable = sequence + count - 1;
    if (write(report_to, &durable, sizeof durable) != sizeof durable) _exit(1);
    if (count == 1) --sequence;
  }
}

/// The last group that was told to be durable, of a process that was killed after `reports`.
uint64_t run_and_kill(const std::string& path, uint64_t sequence, int reports, int spins) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    commit_until_killed(path, sequence, ends[1]);
  }
  close(ends[1]);
  uint64_t durable = sequence - 1;
  for (int i = 0; i < reports; ++i)
    EXPECT_EQ(read(ends[0], &durable, sizeof durable), static_cast<ssize_t>(sizeof durable));
  for (int i = 0; i < spins; ++i)
    __asm__ volatile("");
  kill(child, SIGKILL);
  while (read(ends[0], &durable, sizeof durable) > 0) {}
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
  return durable;
}

TEST(StoreKill, EveryGroupThatWasToldDurableIsThereAndEveryGroupIsWhole) {
  constexpr int kRounds = 25;
  const StoreFolder folder;
  std::mt19937 random(20'261'120);
  uint64_t last = 0;
  for (int round = 0; round < kRounds; ++round) {
    const int reports = static_cast<int>(random() % 12);
    const uint64_t durable =
        run_and_kill(folder.file(), last + 1, reports, static_cast<int>(random() % 2'000'000));
    SqliteStore store({folder.file()});
    open_or_fail(store);
    last = std::stoull("0" + folder.ask("SELECT max(sequence) FROM events"));
    ASSERT_GE(last, durable) << "round " << round;
    std::vector<std::string> expected;
    for (uint64_t sequence = last > 20 ? last - 19 : 1; sequence <= last; ++sequence) {
      const char* state = sequence == last ? "PENDING" : "RUNNING";
      expected.push_back(std::to_string(sequence) + state + std::to_string(jobs_of(sequence)));
    }
    std::string joined;
    for (const std::string& each : expected)
      joined += (joined.empty() ? "" : " ") + each;
    ASSERT_EQ(
        folder.ask("SELECT group_concat((id / 100) || state || n, ' ') FROM (SELECT id, state,"
                   " count(*) AS n FROM jobs GROUP BY id / 100, state ORDER BY id)"),
        joined)
        << "round " << round;
  }
  EXPECT_GT(last, 50u);
}

}  // namespace
}  // namespace berth::net
