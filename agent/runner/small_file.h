#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Files by descriptor, the way both the agent's side and the supervisor's need them. Names are
/// relative to an open directory, so that nobody can lead them astray by renaming what is above.
namespace berth::agent {

/// An open descriptor, closed with its owner.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

inline bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

inline std::optional<std::string> read_all(int fd) {
  std::string bytes;
  char block[4096];
  while (true) {
    ssize_t n = read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return bytes;
    bytes.append(block, static_cast<size_t>(n));
  }
}

inline std::optional<std::string> read_file_at(int directory, const char* name) {
  Fd file(openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return file ? read_all(file.get()) : std::nullopt;
}

/// One write to a file of the kernel's (a control group, /proc): it is taken whole or not at all.
inline bool write_at(int directory, const char* name, std::string_view text) {
  Fd file(openat(directory, name, O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// Under a temporary name first: whoever finds `name` finds all of it. Not synced: what a loss of
/// power leaves is told by the checksum inside.
inline bool replace_file_at(int directory, const std::string& name, std::string_view bytes) {
  std::string fresh = name + ".new";
  Fd file(openat(directory, fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  return file && write_all(file.get(), bytes) &&
         renameat(directory, fresh.c_str(), directory, name.c_str()) == 0;
}

/// `No such file or directory`
inline std::string error_text(int error) {
  return std::strerror(error);
}

}  // namespace berth::agent
