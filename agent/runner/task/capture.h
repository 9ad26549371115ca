#pragma once

#include <cstdint>
#include <string>

#include "agent/runner/runner.h"
#include "agent/runner/small_file.h"
#include "net/sha256.h"

namespace berth::agent {

/// One stream of a task: from a pipe into a file, which is named `NAME.part` until it is whole.
///
/// The file is made for the first byte: many tasks are silent, and making two files for each of
/// them was half of a supervisor's work on ext4.
///
/// Up to the limit bytes are kept and hashed; the rest is read and dropped, so that a task that
/// writes more than anybody wants to keep neither stops nor fills the disk.
class Capture {
 public:
  Capture(int directory, std::string name, uint64_t bytes_max);

  /// Makes the pipe. Empty: done; the task's end of the pipe is `writer()`.
  std::string open();
  int writer() const { return writer_.get(); }
  void close_writer() { writer_.reset(); }
  /// -1 once the stream has ended.
  int reader() const { return reader_.get(); }

  /// Takes what there is, a bounded amount in one call.
  void on_readable();
  /// Takes all that is in the pipe, ended or not; then gives the file its name.
  TaskOutput finish(const std::string& directory_path);
  /// Empty, or why less was kept than should have been.
  const std::string& problem() const { return problem_; }

 private:
  bool open_file();
  bool take_some();
  bool drop_some();
  void keep(const char* bytes, size_t count);

  const int directory_;
  const std::string name_;
  const uint64_t bytes_max_;
  Fd reader_;
  Fd writer_;
  Fd file_;
  Fd nowhere_;
  net::Sha256 digest_;
  uint64_t kept_ = 0;
  bool truncated_ = false;
  bool widened_ = false;
  std::string problem_;
};

}  // namespace berth::agent
