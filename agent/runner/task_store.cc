#include "agent/runner/task_store.h"

#include <dirent.h>
#include <sys/file.h>

#include "agent/runner/remove_tree.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace fs = std::filesystem;

TaskStore::TaskStore(const fs::path& state_dir, std::string& problem) {
  std::error_code error;
  fs::create_directories(state_dir, error);
  fs::path whole = fs::canonical(state_dir, error);
  state_dir_ = error ? fs::absolute(state_dir, error).string() : whole.string();
  std::string tasks = state_dir_ + "/tasks";
  // The tasks' users pass through, and see nothing: each has the name of its own directory.
  struct stat status {};
  if (geteuid() == 0 && stat(state_dir_.c_str(), &status) == 0)
    (void)chmod(state_dir_.c_str(), (status.st_mode & 07777) | 0111);  // the probes tell
  if (mkdir(tasks.c_str(), 0711) != 0 && errno != EEXIST) {
    problem = "cannot make " + tasks + " for the tasks: " + error_text(errno) +
              "; give the agent a --state-dir that it can write to";
    return;
  }
  (void)chmod(tasks.c_str(), 0711);  // of ours, or the next line tells
  tasks_.reset(open(tasks.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tasks_) problem = "cannot open " + tasks + " for the tasks: " + error_text(errno);
}

std::string TaskStore::path_of(const std::string& name) const {
  return state_dir_ + "/tasks/" + name;
}

Fd TaskStore::open_task(const std::string& name) const {
  return Fd(openat(tasks_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

Fd TaskStore::make_task(const std::string& name) const {
  if (mkdirat(tasks_.get(), name.c_str(), 0711) != 0) return {};
  Fd task = open_task(name);
  if (task) (void)fchmod(task.get(), 0711);  // whatever umask we have; of ours: cannot fail
  return task;
}

std::vector<std::string> TaskStore::list() const {
  std::vector<std::string> names;
  Fd again(openat(tasks_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* entries = again ? fdopendir(again.release()) : nullptr;
  if (entries == nullptr) return names;
  while (const dirent* entry = readdir(entries))
    names.emplace_back(entry->d_name);
  closedir(entries);
  return names;
}

Fd TaskStore::write_order(int task, const Order& order) const {
  Fd file(openat(task, "order", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file || flock(file.get(), LOCK_EX | LOCK_NB) != 0) return {};
  if (!write_all(file.get(), encode_order(order)) || lseek(file.get(), 0, SEEK_SET) != 0) return {};
  return file;
}

Fd TaskStore::lock_order(int task) const {
  Fd file(openat(task, "order", O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file || flock(file.get(), LOCK_EX | LOCK_NB) != 0) return {};
  return file;
}

std::optional<TaskResult> TaskStore::read_result(int task, bool& damaged) const {
  damaged = false;
  for (const char* name : {"result", "settled"}) {
    std::optional<std::string> bytes = read_file_at(task, name);
    if (!bytes) continue;
    std::optional<TaskResult> result = decode_result(*bytes);
    if (result) return result;
    damaged = true;
    (void)renameat(task, name, task, "result.damaged");  // for people; what counts is `damaged`
  }
  return std::nullopt;
}

bool TaskStore::write_result(int task, const TaskResult& result) const {
  return replace_file_at(task, "result", encode_result(result));
}

bool TaskStore::settle(int task) const {
  return renameat(task, "result", task, "settled") == 0;
}

bool TaskStore::is_settled(int task) const {
  return faccessat(task, "settled", F_OK, 0) == 0;
}

void TaskStore::remove(const std::string& name) const {
  (void)remove_tree_at(tasks_.get(), name.c_str());  // what is left is met again at the next start
}

Fd TaskStore::open_events(std::string& problem) const {
  if (mkfifoat(tasks_.get(), kEventPipe, 0600) != 0 && errno != EEXIST)
    problem = "cannot make the pipe " + path_of(kEventPipe) + ": " + error_text(errno);
  // Open for writing too, so that it never ends.
  Fd pipe(openat(tasks_.get(), kEventPipe, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
  if (!pipe && problem.empty())
    problem = "cannot open the pipe " + path_of(kEventPipe) + ": " + error_text(errno);
  return pipe;
}

}  // namespace berth::agent
