#include "loadgen/audit.h"

#include <algorithm>

namespace berth::loadgen {
namespace {

constexpr int64_t kDevice = 1000;
// Where published results of the experiment are stated.
constexpr int kMarks[] = {95, 100, 130};

bool allowed(const std::string& model, const std::vector<std::string>& models) {
  return models.empty() || std::find(models.begin(), models.end(), model) != models.end();
}

}  // namespace

Audit::Audit(const Trace& trace) {
  for (const TraceNode& node : trace.nodes) {
    index_.emplace(node.name, nodes_.size());
    std::vector<int64_t> devices(static_cast<size_t>(node.gpus), kDevice);
    nodes_.push_back({node.cpu_milli, node.memory_mib, std::move(devices), node.model});
    gpu_milli_capacity_ += node.gpus * kDevice;
  }
}

void Audit::check(std::span<const TraceTask> tasks, std::span<const Answer> answers) {
  for (size_t i = 0; i < tasks.size(); ++i) {
    gpu_milli_arrived_ += tasks[i].gpu_milli_all();
    if (answers[i].placed) check_placed(tasks[i], answers[i]);
    mark_arrived();
  }
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!answers[i].placed) check_refused(tasks[i]);
  }
}

void Audit::check_refused(const TraceTask& task) {
  ++refused_;
  auto roomy = std::find_if(
      nodes_.begin(), nodes_.end(), [&](const Books& node) { return fits(node, task); });
  if (roomy == nodes_.end()) return;
  ++wrong_refusals_;
  note(task, "was refused and would have fitted");
}

void Audit::check_placed(const TraceTask& task, const Answer& answer) {
  ++placed_;
  auto found = index_.find(answer.node);
  if (found == index_.end()) {
    ++violations_;
    note(task, "was placed on " + answer.node + ", which is not in the trace");
    return;
  }
  Books& node = nodes_[found->second];
  std::string wrong = misfit(node, task, answer.gpus);
  if (!wrong.empty()) {
    ++violations_;
    note(task, "was placed on " + answer.node + ", " + wrong);
  }
  node.cpu_milli -= task.cpu_milli;
  node.memory_mib -= task.memory_mib;
  gpu_milli_used_ += task.gpu_milli_all();
  for (uint16_t device : answer.gpus) {
    if (device < node.gpu_milli.size()) node.gpu_milli[device] -= task.gpu_milli;
  }
}

std::string Audit::misfit(
    const Books& node, const TraceTask& task, const std::vector<uint16_t>& gpus) const {
  if (task.cpu_milli > node.cpu_milli) return "which has not the CPU";
  if (task.memory_mib > node.memory_mib) return "which has not the memory";
  if (gpus.size() != static_cast<size_t>(task.num_gpu)) return "with the wrong number of devices";
  if (task.num_gpu > 0 && !allowed(node.model, task.models)) return "whose model is not allowed";
  for (size_t i = 0; i < gpus.size(); ++i) {
    if (gpus[i] >= node.gpu_milli.size()) return "on a device that it has not";
    if (std::count(gpus.begin(), gpus.end(), gpus[i]) > 1) return "twice on one device";
    if (node.gpu_milli[gpus[i]] < task.gpu_milli) return "on a device that is too full";
  }
  return {};
}

bool Audit::fits(const Books& node, const TraceTask& task) const {
  if (task.cpu_milli > node.cpu_milli || task.memory_mib > node.memory_mib) return false;
  if (task.num_gpu == 0) return true;
  if (!allowed(node.model, task.models)) return false;
  auto free = std::count_if(node.gpu_milli.begin(), node.gpu_milli.end(), [&](int64_t milli) {
    return milli >= task.gpu_milli;
  });
  return free >= task.num_gpu;
}

void Audit::mark_arrived() {
  if (gpu_milli_capacity_ == 0) return;
  for (int mark : kMarks) {
    if (gpu_milli_arrived_ * 100 < gpu_milli_capacity_ * mark) continue;
    double used = 100.0 * static_cast<double>(gpu_milli_used_);
    allocated_percent_.emplace(mark, used / static_cast<double>(gpu_milli_capacity_));
  }
}

void Audit::note(const TraceTask& task, const std::string& what) {
  if (first_problem_.empty()) first_problem_ = "pod " + std::to_string(task.pod) + " " + what;
}

}  // namespace berth::loadgen
