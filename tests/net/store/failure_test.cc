#include <sqlite3.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/store/sqlite_store.h"
#include "tests/net/store/failing_vfs.h"
#include "tests/net/store/store_folder.h"
#include "tests/net/store/story.h"

namespace berth::net {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A group of 50 jobs and an event, named by its sequence.
core::StoreBatch group(uint64_t sequence, std::span<const std::byte> spec) {
  core::StoreBatch batch;
  batch.sequence = sequence;
  for (uint64_t i = 0; i < 50; ++i)
    batch.jobs.push_back({.id = {sequence * 50 + i}, .spec = spec});
  batch.events.push_back({.sequence = sequence, .job = {sequence * 50}});
  return batch;
}

/// Three commits on a disk that fails after some calls, then what a new process finds. False: none
/// of them failed.
bool commits_that_fail(FailingVfs::Call call, int successes, int code, const char* said) {
  const StoreFolder folder;
  const auto spec = make_spec("train");
  uint64_t durable = 0;
  bool failed = false;
  FailingVfs::heal();
  {
    SqliteStore store({folder.file(), StoreCheck::Unclean, FailingVfs::kName});
    open_or_fail(store);
    FailingVfs::fail(call, successes, code);
    std::string problem;
    while (durable < 3 && !failed) {
      const core::StoreBatch batch = group(durable + 1, spec);
      failed = !store.commit({&batch, 1}, problem);
      if (!failed) ++durable;
    }
    if (failed) {
      EXPECT_THAT(problem, AllOf(HasSubstr(folder.file()), HasSubstr(said))) << successes;
    }
    // As after a process that ended: nothing more is written.
  }
  FailingVfs::heal();
  SqliteStore again({folder.file(), StoreCheck::Always});
  open_or_fail(again);
  const uint64_t kept = std::stoull("0" + folder.ask("SELECT max(sequence) FROM events"));
  EXPECT_GE(kept, durable) << said << " after " << successes;
  EXPECT_LE(kept, durable + 1) << said << " after " << successes;
  EXPECT_EQ(folder.ask("SELECT count(*) FROM jobs"), std::to_string(kept * 50));
  return failed;
}

// The disk fills up, or breaks, at any call of a few commits.
TEST(StoreFailure, ACommitThatFailsIsToldAndNothingBeforeItIsLost) {
  struct Case {
    const char* what;
    FailingVfs::Call call;
    int code;
    int stride;  ///< from one call that fails to the next that is tried
    const char* said;
  };
  const Case cases[] = {
      {"a full disk", FailingVfs::Call::Write, SQLITE_FULL, 5, "full"},
      {"a write error", FailingVfs::Call::Write, SQLITE_IOERR_WRITE, 7, "I/O error"},
      {"a sync error", FailingVfs::Call::Sync, SQLITE_IOERR_FSYNC, 1, "I/O error"},
  };
  FailingVfs::install();
  for (const Case& c : cases) {
    int failures = 0;
    while (commits_that_fail(c.call, failures * c.stride, c.code, c.said))
      ++failures;
    EXPECT_GE(failures, 3) << c.what;
  }
}

TEST(StoreFailure, ADiskThatFailsWhileTheStoreIsOpenedIsASentence) {
  FailingVfs::install();
  const StoreFolder folder;
  {
    SqliteStore store({folder.file()});
    open_or_fail(store);
  }
  FailingVfs::fail(FailingVfs::Call::Write, 0, SQLITE_FULL);
  SqliteStore store({folder.file(), StoreCheck::Unclean, FailingVfs::kName});
  std::string problem;
  EXPECT_FALSE(store.open(problem));
  EXPECT_THAT(problem, AllOf(HasSubstr(folder.file()), HasSubstr("full"), HasSubstr("--store")));
  FailingVfs::heal();
  EXPECT_TRUE(store.open(problem)) << problem;
}

}  // namespace
}  // namespace berth::net
