#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/store/schema.h"
#include "net/store/sqlite_store.h"
#include "tests/net/store/store_folder.h"
#include "tests/net/store/story.h"

namespace berth::net {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// The sentence of a store that does not open; empty when it does.
std::string refusal(const std::string& path, StoreCheck check = StoreCheck::Unclean) {
  SqliteStore store({path, check});
  std::string problem;
  if (store.open(problem)) return "";
  EXPECT_THAT(problem, AllOf(HasSubstr("the store '" + path + "' "), Not(HasSubstr("\n"))));
  return problem;
}

int mode_of(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return static_cast<int>(status.st_mode & 0777);
}

/// A store with a thousand jobs, closed.
void fill(const StoreFolder& folder, bool close = true) {
  SqliteStore store({folder.file()});
  open_or_fail(store);
  const auto spec = make_spec("train");
  core::StoreBatch batch;
  for (uint64_t id = 1; id <= 1'000; ++id)
    batch.jobs.push_back({.id = {id}, .spec = spec});
  commit_or_fail(store, batch);
  if (close) store.close();
}

TEST(StoreOpen, CreatesFoldersAndFilesForItsUserAlone) {
  const StoreFolder folder;
  const mode_t before = umask(0);
  const std::string path = folder.path + "/a/b/berth.db";
  {
    SqliteStore store({path});
    open_or_fail(store);
    for (const char* end : {"", "-wal", "-shm", ".lock"})
      EXPECT_EQ(mode_of(path + end), 0600) << end;
    EXPECT_EQ(mode_of(folder.path + "/a"), 0700);
    EXPECT_EQ(mode_of(folder.path + "/a/b"), 0700);
    store.close();
  }
  EXPECT_NE(access((path + "-wal").c_str(), F_OK), 0) << "a closed store is one file";
  umask(before);
}

TEST(StoreOpen, ASecondServerIsRefusedUntilTheFirstHasGone) {
  const StoreFolder folder;
  SqliteStore first({folder.file()});
  open_or_fail(first);
  const std::string process = "process " + std::to_string(getpid());
  EXPECT_THAT(refusal(folder.file()), AllOf(HasSubstr("in use"), HasSubstr(process)));
  commit_or_fail(first, {});
  first.close();
  EXPECT_EQ(refusal(folder.file()), "");
}

TEST(StoreOpen, WhatCannotBeTrustedIsRefusedWithARemedyAndLeftAsItIs) {
  struct Case {
    const char* what;
    void (*damage)(const std::string& path);
    const char* named;
  };
  const Case cases[] = {
      {"nothing in it", [](const std::string& path) { (void)!truncate(path.c_str(), 0); }, "empty"},
      {"cut in the middle",
       [](const std::string& path) { (void)!truncate(path.c_str(), 40'000); },
       "damaged"},
      {"another kind of file",
       [](const std::string& path) { std::ofstream(path) << std::string(50'000, 'x'); },
       "damaged"},
      {"a page in the middle overwritten",
       [](const std::string& path) {
         const int fd = open(path.c_str(), O_RDWR);
         const std::string noise(8'192, '\x5a');
         (void)!pwrite(fd, noise.data(), noise.size(), 16'384);
         close(fd);
       },
       "damaged"},
  };
  for (const Case& c : cases) {
    const StoreFolder folder;
    fill(folder);
    c.damage(folder.file());
    std::ostringstream before;
    before << std::ifstream(folder.file()).rdbuf();
    EXPECT_THAT(
        refusal(folder.file(), StoreCheck::Always),
        AllOf(HasSubstr(c.named), HasSubstr("restore a backup"), HasSubstr("move it")))
        << c.what;
    std::ostringstream after;
    after << std::ifstream(folder.file()).rdbuf();
    EXPECT_TRUE(before.str() == after.str()) << c.what;
  }
}

TEST(StoreOpen, AStopThatWasNotInOrderHasTheFileChecked) {
  struct Case {
    bool closed;
    StoreCheck check;
    bool refused;
  };
  const Case cases[] = {
      {false, StoreCheck::Unclean, true},
      {true, StoreCheck::Unclean, false},
      {true, StoreCheck::Always, true},
      {false, StoreCheck::Never, false},
  };
  for (const Case& c : cases) {
    const StoreFolder folder;
    fill(folder);
    // Two rows out of order: opening does not come across it, a check does.
    folder.execute(
        "UPDATE meta SET value = " + std::to_string(c.closed) +
        " WHERE key = 'closed'; PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = "
        "'events')"
        " WHERE name = 'attempts'");
    EXPECT_EQ(refusal(folder.file(), c.check) != "", c.refused)
        << c.closed << static_cast<int>(c.check);
  }
}

TEST(StoreOpen, NonsenseInARowIsToldWhenItIsLoaded) {
  struct Case {
    const char* sql;
    const char* named;
  };
  const Case cases[] = {
      {"UPDATE jobs SET state = 'FLYING' WHERE id = 500", "'FLYING' for a state"},
      {"UPDATE jobs SET spec = NULL WHERE id = 500", "'500' for the spec"},
      {"UPDATE jobs SET gpus = '[a]' WHERE id = 500", "'[a]' for GPUs"},
      {"UPDATE jobs SET error = 'odd' WHERE id = 500", "'odd' for an error"},
      {"INSERT INTO attempts (job, epoch, state, outputs) VALUES (1, 1, 'FAILED', '{')", "outputs"},
      {"INSERT INTO submits (jobs, request) VALUES ('1-', 'a')", "'1-' for the jobs of a submit"},
  };
  for (const Case& c : cases) {
    const StoreFolder folder;
    fill(folder);
    folder.execute(c.sql);
    SqliteStore store({folder.file()});
    open_or_fail(store);
    Story story;
    std::string problem;
    EXPECT_FALSE(store.load(story, problem)) << c.sql;
    EXPECT_THAT(problem, AllOf(HasSubstr(c.named), HasSubstr(folder.file()), HasSubstr("backup")));
  }
}

TEST(StoreOpen, WhatIsNotAStoreOfThisVersionIsRefusedByName) {
  struct Case {
    const char* sql;
    const char* named;
  };
  const Case cases[] = {
      {"PRAGMA user_version = 99", "schema version 99"},
      {"PRAGMA application_id = 17", "another program"},
      {"PRAGMA user_version = 0", "another program"},
  };
  for (const Case& c : cases) {
    const StoreFolder folder;
    fill(folder);
    folder.execute(c.sql);
    EXPECT_THAT(refusal(folder.file()), HasSubstr(c.named));
  }
}

TEST(StoreOpen, AWalWithoutItsFileIsNotBuiltUpon) {
  const StoreFolder folder;
  std::ofstream(folder.file("berth.db-wal")) << "half";
  EXPECT_THAT(refusal(folder.file()), HasSubstr("berth.db-wal' is; bring the file back"));
  EXPECT_NE(access(folder.file().c_str(), F_OK), 0);
}

TEST(StoreOpen, WhatACrashLeftOfACreationIsNoObstacle) {
  const StoreFolder folder;
  std::ofstream(folder.file("berth.db.new")) << "half";
  EXPECT_EQ(refusal(folder.file()), "");
}

TEST(StoreOpen, AFolderThatCannotBeIsNamed) {
  EXPECT_THAT(refusal("/dev/null/berth.db"), HasSubstr("folder"));
  EXPECT_THAT(refusal("/proc/berth.db"), HasSubstr("--store"));
}

// The file of a server of schema version 1, as text.
TEST(StoreOpen, AnOlderFileIsBroughtUpToDateWithAllThatIsInIt) {
  const StoreFolder folder;
  std::ostringstream old;
  old << std::ifstream(BERTH_TEST_DATA "/version1.sql").rdbuf();
  { std::ofstream create(folder.file()); }
  folder.execute(old.str());
  SqliteStore store({folder.file()});
  open_or_fail(store);
  const Story story = read_back(store);
  EXPECT_EQ(story.starts, 4u);
  EXPECT_THAT(
      story.lines,
      testing::ElementsAre(
          "job 1 x1 COMPLETED times 10 11 12 13 14 0 attempts 1 on 'w-1' 1.1.1099511627777 until 0"
          " gpus 0 3 error none/0/0/ usage 17/18/19 spec train",
          "job 2 x3 of 2 index 0 PENDING times 10 11 0 0 0 0 attempts 0 on '' 0.0.0 until 0 gpus"
          " error none/0/0/ usage 0/0/0 spec sweep",
          "attempt 1.1.1099511627777 on 'w-1' COMPLETED times 12 13 14 error none/0/0/ usage"
          " 17/18/19 [stdout /tmp/1 5 ab12]",
          "submit 'ask-1' at 10 1-1 2-4",
          "worker 'w-1' nonce 5 failures 0 until 0",
          "event 1 at 10 job 1 x1 PENDING 0 on '' none ''"));
  EXPECT_EQ(folder.ask("PRAGMA user_version"), std::to_string(kSchemaVersion));
  EXPECT_EQ(folder.ask("SELECT count(*) FROM sqlite_schema WHERE name = 'jobs_finished'"), "1");
  EXPECT_EQ(folder.ask("SELECT count(*) FROM experience"), "0");
}

}  // namespace
}  // namespace berth::net
