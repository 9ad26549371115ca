#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <uv.h>

#include "core/jobs/records.h"
#include "core/tables/counters.h"
#include "net/loop_thread.h"
#include "net/store/sqlite_store.h"

namespace berth::net {

/// The exit code of a server whose store can no longer be written.
inline constexpr int kExitStoreFailed = 70;

/// The store's thread: groups come in as letters, each turn's become one synced transaction, and
/// the ledger is told up to which one all is durable.
///
/// Shape    `open` and `load` before `start`, by its owner; then `commit` from the ledger's thread;
///          after `Stop` it commits what it was given, closes the file and ends
/// Threads  its own; `commit` and `full` any
/// Memory   a mailbox of groups, see `full`
/// Errors   a write or sync that fails is logged and ends the process with kExitStoreFailed, before
///          anything is acknowledged
class StoreThread final : public LoopThread, public core::Store {
 public:
  /// `post.ledger` is told GroupsDurable and BackUpDone.
  StoreThread(SqliteStore::Options options, const Post& post);
  ~StoreThread() override;

  // Before `start` alone.
  bool open(std::string& problem) { return store_.open(problem); }
  bool load(core::StoreReader& reader, std::string& problem) {
    return store_.load(reader, problem);
  }

  void commit(core::StoreBatch&& batch) override;
  /// So much waits to be written that nothing more should be taken on.
  bool full() { return mailbox().full(); }

 private:
  void on_start() override;
  void on_letter(Letter&& letter) override;
  void on_tick() override;
  void on_turn_end() override;
  void on_stop() override;

  void commit_groups();
  void count_commit(core::Duration took);
  void start_backup(BackUpStore&& ask);
  void go_on_with_backup();
  [[noreturn]] void end_process(const std::string& problem);

  const Post& post_;
  SqliteStore store_;
  std::vector<core::StoreBatch> groups_;  // of this turn
  int idle_ticks_ = 0;                    // since the last commit
  BackUpStore asker_;                     // of the backup under way
  uv_idle_t more_;                        // keeps the loop turning while a backup is under way
};

}  // namespace berth::net
