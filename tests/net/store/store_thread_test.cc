#include "net/store/store_thread.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <condition_variable>
#include <mutex>
#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/log/log.h"
#include "tests/net/store/failing_vfs.h"
#include "tests/net/store/store_folder.h"
#include "tests/net/store/story.h"

namespace berth::net {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// In the place of the ledger's thread: keeps what the store says.
class Listener final : public LoopThread {
 public:
  Listener() : LoopThread("listener") { start(); }
  ~Listener() override {
    mailbox().post(Stop{});
    join();
  }

  void wait_durable(uint64_t sequence) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return durable_ >= sequence; });
  }
  BackUpDone wait_backup() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !backups_.empty(); });
    BackUpDone first = backups_.front();
    backups_.erase(backups_.begin());
    return first;
  }
  bool backed_up() {
    const std::lock_guard lock(mutex_);
    return !backups_.empty();
  }

 private:
  void on_letter(Letter&& letter) override {
    const std::lock_guard lock(mutex_);
    if (const auto* durable = std::get_if<GroupsDurable>(&letter)) {
      EXPECT_GT(durable->sequence, durable_) << "in order";
      durable_ = durable->sequence;
    } else if (auto* done = std::get_if<BackUpDone>(&letter)) {
      backups_.push_back(std::move(*done));
    } else {
      stop();
    }
    changed_.notify_all();
  }
  void on_tick() override {}

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t durable_ = 0;
  std::vector<BackUpDone> backups_;
};

/// The store's thread and its listener.
struct Running {
  explicit Running(SqliteStore::Options options) : store(std::move(options), post) {
    store.count_in(counters.of(core::OtherThread::Store));
    post.ledger = &ledger.mailbox();
    std::string problem;
    EXPECT_TRUE(store.open(problem)) << problem;
    store.start();
  }
  ~Running() { end(); }
  void end() {
    store.mailbox().post(Stop{});
    store.join();
  }

  /// Two jobs and an event that belong together.
  void commit(uint64_t sequence, std::string_view text = "train") {
    core::StoreBatch batch;
    batch.sequence = sequence;
    const auto spec = make_spec("train", 0, text);
    const std::span<const std::byte> kept = batch.text.keep_all(std::span(spec));
    batch.jobs = {{.id = {2 * sequence}, .spec = kept}, {.id = {2 * sequence + 1}, .spec = kept}};
    batch.events.push_back({.sequence = sequence, .job = {2 * sequence}});
    store.commit(std::move(batch));
  }

  Listener ledger;
  Post post;
  core::Counters counters{1};
  StoreThread store;
};

constexpr const char* kWholeGroups =
    "SELECT (SELECT count(*) FROM jobs) = 2 * (SELECT count(*) FROM events)";

TEST(StoreThread, TellsWhenGroupsAreDurableAndKeepsAllThatItWasGivenBeforeAStop) {
  const StoreFolder folder;
  Running running({folder.file()});
  for (uint64_t sequence = 1; sequence <= 500; ++sequence)
    running.commit(sequence);
  running.ledger.wait_durable(500);
  EXPECT_EQ(folder.ask("SELECT max(sequence) FROM events"), "500");
  for (uint64_t sequence = 501; sequence <= 600; ++sequence)
    running.commit(sequence);
  running.end();
  EXPECT_EQ(folder.ask("SELECT count(*) FROM jobs"), "1200");
  EXPECT_EQ(folder.ask("SELECT value FROM meta WHERE key = 'closed'"), "1");
}

TEST(StoreThread, CountsItsCommitsAndTheirTime) {
  const StoreFolder folder;
  Running running({folder.file()});
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
    running.commit(sequence);
    running.ledger.wait_durable(sequence);
    EXPECT_EQ(running.counters.total(core::Counter::StoreCommits), sequence);
  }
  const core::HistogramSum commits = running.counters.total(core::Measure::StoreCommit);
  const core::HistogramSum syncs = running.counters.total(core::Measure::StoreSync);
  const core::HistogramSum rows = running.counters.total(core::Measure::StoreCommitRows);
  EXPECT_EQ(commits.count(), 3u);
  EXPECT_EQ(syncs.count(), 3u);
  EXPECT_GT(syncs.sum, 0u);
  EXPECT_LT(syncs.sum, commits.sum) << "a sync is a part of its commit";
  EXPECT_EQ(rows.sum, 9u) << "two jobs and an event each";
}

TEST(StoreThread, AGroupWeighsWhatItTakes) {
  const StoreFolder folder;
  Post post;
  StoreThread store({folder.file()}, post);  // never started: nothing is taken out
  for (int i = 0; i < 8 && !store.full(); ++i) {
    core::StoreBatch batch;
    batch.text.allocate<std::byte>(Mailbox::kBytesMax / 8);
    store.commit(std::move(batch));
    EXPECT_EQ(store.full(), i == 7);
  }
}

TEST(StoreThread, IsBackedUpWhileItCommits) {
  const StoreFolder folder;
  Running running({folder.file()});
  // 20 MB, some twenty steps.
  const std::string text(20'000, 'x');
  uint64_t sequence = 0;
  while (sequence < 500)
    running.commit(++sequence, text);
  running.ledger.wait_durable(sequence);
  const std::string copy = folder.file("copy.db");
  running.store.mailbox().post(BackUpStore{{17}, {4}, copy});
  running.store.mailbox().post(BackUpStore{{18}, {5}, folder.file("second.db")});
  EXPECT_THAT(running.ledger.wait_backup().problem, AllOf(HasSubstr(copy), HasSubstr("under way")));
  while (!running.ledger.backed_up()) {
    running.commit(++sequence, text);
    running.ledger.wait_durable(sequence);
  }
  const BackUpDone done = running.ledger.wait_backup();
  EXPECT_EQ(done.problem, "");
  EXPECT_EQ(done.connection.value, 17u);
  EXPECT_EQ(done.request.value, 4u);
  EXPECT_EQ(done.path, copy);
  struct stat status = {};
  ASSERT_EQ(stat(copy.c_str(), &status), 0);
  EXPECT_EQ(static_cast<uint64_t>(status.st_size), done.bytes);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  running.commit(++sequence, text);
  running.ledger.wait_durable(sequence);

  SqliteStore restored({copy, StoreCheck::Always});
  open_or_fail(restored);
  EXPECT_EQ(folder.ask(kWholeGroups, "copy.db"), "1");
  EXPECT_GE(std::stoi(folder.ask("SELECT max(sequence) FROM events", "copy.db")), 500);
  EXPECT_GT(read_back(restored).lines.size(), 1'500u);
}

TEST(StoreThread, ABackupReplacesNothingAndSaysWhyItFailed) {
  const StoreFolder folder;
  Running running({folder.file()});
  const std::string there = folder.file();
  struct Case {
    std::string path;
    std::string said;
    bool exists = false;
  };
  const Case cases[] = {
      {there, "is there already", true},
      {"copy.db", "absolute path"},
      {"", "absolute path"},
      {folder.path + "/none/copy.db", "there is no folder '" + folder.path + "/none'"},
      {"/dev/full/copy.db", "cannot be created in '/dev/full'"},
  };
  for (const Case& c : cases) {
    running.store.mailbox().post(BackUpStore{{1}, {1}, c.path});
    const BackUpDone done = running.ledger.wait_backup();
    EXPECT_THAT(done.problem, AllOf(HasSubstr(c.said), HasSubstr(c.path)));
    EXPECT_EQ(done.bytes, 0u);
    EXPECT_EQ(done.exists, c.exists) << c.path;
  }
}

// The process ends before anything is told; what it says is one line that names the file.
TEST(StoreThreadDeathTest, AWriteOrSyncThatFailsEndsTheProcess) {
  struct Case {
    FailingVfs::Call call;
    int code;
    const char* said;
  };
  const Case cases[] = {
      {FailingVfs::Call::Write, SQLITE_FULL, "nothing is acknowledged any more.*berth.db.*full"},
      {FailingVfs::Call::Sync, SQLITE_IOERR_FSYNC, "nothing is acknowledged any more.*I/O error"},
  };
  for (const Case& c : cases) {
    const StoreFolder folder;
    EXPECT_EXIT(
        {
          log::start(log::Level::Error, log::Format::Text);
          FailingVfs::install();
          Running running({folder.file(), StoreCheck::Unclean, FailingVfs::kName});
          FailingVfs::fail(c.call, 0, c.code);
          running.commit(1);
          running.ledger.wait_durable(1);
          std::fprintf(stderr, "it was told to be durable\n");
          _exit(0);
        },
        testing::ExitedWithCode(kExitStoreFailed),
        c.said);
  }
}

}  // namespace
}  // namespace berth::net
