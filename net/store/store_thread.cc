#include "net/store/store_thread.h"

#include <unistd.h>

#include <utility>

#include "net/log/log.h"
#include "net/loop_clock.h"
#include "net/thread_turns.h"

namespace berth::net {
namespace {

constexpr int kIdleTicks = 20;  // a second

}  // namespace

StoreThread::StoreThread(SqliteStore::Options options, const Post& post)
    : LoopThread("store"), post_(post), store_(std::move(options)) {}

StoreThread::~StoreThread() {
  join();
}

void StoreThread::commit(core::StoreBatch&& batch) {
  mailbox().post(CommitGroup{std::move(batch)});
}

void StoreThread::on_start() {
  take_short_turns();
  uv_idle_init(loop(), &more_);
}

void StoreThread::on_letter(Letter&& letter) {
  if (auto* commit = std::get_if<CommitGroup>(&letter)) {
    groups_.push_back(std::move(commit->group));
  } else if (auto* ask = std::get_if<BackUpStore>(&letter)) {
    start_backup(std::move(*ask));
  } else if (std::holds_alternative<Stop>(letter)) {
    commit_groups();
    stop();
  }
}

// While one transaction is synced, the next groups gather in the mailbox; they are one turn.
void StoreThread::on_turn_end() {
  commit_groups();
  go_on_with_backup();
}

void StoreThread::commit_groups() {
  if (groups_.empty()) return;
  std::string problem;
  const core::Instant begun = LoopClock::mono();
  if (!store_.commit(groups_, problem)) end_process(problem);
  count_commit(LoopClock::mono() - begun);
  post_.ledger->post(GroupsDurable{groups_.back().sequence});
  groups_.clear();
  if (!store_.make_room(problem)) end_process(problem);
  idle_ticks_ = 0;
}

void StoreThread::count_commit(core::Duration took) {
  core::ThreadCounters* counters = loop_counters();
  if (counters == nullptr) return;
  uint64_t rows = 0;
  for (const core::StoreBatch& group : groups_)
    rows += group.rows();
  counters->add(core::Counter::StoreCommits);
  counters->measure(core::Measure::StoreCommit, took);
  counters->measure(core::Measure::StoreSync, store_.last_sync());
  counters->measure(core::Measure::StoreCommitRows, rows);
}

void StoreThread::on_tick() {
  if (++idle_ticks_ < kIdleTicks) return;
  idle_ticks_ = 0;
  std::string problem;
  if (!store_.tidy(problem)) end_process(problem);
}

void StoreThread::start_backup(BackUpStore&& ask) {
  std::string problem;
  const SqliteStore::Start start = store_.start_backup(ask.path, problem);
  if (start != SqliteStore::Start::Begun) {
    const bool exists = start == SqliteStore::Start::Exists;
    post_.ledger->post(BackUpDone{ask.connection, ask.request, ask.path, 0, problem, exists});
    return;
  }
  asker_ = std::move(ask);
  uv_idle_start(&more_, [](uv_idle_t*) {});
}

void StoreThread::go_on_with_backup() {
  if (!store_.backing_up()) return;
  uint64_t bytes = 0;
  std::string problem;
  const SqliteStore::Step step = store_.step_backup(bytes, problem);
  if (step == SqliteStore::Step::More) return;
  uv_idle_stop(&more_);
  if (step == SqliteStore::Step::Done) {
    BERTH_LOG(Info, "the store was backed up", {{"path", asker_.path}, {"bytes", bytes}});
  } else {
    BERTH_LOG(Warning, problem);
  }
  post_.ledger->post(BackUpDone{asker_.connection, asker_.request, asker_.path, bytes, problem});
}

void StoreThread::on_stop() {
  uv_close(reinterpret_cast<uv_handle_t*>(&more_), nullptr);
  store_.close();
}

// Nobody knows what is on the disk now: to answer anything, or to go on, could promise what is not
// there. A restart reads what there is. The log is flushed with every line.
void StoreThread::end_process(const std::string& problem) {
  BERTH_LOG(
      Error,
      "a write to the store failed; nothing is acknowledged any more, the server ends",
      {{"path", store_.path()}, {"problem", problem}});
  _exit(kExitStoreFailed);
}

}  // namespace berth::net
