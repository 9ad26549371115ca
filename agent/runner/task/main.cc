// berth-task: the supervisor of one task. Started in the task's directory, with the file `order` as
// descriptor 3, by the agent or by a template, which is a berth-task too.

#include <linux/close_range.h>
#include <sys/prctl.h>

#include <cstdio>
#include <cstring>
#include <string_view>

#include "agent/runner/task/artifacts.h"
#include "agent/runner/task/supervisor.h"
#include "agent/runner/task/template.h"

namespace berth::agent {

namespace {

constexpr int kOrderFd = 3;
constexpr int kExitUsage = 2;
constexpr int kExitBroken = 70;

/// On a disk that the task has filled, the ends of its outputs make room: how it ended is worth
/// more.
bool write_result(int directory, TaskResult& result) {
  if (replace_file_at(directory, "result", encode_result(result))) return true;
  const std::string told = result.message;
  for (uint64_t cut : {uint64_t{64} << 10, uint64_t{1} << 20, UINT64_MAX}) {
    if (errno != ENOSPC && errno != EDQUOT) return false;
    result.message = told + (told.empty() ? "" : "; ") +
                     "the ends of its outputs were given up for room to keep this result";
    // The first two are its streams; what else it left the job has asked for by name.
    for (size_t i = 0; i < 2 && i < result.outputs.size(); ++i)
      (void)cut_stream(directory, result.outputs[i], cut);  // the next line tells
    if (replace_file_at(directory, "result", encode_result(result))) return true;
  }
  return false;
}

int supervise(std::string_view mode) {
  (void)close_range(kOrderFd + 1, ~0u, 0);  // what others forgot to mark
  (void)fcntl(kOrderFd, F_SETFD, FD_CLOEXEC);
  (void)umask(022);
  std::optional<std::string> file = read_all(kOrderFd);
  std::optional<Order> order = file ? decode_order(*file) : std::nullopt;
  Fd directory(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!order || !directory) return kExitBroken;
  Supervisor supervisor(*order, progress_offset(*file), directory.get(), kOrderFd);
  TaskResult result = mode == "recover" ? supervisor.recover() : supervisor.run();
  return write_result(directory.get(), result) ? 0 : kExitBroken;
}

}  // namespace

}  // namespace berth::agent

int main(int argc, char** argv) {
  std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "true") return 0;  // what the probe of containers runs: it needs no library
  if (mode == "template" && argc > 2) {
    // From here to the end of the arguments: shown by `ps`, and free to be written to.
    size_t bytes = static_cast<size_t>(argv[2] + std::strlen(argv[2]) - argv[1]);
    berth::agent::serve_template(berth::agent::supervise, argv[1], bytes);
    _exit(0);
  }
  if (mode != "run" && mode != "recover") {
    std::fputs("berth-task is started by berth-agent for each task; run that\n", stderr);
    return berth::agent::kExitUsage;
  }
  // Without destructors: nothing is left that the end of the process does not free.
  _exit(berth::agent::supervise(mode));
}
