#include "agent/identity.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/proc_file.h"

namespace berth::agent {

namespace fs = std::filesystem;

namespace {

constexpr uint32_t kSuffixDigits = 6;

/// Six letters and digits: one in two billion that two hosts of the same name share it.
std::string make_suffix(uint64_t random) {
  constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string suffix;
  for (uint32_t i = 0; i < kSuffixDigits; ++i) {
    suffix += kDigits[random % 36];
    random /= 36;
  }
  return suffix;
}

/// Letters, digits, '-', '_' and inner dots stay; the rest becomes %XX, so that no two ids share a
/// file and none leaves the directory. A file's name has at most 255 bytes: a long one ends in a
/// hash (FNV-1a) instead.
std::string as_file_name(const std::string& id) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string name;
  uint64_t hash = 0xCBF29CE484222325u;
  for (unsigned char c : id) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 c == '-' || c == '_' || (c == '.' && !name.empty());
    if (plain) {
      name += static_cast<char>(c);
    } else {
      name += {'%', kHex[c >> 4], kHex[c & 15]};
    }
    hash = (hash ^ c) * 0x100000001B3u;
  }
  constexpr size_t kLongest = 200;
  if (name.size() > kLongest) name = name.substr(0, kLongest) + "%" + std::to_string(hash);
  return name;
}

bool write_all(int file, const std::string& text) {
  size_t written = 0;
  while (written < text.size()) {
    ssize_t n = write(file, text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    written += static_cast<size_t>(n);
  }
  return fsync(file) == 0;
}

}  // namespace

std::string peek_id(const fs::path& directory, const std::string& id, const std::string& host) {
  if (!id.empty()) return id;
  return host + "-" + read_text(directory / "worker-suffix").value_or("(made at the first start)");
}

bool write_atomically(const fs::path& path, const std::string& text) {
  fs::path fresh = path;
  fresh += ".new";
  int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return false;
  bool written = write_all(file, text);
  int error = errno;
  close(file);
  if (!written || rename(fresh.c_str(), path.c_str()) != 0) {
    error = written ? errno : error;
    unlink(fresh.c_str());
    errno = error;
    return false;
  }
  // The new name is durable once the directory is.
  int directory = open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return false;
  bool durable = fsync(directory) == 0;
  error = errno;
  close(directory);
  errno = error;
  return durable;
}

Identity::Identity(
    const fs::path& directory,
    const std::string& id,
    const std::string& host,
    uint64_t random,
    uint64_t wall_ns)
    : directory_(fs::absolute(directory)) {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) {
    errno = error.value();
    fail("cannot make the state directory", directory_);
    return;
  }
  choose_id(id, host, random);
  if (error_.empty()) lock();
  if (error_.empty()) start_life(wall_ns);
  if (error_.empty()) find_nonce(random);
}

Identity::~Identity() {
  if (lock_ >= 0) close(lock_);
}

void Identity::choose_id(const std::string& id, const std::string& host, uint64_t random) {
  if (!id.empty()) {
    life_.worker = id;
    why_ = "given by --id";
  } else {
    fs::path path = directory_ / "worker-suffix";
    std::string suffix = read_text(path).value_or("");
    if (suffix.empty()) {
      suffix = make_suffix(random);
      if (!write_atomically(path, suffix + "\n")) return fail("cannot write", path);
    }
    life_.worker = host + "-" + suffix;
    why_ = "host name, and the suffix kept in " + path.string();
  }
  file_name_ = as_file_name(life_.worker);
}

void Identity::lock() {
  fs::path path = directory_ / (file_name_ + ".lock");
  lock_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) return fail("cannot write", path);
  if (flock(lock_, LOCK_EX | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) return fail("cannot lock", path);
  error_ = "another berth-agent runs as worker '" + life_.worker + "' with the state directory " +
           directory_.string() + "; give this one its own --id or --state-dir";
}

void Identity::start_life(uint64_t wall_ns) {
  fs::path path = directory_ / (file_name_ + ".epoch");
  uint64_t last = static_cast<uint64_t>(std::max<int64_t>(0, read_number(path).value_or(0)));
  life_.epoch = std::max(last + 1, wall_ns);
  if (!write_atomically(path, std::to_string(life_.epoch) + "\n")) fail("cannot write", path);
}

void Identity::find_nonce(uint64_t random) {
  fs::path path = directory_ / (file_name_ + ".nonce");
  life_.nonce = static_cast<uint64_t>(std::max<int64_t>(0, read_number(path).value_or(0)));
  if (life_.nonce != 0) return;
  life_.nonce = (random >> 1) | 1;  // never 0, and within what read_number reads
  if (!write_atomically(path, std::to_string(life_.nonce) + "\n")) fail("cannot write", path);
}

void Identity::fail(const std::string& what, const fs::path& path) {
  error_ = what + " " + path.string() + ": " + std::strerror(errno) +
           "; give a directory that this user may write with --state-dir";
}

}  // namespace berth::agent
