#include "agent/runner/engine/container.h"

#include <algorithm>

#include "agent/runner/make_order.h"
#include "agent/runner/task_capabilities.h"
#include "wire/tokens.h"

namespace berth::agent {

using nlohmann::json;

namespace {

constexpr int64_t kPeriodUs = 100'000;
constexpr int64_t kShortestQuotaUs = 1'000;  // the kernel's own limit
constexpr int64_t kFewestShares = 2;         // the same

json make_devices(const Order& order) {
  json numbers = json::array();
  for (uint16_t gpu : order.gpus)
    numbers.push_back(std::to_string(gpu));
  json request = {{"DeviceIDs", numbers}, {"Capabilities", json::array({json::array({"gpu"})})}};
  return json::array({request});
}

json make_host_config(const Order& order) {
  json config = {
      {"NetworkMode", order.network ? "host" : "none"},
      {"Mounts",
       json::array(
           {{{"Type", "bind"},
             {"Source", order.task_dir + "/work"},
             {"Target", kContainerTaskDir}}})},
      {"CapDrop", json::array({"ALL"})},
      {"SecurityOpt", json::array({"no-new-privileges"})},
      {"RestartPolicy", {{"Name", "no"}}},
      // The supervisor keeps the outputs.
      {"LogConfig", {{"Type", "none"}}}};
  if (order.uid == 0) config["CapAdd"] = json(kRootCapabilities);
  json groups = json::array();
  for (uint32_t group : order.groups)
    groups.push_back(std::to_string(group));
  if (order.uid != 0 && !groups.empty()) config["GroupAdd"] = groups;
  if (order.memory_bytes > 0) {
    config["Memory"] = order.memory_bytes;
    config["MemorySwap"] = order.memory_bytes;  // with what is swapped: none
  }
  if (order.cpu_milli > 0) {
    int64_t milli = order.cpu_milli;
    config["CpuPeriod"] = kPeriodUs;
    config["CpuQuota"] = std::max(kPeriodUs * milli / 1000, kShortestQuotaUs);
    config["CpuShares"] = std::max(milli * 1024 / 1000, kFewestShares);
  }
  if (order.pids_max > 0) config["PidsLimit"] = order.pids_max;
  if (!order.gpus.empty()) config["DeviceRequests"] = make_devices(order);
  return config;
}

}  // namespace

std::string engine_container_name(const Order& order) {
  return order.engine_owner + "-" + wire::assignment_text(order.assignment);
}

json make_container(const Order& order) {
  bool fed = !order.stdin_text.empty();
  json container = {
      {"Image", order.image},
      {"Hostname", "job-" + std::to_string(order.assignment.job.value)},
      {"User", std::to_string(order.uid) + ":" + std::to_string(order.gid)},
      {"Env", order.env},
      {"WorkingDir", order.working_dir.empty() ? kContainerTaskDir : order.working_dir},
      {"Tty", false},
      {"OpenStdin", fed},
      {"StdinOnce", fed},
      {"AttachStdin", fed},
      {"AttachStdout", true},
      {"AttachStderr", true},
      {"Labels",
       {{kOwnerLabel, order.engine_owner}, {kTaskLabel, wire::assignment_text(order.assignment)}}},
      {"HostConfig", make_host_config(order)}};
  // All of the job's command takes the place of all of the image's.
  if (!order.argv.empty()) container["Entrypoint"] = order.argv;
  return container;
}

}  // namespace berth::agent
