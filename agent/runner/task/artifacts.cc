#include "agent/runner/task/artifacts.h"

#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "agent/runner/small_file.h"
#include "net/sha256.h"

namespace berth::agent {

namespace {

std::optional<std::string> hash_of(int file, uint64_t& bytes) {
  net::Sha256 digest;
  static char block[64 * 1024];
  bytes = 0;
  while (true) {
    ssize_t n = read(file, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return digest.hex();
    digest.add(std::as_bytes(std::span(block, static_cast<size_t>(n))));
    bytes += static_cast<uint64_t>(n);
  }
}

/// The very file that was checked and hashed under a second name; a copy where that cannot be.
bool link_or_copy(int file, uint64_t bytes, int directory, const char* name) {
  std::string self = "/proc/self/fd/" + std::to_string(file);
  if (linkat(AT_FDCWD, self.c_str(), directory, name, AT_SYMLINK_FOLLOW) == 0) return true;
  Fd copy(openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  off_t from = 0;
  while (copy && static_cast<uint64_t>(from) < bytes) {
    if (sendfile(copy.get(), file, &from, bytes - static_cast<uint64_t>(from)) <= 0) return false;
  }
  return static_cast<bool>(copy);
}

/// Why it was not kept; empty: it was.
std::string keep_one(
    int work,
    int kept,
    const std::string& path,
    const std::string& name,
    uint64_t bytes_max,
    TaskOutput& output) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;  // not to wait for a writer of a pipe
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  Fd file(static_cast<int>(syscall(SYS_openat2, work, path.c_str(), &how, sizeof how)));
  if (!file && errno == EXDEV) return "leads out of the task's directory";
  if (!file && errno == ENOENT) return "is not there";
  if (!file) return error_text(errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return error_text(errno);
  if (!S_ISREG(status.st_mode)) return "is no file; pack directories, for instance with tar";
  if (static_cast<uint64_t>(status.st_size) > bytes_max)
    return "has " + std::to_string(status.st_size) + " bytes, more than the " +
           std::to_string(bytes_max) + " that this worker keeps";
  std::optional<std::string> sha256 = hash_of(file.get(), output.bytes);
  if (!sha256) return error_text(errno);
  if (!link_or_copy(file.get(), output.bytes, kept, name.c_str())) return error_text(errno);
  output.sha256 = *sha256;
  return {};
}

}  // namespace

std::string keep_artifacts(
    int task_directory,
    const std::string& task_path,
    const std::vector<std::string>& paths,
    uint64_t bytes_max,
    std::vector<TaskOutput>& outputs) {
  if (paths.empty()) return {};
  Fd work(openat(task_directory, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  (void)mkdirat(task_directory, "artifacts", 0700);  // the next line tells
  Fd kept(openat(task_directory, "artifacts", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!work || !kept) return "no artifact was kept: " + error_text(errno);
  std::string problems;
  for (size_t i = 0; i < paths.size(); ++i) {
    std::string name = std::to_string(i);
    TaskOutput output{paths[i], task_path + "/artifacts/" + name};
    std::string why = keep_one(work.get(), kept.get(), paths[i], name, bytes_max, output);
    if (why.empty()) {
      outputs.push_back(std::move(output));
    } else {
      problems += (problems.empty() ? "artifact '" : "; artifact '") + paths[i] + "' " + why;
    }
  }
  return problems;
}

void keep_stream(
    int task_directory,
    const std::string& task_path,
    const std::string& name,
    std::vector<TaskOutput>& outputs) {
  // It may have been named already, or never have been made.
  (void)renameat(task_directory, (name + ".part").c_str(), task_directory, name.c_str());
  Fd file(openat(task_directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  // None: nothing was written.
  TaskOutput output{name, file ? task_path + "/" + name : "", 0, net::Sha256().hex()};
  if (file) {
    std::optional<std::string> sha256 = hash_of(file.get(), output.bytes);
    if (!sha256) return;
    output.sha256 = *sha256;
  }
  outputs.push_back(std::move(output));
}

bool cut_stream(int task_directory, TaskOutput& output, uint64_t bytes) {
  if (output.bytes == 0) return false;
  Fd file(openat(task_directory, output.name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  uint64_t left = output.bytes > bytes ? output.bytes - bytes : 0;
  if (!file || ftruncate(file.get(), static_cast<off_t>(left)) != 0) return false;
  output.truncated = true;
  output.sha256 = hash_of(file.get(), output.bytes).value_or("");
  return true;
}

}  // namespace berth::agent
