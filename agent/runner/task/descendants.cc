#include "agent/runner/task/descendants.h"

#include <dirent.h>
#include <signal.h>

#include <cstdlib>

#include "agent/runner/small_file.h"

namespace berth::agent {

namespace {

/// A fork bomb may be deeper than our stack; what is below is met once its parent is gone.
constexpr int kDeepest = 64;

void signal_below(int pid, int signal, int depth) {
  std::string path = "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
  std::string list = read_file_at(AT_FDCWD, path.c_str()).value_or("");
  const char* at = list.c_str();
  while (true) {
    char* end = nullptr;
    int child = static_cast<int>(strtol(at, &end, 10));
    if (end == at) return;
    if (depth < kDeepest) signal_below(child, signal, depth + 1);
    kill(child, signal);
    at = end;
  }
}

}  // namespace

void signal_descendants(int signal) {
  signal_below(getpid(), signal, 0);
}

int kill_marked(const std::string& task_dir) {
  // Each variable of the environment ends in a 0.
  std::string mark = "BERTH_TASK_DIR=" + task_dir + "/work";
  mark += '\0';
  DIR* processes = opendir("/proc");
  if (processes == nullptr) return 0;
  int killed = 0;
  while (const dirent* entry = readdir(processes)) {
    int pid = atoi(entry->d_name);
    if (pid <= 1 || pid == getpid()) continue;
    std::string path = "/proc/" + std::to_string(pid) + "/environ";
    std::string environment = read_file_at(AT_FDCWD, path.c_str()).value_or("");
    if (environment.find(mark) != std::string::npos && kill(pid, SIGKILL) == 0) ++killed;
  }
  closedir(processes);
  return killed;
}

}  // namespace berth::agent
