#include "net/store/backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/store/store_file.h"

namespace berth::net {
namespace {

// 1 MiB of pages: less than a millisecond, which is what a commit may have to wait for it.
constexpr int kPagesAStep = 256;

std::string cannot_create(const std::string& path, int error) {
  const std::string folder = path.substr(0, std::max<size_t>(path.rfind('/'), 1));
  if (error == ENOENT) {
    return "'" + path + "' cannot be created: there is no folder '" + folder +
           "' on the server's machine; make it, or name another";
  }
  return "'" + path + "' cannot be created in '" + folder + "': " + std::strerror(error) +
         "; name a folder that the server may write to";
}

}  // namespace

Backup::Start Backup::start(Database& source, const std::string& path, std::string& problem) {
  if (active()) {
    problem = "a backup to '" + path_ + "' is under way; ask again when it is done";
    return Start::Failed;
  }
  if (!path.starts_with('/')) {
    problem = "'" + path + "' is no absolute path on the server's machine; give one";
    return Start::Failed;
  }
  struct stat status;
  if (lstat(path.c_str(), &status) == 0) {
    problem = "'" + path + "' is there already; name a file that is not, or remove it";
    return Start::Exists;
  }
  path_ = path;
  partial_ = path + ".partial";
  unlink(partial_.c_str());  // of a server that ended half-way
  if (!create_file(partial_)) {
    problem = cannot_create(path, errno);
    return Start::Failed;
  }
  // What matters is that it is whole in the end; then it is synced.
  if (!copy_.open(partial_, nullptr) ||
      !copy_.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")) {
    (void)fail(copy_.why(), problem);
    return Start::Failed;
  }
  handle_ = sqlite3_backup_init(copy_.raw(), "main", source.raw(), "main");
  if (handle_ != nullptr) return Start::Begun;
  (void)fail(copy_.why(), problem);
  return Start::Failed;
}

Backup::Step Backup::step(uint64_t& bytes, std::string& problem) {
  const int result = sqlite3_backup_step(handle_, kPagesAStep);
  if (result == SQLITE_OK) return Step::More;
  if (result != SQLITE_DONE) {
    std::string why = sqlite3_errstr(result);
    const int number = sqlite3_system_errno(copy_.raw());
    if (number != 0) why += std::string(" (") + std::strerror(number) + ")";
    return fail(why, problem);
  }
  sqlite3_backup_finish(handle_);
  handle_ = nullptr;
  copy_.close();
  return publish(bytes, problem) ? Step::Done : Step::Failed;
}

bool Backup::publish(uint64_t& bytes, std::string& problem) {
  struct stat status = {};
  // link, unlike rename, does not replace what somebody has put there meanwhile.
  const bool done = sync_file(partial_) && stat(partial_.c_str(), &status) == 0 &&
                    link(partial_.c_str(), path_.c_str()) == 0 && unlink(partial_.c_str()) == 0 &&
                    sync_folder_of(path_);
  if (!done) return fail(std::strerror(errno), problem) == Step::Done;
  partial_.clear();
  bytes = static_cast<uint64_t>(status.st_size);
  return true;
}

Backup::Step Backup::fail(const std::string& why, std::string& problem) {
  problem = "the backup to '" + path_ + "' failed: " + why +
            "; make room, or name a file in another folder";
  cancel();
  return Step::Failed;
}

void Backup::cancel() {
  if (handle_ != nullptr) sqlite3_backup_finish(handle_);
  handle_ = nullptr;
  copy_.close();
  if (!partial_.empty()) unlink(partial_.c_str());
  partial_.clear();
}

}  // namespace berth::net
