#include "net/text/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace berth::net {
namespace {

bool read_all(
    int fd, const std::string& name, std::string& text, std::string& problem, size_t bytes_max) {
  text.clear();
  char block[65'536];
  while (true) {
    const ssize_t got = read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      problem = name + " cannot be read (" + std::strerror(errno) + ")";
      return false;
    }
    if (got == 0) return true;
    if (text.size() + static_cast<size_t>(got) > bytes_max) {
      problem = name + " has more than " + std::to_string(bytes_max) + " bytes";
      return false;
    }
    text.append(block, static_cast<size_t>(got));
  }
}

}  // namespace

bool read_whole_file(
    const std::string& path, std::string& text, std::string& problem, size_t bytes_max) {
  const std::string name = "'" + path + "'";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    problem = name + " cannot be read (" + std::strerror(errno) + ")";
    return false;
  }
  const bool read = read_all(fd, name, text, problem, bytes_max);
  close(fd);
  return read;
}

bool read_standard_input(std::string& text, std::string& problem, size_t bytes_max) {
  return read_all(STDIN_FILENO, "standard input", text, problem, bytes_max);
}

}  // namespace berth::net
