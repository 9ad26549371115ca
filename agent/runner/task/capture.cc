#include "agent/runner/task/capture.h"

#include <algorithm>

namespace berth::agent {

namespace {

constexpr size_t kBlockBytes = 64 * 1024;
constexpr int kBlocksPerTurn = 16;
constexpr int kWidePipeBytes = 1 << 20;

}  // namespace

Capture::Capture(int directory, std::string name, uint64_t bytes_max)
    : directory_(directory), name_(std::move(name)), bytes_max_(bytes_max) {}

std::string Capture::open() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return "cannot make a pipe for " + name_ + ": " + error_text(errno);
  reader_.reset(ends[0]);
  writer_.reset(ends[1]);
  // Only our end: a task does not expect EAGAIN from its output.
  (void)fcntl(reader_.get(), F_SETFL, O_NONBLOCK);  // of a pipe of our own: cannot fail
  return {};
}

bool Capture::open_file() {
  if (file_) return true;
  std::string part = name_ + ".part";
  file_.reset(openat(directory_, part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file_) problem_ = "cannot make " + part + ": " + error_text(errno);
  return static_cast<bool>(file_);
}

void Capture::on_readable() {
  for (int i = 0; i < kBlocksPerTurn && reader_; ++i) {
    if (!(kept_ < bytes_max_ ? take_some() : drop_some())) return;
  }
}

/// False: nothing more there now.
bool Capture::take_some() {
  static char block[kBlockBytes];
  ssize_t n = read(reader_.get(), block, std::min<uint64_t>(sizeof block, bytes_max_ - kept_));
  if (n < 0) return errno == EINTR;
  if (n == 0) {
    reader_.reset();
    return false;
  }
  // Somebody writes a lot: fewer and larger turns. Refused beyond the user's share of pipe memory.
  if (n == static_cast<ssize_t>(sizeof block) && !widened_) {
    widened_ = true;
    (void)fcntl(reader_.get(), F_SETPIPE_SZ, kWidePipeBytes);
  }
  keep(block, static_cast<size_t>(n));
  return true;
}

bool Capture::drop_some() {
  if (!nowhere_) nowhere_.reset(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  ssize_t n =
      splice(reader_.get(), nullptr, nowhere_.get(), nullptr, kWidePipeBytes, SPLICE_F_NONBLOCK);
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    // Where /dev/null cannot be had or spliced to.
    char block[4096];
    n = read(reader_.get(), block, sizeof block);
  }
  if (n < 0) return errno == EINTR;
  if (n == 0) {
    reader_.reset();
    return false;
  }
  truncated_ = true;
  return true;
}

void Capture::keep(const char* bytes, size_t count) {
  if (!problem_.empty() || !open_file()) {
    truncated_ = true;
    return;
  }
  while (count > 0) {
    ssize_t n = write(file_.get(), bytes, count);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      problem_ = "only " + std::to_string(kept_) + " bytes of " + name_ +
                 " could be kept: " + error_text(errno);
      truncated_ = true;
      return;
    }
    size_t written = static_cast<size_t>(n);
    digest_.add(std::as_bytes(std::span(bytes, written)));
    kept_ += written;
    bytes += written;
    count -= written;
  }
}

TaskOutput Capture::finish(const std::string& directory_path) {
  writer_.reset();
  // What is in the pipe, and not what a process that escaped may go on writing.
  for (int i = 0; i < kBlocksPerTurn * 8 && reader_; ++i) {
    if (!(kept_ < bytes_max_ ? take_some() : drop_some())) break;
  }
  reader_.reset();
  if (!file_) return {name_, "", 0, digest_.hex(), truncated_};
  file_.reset();
  std::string part = name_ + ".part";
  if (renameat(directory_, part.c_str(), directory_, name_.c_str()) != 0 && problem_.empty())
    problem_ = "cannot name " + name_ + ": " + error_text(errno);
  return {name_, directory_path + "/" + name_, kept_, digest_.hex(), truncated_};
}

}  // namespace berth::agent
