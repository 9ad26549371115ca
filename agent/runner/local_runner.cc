#include "agent/runner/local_runner.h"

#include <algorithm>

#include "agent/runner/local_state.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace {

using wire::AssignmentId;
using wire::ErrorClass;

constexpr uint32_t kPieceBytesMax = 1 << 20;

}  // namespace

LocalRunner::LocalRunner(uv_loop_t* loop, const RunnerSettings& settings, TaskListener& listener)
    : state_(std::make_unique<State>(loop, settings, listener)) {}

LocalRunner::~LocalRunner() = default;

const std::string& LocalRunner::problem() const {
  return state_->problem;
}

std::span<const Backend> LocalRunner::backends() const {
  return state_->backends;
}

void LocalRunner::adopt() {
  if (!state_->problem.empty()) return;
  struct Found {
    AssignmentId id;
    uint64_t bytes;
    int64_t at_s;
  };
  std::vector<Found> settled;
  for (const std::string& name : state_->store.list()) {
    std::optional<AssignmentId> id = wire::assignment_from(name);
    if (!id || wire::assignment_text(*id) != name) continue;
    if (!state_->adopt_one(name, *id)) continue;
    Fd directory = state_->store.open_task(name);
    bool damaged = false;
    std::optional<TaskResult> result = state_->store.read_result(directory.get(), damaged);
    uint64_t bytes = 0;
    for (const TaskOutput& output : result ? result->outputs : std::vector<TaskOutput>())
      bytes += output.bytes;
    struct stat status {};
    (void)fstat(directory.get(), &status);  // open: cannot fail
    settled.push_back({*id, bytes, status.st_mtime});
  }
  std::sort(settled.begin(), settled.end(), [](const Found& a, const Found& b) {
    return a.at_s < b.at_s;
  });
  for (const Found& each : settled)
    state_->retention.add(each.id, each.bytes, each.at_s);
}

void LocalRunner::start(TaskOrder&& order) {
  state_->start(std::move(order));
}

void LocalRunner::stop(AssignmentId assignment, ErrorClass reason) {
  Task* task = state_->find(assignment);
  if (task == nullptr || task->phase != Phase::Running) return;
  if (task->stop_reason != ErrorClass::None) return;
  task->stop_reason = reason == ErrorClass::None ? ErrorClass::Aborted : reason;
  state_->send_stop(*task);
}

void LocalRunner::settle(AssignmentId assignment) {
  Task* task = state_->find(assignment);
  if (task == nullptr || task->phase != Phase::Ended) return;
  Fd directory = state_->store.open_task(wire::assignment_text(task->id));
  bool damaged = false;
  std::optional<TaskResult> result;
  if (directory) result = state_->store.read_result(directory.get(), damaged);
  if (!result || !state_->store.settle(directory.get())) {
    // Nothing on disk to keep, or nothing that can be kept.
    if (directory) state_->store.remove(wire::assignment_text(task->id));
    state_->tasks.erase(task->id);
    return;
  }
  task->phase = Phase::Settled;
  uint64_t bytes = 0;
  for (const TaskOutput& output : result->outputs)
    bytes += output.bytes;
  state_->retention.add(task->id, bytes, now_s());
  state_->remove_expired(kRemovedPerSettle);
}

OutputPiece LocalRunner::read_output(
    AssignmentId assignment, wire::OutputStream stream, uint64_t offset, uint32_t bytes_max) {
  OutputPiece piece;
  piece.offset = offset;
  const Task* task = state_->find(assignment);
  Fd directory;
  if (task != nullptr) directory = state_->store.open_task(wire::assignment_text(task->id));
  if (!directory) {
    piece.problem = "this worker does not have the outputs of " +
                    wire::assignment_text(assignment) +
                    "; they were never here, or have been kept for long enough";
    return piece;
  }
  const char* name = stream == wire::OutputStream::Stdout ? "stdout" : "stderr";
  std::string part = std::string(name) + ".part";
  Fd file(openat(directory.get(), part.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  // Renamed between the two looks: then it is there now.
  if (!file) file.reset(openat(directory.get(), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status {};
  if (file && fstat(file.get(), &status) == 0) piece.size = static_cast<uint64_t>(status.st_size);
  uint64_t rest = offset < piece.size ? piece.size - offset : 0;
  piece.data.resize(std::min<uint64_t>({rest, bytes_max, kPieceBytesMax}));
  if (!piece.data.empty()) {
    ssize_t n = pread(file.get(), piece.data.data(), piece.data.size(), static_cast<off_t>(offset));
    piece.data.resize(n < 0 ? 0 : static_cast<size_t>(n));
    if (n < 0) piece.problem = std::string("cannot read ") + name + ": " + error_text(errno);
  }
  if (task->phase == Phase::Running) return piece;
  bool damaged = false;
  std::optional<TaskResult> result = state_->store.read_result(directory.get(), damaged);
  for (const TaskOutput& output : result ? result->outputs : std::vector<TaskOutput>()) {
    if (output.name != name) continue;
    piece.truncated = output.truncated;
    piece.sha256 = output.sha256;
  }
  piece.complete = offset + piece.data.size() >= piece.size && piece.problem.empty();
  return piece;
}

}  // namespace berth::agent
