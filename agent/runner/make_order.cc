#include "agent/runner/make_order.h"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "wire/tokens.h"

namespace berth::agent {

namespace {

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `NAME=value` lines in which a later name takes the place of an earlier one.
class Environment {
 public:
  void set(wire::Text name, wire::Text value) {
    std::string line = std::string(name) + "=" + std::string(value);
    for (std::string& each : lines_) {
      if (each.compare(0, name.size() + 1, line, 0, name.size() + 1) == 0) {
        each = std::move(line);
        return;
      }
    }
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
};

std::string list_of(const std::vector<uint16_t>& numbers) {
  std::string list;
  for (uint16_t each : numbers)
    list += (list.empty() ? "" : ",") + std::to_string(each);
  return list;
}

/// An engine lets in the devices that were given, and no other: there they are counted anew.
std::string visible_devices(const Order& order, const TaskOrder& task) {
  if (order.engine_socket.empty()) return list_of(task.gpus);
  std::vector<uint16_t> renumbered(task.gpus.size());
  std::iota(renumbered.begin(), renumbered.end(), uint16_t{0});
  return list_of(renumbered);
}

/// A container's own image says where its programs are, and has users of its own.
void add_machine(const User& user, Environment& environment) {
  environment.set("PATH", kPath);
  environment.set("HOME", user.home);
  environment.set("USER", user.name);
  environment.set("LOGNAME", user.name);
  environment.set("LANG", "C.UTF-8");
}

std::vector<std::string> make_environment(
    const Order& order, const User& user, const TaskOrder& task, const wire::JobSpec& spec) {
  Environment environment;
  bool container = order.runner == wire::Runner::Container;
  if (!container) add_machine(user, environment);
  for (const wire::Label& each : spec.env)
    environment.set(each.key, each.value);
  environment.set("BERTH_JOB_ID", std::to_string(task.assignment.job.value));
  environment.set("BERTH_ATTEMPT", std::to_string(task.assignment.attempt));
  environment.set("BERTH_ARRAY_INDEX", std::to_string(task.array_index));
  environment.set("BERTH_TASK_DIR", container ? kContainerTaskDir : order.task_dir + "/work");
  // For `make -j` and its like, which want whole numbers.
  environment.set(
      "BERTH_CPUS", std::to_string(std::max<int64_t>(1, (spec.demand.cpu_milli + 999) / 1000)));
  // Empty: a task that has asked for no device sees none.
  environment.set("CUDA_VISIBLE_DEVICES", visible_devices(order, task));
  environment.set("CUDA_DEVICE_ORDER", "PCI_BUS_ID");  // the order in which Berth counts them
  return environment.take();
}

void give_to_engine(const OrderBasis& basis, const TaskOrder& task, Order& order) {
  order.engine_socket = basis.engine_socket;
  order.engine_helper = basis.engine_helper;
  order.engine_owner = basis.engine_owner;
  order.gpus = task.gpus;
  order.cgroups = {};  // the engine makes its own
}

std::vector<std::string> texts_of(wire::TextList list) {
  return {list.begin(), list.end()};
}

}  // namespace

wire::Runner runner_of(const wire::JobSpec& spec) {
  if (spec.runner != wire::Runner::Any) return spec.runner;
  return spec.image.empty() ? wire::Runner::Process : wire::Runner::Container;
}

bool is_for_engine(const OrderBasis& basis, const std::string& image) {
  if (basis.engine_socket.empty() || image.starts_with('/') || image.starts_with('.')) return false;
  std::error_code error;  // a name too long for a file is none
  return basis.images.empty() ||
         !std::filesystem::exists(std::filesystem::path(basis.images) / image, error);
}

Order make_order(const OrderBasis& basis, const TaskOrder& task, const wire::JobSpec& spec) {
  Order order;
  order.assignment = task.assignment;
  order.runner = runner_of(spec);
  order.state_dir = basis.state_dir;
  order.task_dir = basis.state_dir + "/tasks/" + wire::assignment_text(task.assignment);
  order.argv = texts_of(spec.command);
  order.working_dir = spec.working_dir;
  order.stdin_text = spec.stdin_text;
  order.artifacts = texts_of(spec.artifacts);
  order.network = spec.network;
  order.checkpointable = spec.checkpointable;
  order.timeout_ms = spec.timeout_ms;
  order.kill_grace_ms = spec.kill_grace_ms;
  order.memory_bytes = static_cast<uint64_t>(std::max<int64_t>(spec.demand.memory_mib, 0)) << 20;
  order.cpu_milli = static_cast<uint32_t>(std::clamp<int64_t>(spec.demand.cpu_milli, 0, 1 << 30));
  order.pids_max = basis.pids_max;
  order.output_bytes_max = basis.output_bytes_max;
  order.artifact_bytes_max = basis.artifact_bytes_max;
  bool sandbox = order.runner == wire::Runner::Sandbox;
  const User& user = sandbox ? basis.sandbox_user : basis.user;
  order.switch_user = basis.may_switch;
  order.uid = user.uid;
  order.gid = user.gid;
  if (!sandbox) order.groups.assign(user.groups.begin(), user.groups.end());
  order.cgroups = basis.cgroups;
  if (sandbox) order.seccomp = basis.seccomp;
  if (order.runner == wire::Runner::Container) {
    order.image = spec.image;
    order.images = basis.images;
    order.image_helper = basis.image_helper;
    if (is_for_engine(basis, order.image)) give_to_engine(basis, task, order);
  }
  order.env = make_environment(order, user, task, spec);
  return order;
}

}  // namespace berth::agent
