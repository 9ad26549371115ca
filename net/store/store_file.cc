#include "net/store/store_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace berth::net {
namespace {

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool sync_and_close(int fd) {
  if (fd < 0) return false;
  const bool synced = fsync(fd) == 0;
  const int error = errno;
  close(fd);
  errno = error;
  return synced;
}

/// The number of the process that wrote it, for the sentence.
std::string owner_of(int fd) {
  char text[32];
  const ssize_t bytes = pread(fd, text, sizeof text, 0);
  std::string owner(text, bytes > 0 ? static_cast<size_t>(bytes) : 0);
  while (!owner.empty() && owner.back() == '\n')
    owner.pop_back();
  return owner.empty() ? "another process" : "process " + owner;
}

}  // namespace

bool StoreLock::take(const std::string& store_path, std::string& problem) {
  const std::string path = store_path + ".lock";
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    problem = "cannot be locked: '" + path + "': " + std::strerror(errno) +
              "; make its folder writable for this user, or name another file with --store";
    return false;
  }
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    problem = errno == EWOULDBLOCK ? "is in use by another server (" + owner_of(fd_) +
                                         "); stop that one, or name another file with --store"
                                   : "cannot be locked: '" + path + "': " + std::strerror(errno);
    release();
    return false;
  }
  const std::string owner = std::to_string(getpid()) + "\n";
  // For people alone; the lock holds without it.
  (void)(ftruncate(fd_, 0) == 0 && pwrite(fd_, owner.data(), owner.size(), 0) > 0);
  return true;
}

void StoreLock::release() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

bool make_folder_of(const std::string& path) {
  const std::string folder = folder_of(path);
  if (mkdir(folder.c_str(), 0700) == 0) return sync_folder_of(folder);
  if (errno == EEXIST) return true;
  if (errno != ENOENT || folder == path) return false;
  return make_folder_of(folder) && mkdir(folder.c_str(), 0700) == 0 && sync_folder_of(folder);
}

bool sync_folder_of(const std::string& path) {
  return sync_and_close(open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

bool sync_file(const std::string& path) {
  return sync_and_close(open(path.c_str(), O_RDWR | O_CLOEXEC));
}

bool create_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  close(fd);
  return true;
}

}  // namespace berth::net
