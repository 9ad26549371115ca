#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/base/time.h"
#include "core/jobs/records.h"

namespace berth::net {

/// Whether the whole file is read and checked when it is opened. Afterwards every page that is
/// read is checked as far as its own structure goes.
enum class StoreCheck : uint8_t {
  Unclean,  ///< when the last server on it did not close it
  Always,
  Never,
};

/// Jobs in a SQLite file: WAL, every commit synced. docs/store.md describes the tables.
///
/// Shape    open, load once, then commits; people may read the file at any time
/// Threads  one at a time
/// Memory   SQLite's page cache (32 MiB at most), one spec, and 32 bytes for each array
/// Errors   false with one sentence that names the file and the remedy
class SqliteStore {
 public:
  struct Options {
    std::string path;
    StoreCheck check = StoreCheck::Unclean;
    const char* vfs = nullptr;  ///< of SQLite; null: the default one. Tests break it on command
  };

  explicit SqliteStore(Options options);
  ~SqliteStore();
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  /// Creates what is not there (directory 0700, file 0600), locks it against a second server,
  /// checks it, brings its schema up to date and counts this start, durably.
  bool open(std::string& problem);

  /// Everything that is stored, in the order that StoreReader documents.
  bool load(core::StoreReader& reader, std::string& problem);

  /// All of `batches`, oldest first, in one synced transaction. After false nothing more may be
  /// acknowledged: what is on the disk is not known.
  bool commit(std::span<const core::StoreBatch> batches, std::string& problem);

  /// Brings the WAL back into the file when it has become large. Call it after each commit, when
  /// that has been acknowledged: it may take some tens of milliseconds.
  bool make_room(std::string& problem);

  /// How long the last one took to write out and sync what it had gathered.
  core::Duration last_sync() const;

  /// What commits leave for a quiet moment: brings the WAL back into the file. Call it when nothing
  /// is to be committed; it does nothing most of the time.
  bool tidy(std::string& problem);

  enum class Start { Begun, Exists, Failed };
  /// Starts an online copy to `path`, an absolute one that does not exist yet. One at a time.
  Start start_backup(const std::string& path, std::string& problem);
  enum class Step { More, Done, Failed };
  /// Copies some more; commits may come in between. `bytes` is the size of the copy when it is
  /// Done.
  Step step_backup(uint64_t& bytes, std::string& problem);
  bool backing_up() const;

  /// Marks the file as closed by its owner, empties the WAL and lets go of the lock. Idempotent.
  void close();

  const std::string& path() const;
  uint64_t starts() const;  ///< this one included

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::net
