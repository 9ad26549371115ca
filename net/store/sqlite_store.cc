#include "net/store/sqlite_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "net/log/log.h"
#include "net/loop_clock.h"
#include "net/store/backup.h"
#include "net/store/row_reader.h"
#include "net/store/row_writer.h"
#include "net/store/schema.h"
#include "net/store/spec_book.h"
#include "net/store/sqlite_handle.h"
#include "net/store/store_file.h"

namespace berth::net {
namespace {

// 32 MiB: what is written again and again meanwhile goes to the file once, and a commit that comes
// during it waits some tens of milliseconds.
constexpr int64_t kCheckpointPages = 2'048;
constexpr int64_t kWarnPages = 32 * kCheckpointPages;
// A file that is larger is checked on demand alone: it takes half a second to one for each 256 MiB.
constexpr int64_t kCheckedBytesMax = int64_t{1} << 30;
constexpr int kBusyWaitMs = 10;
constexpr int kBusyWarnMs = 2'000;
constexpr int kBusyMaxMs = 60'000;

// No mmap: a read error would be a signal there, and is a sentence here.
constexpr const char* kTuning =
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -32768;"
    "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"
    "PRAGMA journal_size_limit = 67108864";
// Of 4 KiB, each group would write more pages, and each page has its price: a tenth of a life
// cycle. A single job, which writes a handful of pages, is as quick as with small ones.
constexpr const char* kNewFile = "PRAGMA page_size = 16384; PRAGMA journal_mode = MEMORY";

// Somebody writes with sqlite3, or is in the middle of a read that a checkpoint wants to end.
int on_busy(void*, int calls) {
  const int waited_ms = calls * kBusyWaitMs;
  if (waited_ms == kBusyWarnMs) {
    BERTH_LOG(
        Warning, "another program writes to the store; nothing is acknowledged until it ends");
  }
  if (waited_ms >= kBusyMaxMs) return 0;
  usleep(kBusyWaitMs * 1'000);
  return 1;
}

bool exists(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0;
}

/// The verdict of quick_check in one line.
std::string one_line(std::string text) {
  constexpr std::string_view kHeading = "*** in database main ***\n";
  if (text.starts_with(kHeading)) text.erase(0, kHeading.size());
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

bool fail(std::string& problem, std::string text) {
  problem = std::move(text);
  return false;
}

}  // namespace

struct SqliteStore::State {
  explicit State(Options given) : options(std::move(given)) {}

  // Each of these: false, and `problem` ends the sentence "the store '…' ".
  bool create(std::string& problem);
  bool open_file(std::string& problem);
  bool check(std::string& problem);
  bool prepare(std::string& problem);
  bool open(std::string& problem);
  bool unreadable(std::string& problem);

  bool sentence(std::string& problem) const;
  bool checkpoint();
  void let_go();
  bool sync();

  const Options options;
  StoreLock lock;
  Database database;
  SpecBook specs;
  RowWriter writer{specs};
  Backup backup;
  Statement begin;
  Statement commit;
  core::Duration last_sync;
  int64_t starts = 0;
  int64_t wal_pages = 0;
  int64_t checkpoint_at = kCheckpointPages;
  bool is_open = false;
};

bool SqliteStore::State::sentence(std::string& problem) const {
  return fail(problem, "the store '" + options.path + "' " + problem);
}

bool SqliteStore::State::unreadable(std::string& problem) {
  if (database.damaged()) return fail(problem, "is damaged: " + database.why() + kRemedyForDamage);
  return fail(
      problem,
      "cannot be used: " + database.why() +
          "; see to the file, its folder and the disk, or name another file with --store");
}

// Under another name until it is whole: a file with nothing in it is one that lost something.
bool SqliteStore::State::create(std::string& problem) {
  const std::string& path = options.path;
  if (exists(path + "-wal")) {
    return fail(
        problem,
        "is not there, but its '" + path + "-wal' is; bring the file back, or move that away too");
  }
  const std::string unfinished = path + ".new";
  unlink(unfinished.c_str());
  Database fresh;
  if (!create_file(unfinished)) {
    return fail(
        problem,
        std::string("cannot be created: ") + std::strerror(errno) +
            "; make its folder writable for this user, or name another file with --store");
  }
  const bool made =
      fresh.open(unfinished, nullptr) && fresh.execute(kNewFile) && create_schema(fresh);
  if (!made) return fail(problem, "cannot be created: " + fresh.why() + "; is the disk full?");
  fresh.close();
  if (!sync_file(unfinished) || std::rename(unfinished.c_str(), path.c_str()) != 0 ||
      !sync_folder_of(path)) {
    return fail(problem, std::string("cannot be created: ") + std::strerror(errno));
  }
  return true;
}

bool SqliteStore::State::open_file(std::string& problem) {
  if (!make_folder_of(options.path)) {
    return fail(
        problem,
        std::string("has a folder that cannot be created: ") + std::strerror(errno) +
            "; create it, or name another file with --store");
  }
  if (!lock.take(options.path, problem)) return false;
  struct stat status;
  if (stat(options.path.c_str(), &status) != 0) {
    if (errno != ENOENT)
      return fail(problem, std::string("is not readable: ") + std::strerror(errno));
    if (!create(problem)) return false;
  } else if (status.st_size == 0) {
    return fail(problem, std::string("is damaged: it is empty") + kRemedyForDamage);
  }
  if (!database.open(options.path, options.vfs)) return unreadable(problem);
  sqlite3_busy_handler(database.raw(), on_busy, nullptr);
  std::string mode;
  if (!database.ask("PRAGMA journal_mode = WAL", mode) || !database.execute(kTuning)) {
    return unreadable(problem);
  }
  return mode == "wal" || fail(problem, "cannot keep a WAL beside it; name a file on a local disk");
}

bool SqliteStore::State::check(std::string& problem) {
  int64_t closed = 0;
  int64_t bytes = 0;
  if (!database.ask("SELECT value FROM meta WHERE key = 'closed'", closed) ||
      !database.ask(
          "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", bytes)) {
    return unreadable(problem);
  }
  const bool wanted =
      options.check == StoreCheck::Always || (options.check == StoreCheck::Unclean && closed == 0);
  if (!wanted) return true;
  if (options.check != StoreCheck::Always && bytes > kCheckedBytesMax) {
    BERTH_LOG(
        Warning,
        "the store was not closed and is too large to be checked at every start; "
        "check it with `sqlite3 FILE 'PRAGMA quick_check'`",
        {{"path", options.path}, {"bytes", bytes}});
    return true;
  }
  const core::Instant begun = LoopClock::mono();
  std::string verdict;
  if (!database.ask("PRAGMA quick_check(1)", verdict)) return unreadable(problem);
  if (verdict != "ok") return fail(problem, "is damaged: " + one_line(verdict) + kRemedyForDamage);
  BERTH_LOG(
      Info,
      "the store was not closed by its last server; it is sound",
      {{"path", options.path}, {"ms", (LoopClock::mono() - begun).ms()}});
  return true;
}

bool SqliteStore::State::prepare(std::string& problem) {
  const bool counted = database.execute(
      "BEGIN IMMEDIATE; UPDATE meta SET value = value + 1 WHERE key = 'starts';"
      "UPDATE meta SET value = 0 WHERE key = 'closed'; COMMIT");
  if (!counted || !database.ask("SELECT value FROM meta WHERE key = 'starts'", starts) ||
      !specs.prepare(database) || !writer.prepare(database) ||
      !begin.prepare(database, "BEGIN IMMEDIATE") || !commit.prepare(database, "COMMIT")) {
    return unreadable(problem);
  }
  const auto on_commit = [](void* pages, sqlite3*, const char*, int count) {
    *static_cast<int64_t*>(pages) = count;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(database.raw(), on_commit, &wal_pages);
  return true;
}

bool SqliteStore::State::open(std::string& problem) {
  if (!open_file(problem)) return false;
  int64_t version = 0;
  if (!check_schema(database, version, problem)) {
    return database.damaged() ? unreadable(problem) : false;
  }
  if (!check(problem)) return false;
  // Into the file with all of it: after a sync that failed, the WAL may be in the system's memory
  // alone and look as if it were on the disk.
  if (!database.execute("PRAGMA wal_checkpoint(TRUNCATE)")) return unreadable(problem);
  if (!migrate_schema(database, version)) return unreadable(problem);
  if (version < kSchemaVersion) {
    BERTH_LOG(
        Info,
        "the store was brought to the schema of this version",
        {{"path", options.path}, {"from", version}, {"to", kSchemaVersion}});
  }
  return prepare(problem);
}

// Passive: it waits for nobody. What a reader still needs stays for the next one.
bool SqliteStore::State::checkpoint() {
  int pages = 0;
  int copied = 0;
  if (sqlite3_wal_checkpoint_v2(
          database.raw(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied) != SQLITE_OK) {
    return (sqlite3_errcode(database.raw()) & 0xff) == SQLITE_BUSY;
  }
  const bool whole = copied == pages;
  if (whole) wal_pages = 0;
  checkpoint_at = whole ? kCheckpointPages : wal_pages + kCheckpointPages;
  if (wal_pages > kWarnPages) {
    BERTH_LOG(
        Warning,
        "a program that reads the store keeps its WAL from being emptied; end its query",
        {{"path", options.path}, {"wal_mib", wal_pages / 256}});
  }
  return true;
}

bool SqliteStore::State::sync() {
  const core::Instant begun = LoopClock::mono();
  const bool done = commit.run();
  last_sync = LoopClock::mono() - begun;
  return done;
}

void SqliteStore::State::let_go() {
  backup.cancel();
  begin.finalize();
  commit.finalize();
  writer.finalize();
  specs.finalize();
  database.close();
  lock.release();
  is_open = false;
}

SqliteStore::SqliteStore(Options options) : state_(std::make_unique<State>(std::move(options))) {}

SqliteStore::~SqliteStore() {
  state_->let_go();
}

bool SqliteStore::open(std::string& problem) {
  state_->is_open = state_->open(problem);
  if (state_->is_open) return true;
  state_->let_go();
  return state_->sentence(problem);
}

bool SqliteStore::load(core::StoreReader& reader, std::string& problem) {
  reader.on_start(core::epoch_floor(starts()));
  return read_rows(state_->database, state_->specs, reader, problem) || state_->sentence(problem);
}

bool SqliteStore::commit(std::span<const core::StoreBatch> batches, std::string& problem) {
  State& s = *state_;
  if (s.begin.run() && s.writer.write(batches) && s.sync()) return true;
  problem = "cannot be written: " + s.database.why();
  return s.sentence(problem);
}

bool SqliteStore::make_room(std::string& problem) {
  return state_->wal_pages < state_->checkpoint_at || tidy(problem);
}

core::Duration SqliteStore::last_sync() const {
  return state_->last_sync;
}

bool SqliteStore::tidy(std::string& problem) {
  if (state_->wal_pages == 0 || state_->checkpoint()) return true;
  problem = "cannot be written: " + state_->database.why();
  return state_->sentence(problem);
}

SqliteStore::Start SqliteStore::start_backup(const std::string& path, std::string& problem) {
  switch (state_->backup.start(state_->database, path, problem)) {
    case Backup::Start::Begun: return Start::Begun;
    case Backup::Start::Exists: return Start::Exists;
    case Backup::Start::Failed: break;
  }
  return Start::Failed;
}

SqliteStore::Step SqliteStore::step_backup(uint64_t& bytes, std::string& problem) {
  switch (state_->backup.step(bytes, problem)) {
    case Backup::Step::More: return Step::More;
    case Backup::Step::Done: return Step::Done;
    case Backup::Step::Failed: break;
  }
  return Step::Failed;
}

bool SqliteStore::backing_up() const {
  return state_->backup.active();
}

void SqliteStore::close() {
  if (!state_->is_open) return;
  state_->backup.cancel();
  // Only so that the next start need not check it; nobody is told if that fails.
  (void)(state_->database.execute("UPDATE meta SET value = 1 WHERE key = 'closed'") &&
         state_->database.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  state_->let_go();
}

const std::string& SqliteStore::path() const {
  return state_->options.path;
}

uint64_t SqliteStore::starts() const {
  return static_cast<uint64_t>(state_->starts);
}

}  // namespace berth::net
