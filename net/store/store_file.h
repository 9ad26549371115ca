#pragma once

#include <string>

namespace berth::net {

/// Keeps a second server away from a store, while people may still read it with sqlite3: a lock on
/// a file beside it, which the system lets go of when the process ends, however it ends.
class StoreLock {
 public:
  StoreLock() = default;
  ~StoreLock() { release(); }
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

  /// `PATH.lock`, which stays behind. False: `problem` ends the sentence "the store '…' ".
  bool take(const std::string& store_path, std::string& problem);
  void release();

 private:
  int fd_ = -1;
};

// False with errno set.

/// The folder of `path` and those above it, 0700 where they are not there.
bool make_folder_of(const std::string& path);
/// Makes names in the folder of `path` durable.
bool sync_folder_of(const std::string& path);
/// Makes the content of `path` durable.
bool sync_file(const std::string& path);
/// An empty file, 0600, that was not there before.
bool create_file(const std::string& path);

}  // namespace berth::net
