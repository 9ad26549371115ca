#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "agent/profile.h"

namespace berth::agent {

/// What a worker keeps between two lives, as small files in the state directory:
/// `worker-suffix`, and for each worker id `ID.epoch`, `ID.nonce` and `ID.lock`.
///
/// Threads  one; another process with the same id and directory is kept out by a lock
/// Errors   `error()` is empty or the sentence to end with; it names the path and --state-dir
class Identity {
 public:
  /// Makes the directory, finds or makes the id, locks it and starts a new life of it.
  /// An empty `id` means the host name with the persisted suffix. `wall_ns` is the Unix time;
  /// the new epoch is that, or one more than the last life's where the clock went back.
  Identity(
      const std::filesystem::path& directory,
      const std::string& id,
      const std::string& host,
      uint64_t random,
      uint64_t wall_ns);
  ~Identity();
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  const std::string& error() const { return error_; }
  const Life& life() const { return life_; }
  /// Whether the id was given, or where its suffix was kept.
  const std::string& why() const { return why_; }
  /// Where the tasks of this worker are kept; not made here.
  std::filesystem::path jobs_directory() const { return directory_ / (file_name_ + ".jobs"); }

 private:
  void choose_id(const std::string& id, const std::string& host, uint64_t random);
  void lock();
  void start_life(uint64_t wall_ns);
  void find_nonce(uint64_t random);
  void fail(const std::string& what, const std::filesystem::path& path);

  const std::filesystem::path directory_;
  Life life_;
  std::string file_name_;  ///< the id, as a file's name
  std::string why_;
  std::string error_;
  int lock_ = -1;
};

/// The id that a life would have, for display: nothing is made or locked.
std::string peek_id(
    const std::filesystem::path& directory, const std::string& id, const std::string& host);

/// Replaces the whole file or leaves it as it was, also when the power fails. False, with errno,
/// when it cannot.
bool write_atomically(const std::filesystem::path& path, const std::string& text);

}  // namespace berth::agent
