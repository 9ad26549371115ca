#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>

#include "net/store/sqlite_handle.h"

namespace berth::net {

/// One online copy of a database, a few pages at a time. Commits of the same connection in between
/// are carried over to what was copied already.
///
/// Shape    start, then step until Done or Failed; the copy has a name of its own until it is whole
/// Threads  the one of the source
/// Errors   one sentence; what was written is removed
class Backup {
 public:
  enum class Start { Begun, Exists, Failed };
  enum class Step { More, Done, Failed };

  ~Backup() { cancel(); }

  /// `path` is absolute and not there yet; Exists when it is.
  Start start(Database& source, const std::string& path, std::string& problem);
  /// `bytes`: the size of the copy, when Done.
  Step step(uint64_t& bytes, std::string& problem);
  void cancel();
  bool active() const { return handle_ != nullptr; }

 private:
  Step fail(const std::string& why, std::string& problem);
  bool publish(uint64_t& bytes, std::string& problem);

  std::string path_;
  std::string partial_;
  Database copy_;
  sqlite3_backup* handle_ = nullptr;
};

}  // namespace berth::net
