#include "agent/runner/image/config.h"

#include <cerrno>
#include <map>

#include <nlohmann/json.hpp>

#include "agent/runner/make_order.h"
#include "agent/runner/refused_calls.h"
#include "agent/runner/task_capabilities.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Later lines take the place of earlier ones of the same name.
json make_env(const Order& order, const Image& image) {
  std::map<std::string, std::string> env = {{"PATH", kPath}, {"HOME", kContainerTaskDir}};
  auto add = [&env](const std::string& line) {
    size_t at = line.find('=');
    if (at != std::string::npos) env[line.substr(0, at)] = line.substr(at + 1);
  };
  for (const std::string& line : image.env)
    add(line);
  for (const std::string& line : order.env)
    add(line);
  json lines = json::array();
  for (const auto& [name, value] : env)
    lines.push_back(name + "=" + value);
  return lines;
}

json make_process(const Order& order, const Image& image) {
  const std::vector<std::string>& args = order.argv.empty() ? image.args : order.argv;
  if (args.empty())
    throw ImageError("neither the job nor image '" + order.image + "' has a command");
  json capabilities = json::array();
  if (order.uid == 0) capabilities = json(kRootCapabilities);
  json user = {{"uid", order.uid}, {"gid", order.gid}};
  if (order.uid != 0) user["additionalGids"] = order.groups;
  return {
      {"terminal", false},
      {"user", user},
      {"args", args},
      {"env", make_env(order, image)},
      {"cwd", order.working_dir.empty() ? kContainerTaskDir : order.working_dir},
      {"capabilities",
       {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}},
      {"noNewPrivileges", true}};
}

json mount(const char* target, const char* type, const std::string& source, const json& options) {
  return {{"destination", target}, {"type", type}, {"source", source}, {"options", options}};
}

json make_mounts(const Order& order, const Image& image) {
  json mounts = {
      mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount(
          "/dev/pts",
          "devpts",
          "devpts",
          {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777"}),
      mount("/tmp", "tmpfs", "tmpfs", {"nosuid", "nodev", "mode=1777"}),
      mount(
          kContainerTaskDir, "bind", order.task_dir + "/work", {"bind", "rw", "nosuid", "nodev"})};
  if (order.network) {
    mounts.push_back(mount("/sys", "bind", "/sys", {"rbind", "ro", "nosuid", "noexec", "nodev"}));
    // How the machine finds names, where the image has a place for it.
    if (fs::exists("/etc/resolv.conf") && fs::exists(image.rootfs / "etc/resolv.conf"))
      mounts.push_back(mount("/etc/resolv.conf", "bind", "/etc/resolv.conf", {"bind", "ro"}));
  } else {
    mounts.push_back(mount("/sys", "sysfs", "sysfs", {"ro", "nosuid", "noexec", "nodev"}));
  }
  return mounts;
}

json make_seccomp() {
  json calls = json::array();
  calls.push_back({{"names", json(kRefusedCalls)}, {"action", "SCMP_ACT_ERRNO"}});
  calls.push_back({{"names", {"clone3"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", ENOSYS}});
  for (unsigned long long flag : kNamespaceFlags) {
    json argument = {
        {"index", 0}, {"value", flag}, {"valueTwo", flag}, {"op", "SCMP_CMP_MASKED_EQ"}};
    calls.push_back(
        {{"names", {"clone"}}, {"action", "SCMP_ACT_ERRNO"}, {"args", json::array({argument})}});
  }
  return {{"defaultAction", "SCMP_ACT_ALLOW"}, {"syscalls", calls}};
}

/// Below the task's own groups, which limit and count. With version 1 runc starts from the groups
/// it is in itself; with version 2 from the root of what is mounted.
std::string groups_path(const Order& order) {
  std::string name = "berth-" + wire::assignment_text(order.assignment);
  constexpr std::string_view kMount = "/sys/fs/cgroup";
  const std::string& unified = order.cgroups.unified;
  if (!order.cgroups.v2 || unified.compare(0, kMount.size(), kMount) != 0) return name;
  return unified.substr(kMount.size()) + "/" + wire::assignment_text(order.assignment) + "/" + name;
}

json make_linux(const Order& order) {
  json namespaces = json::array();
  for (const char* type : {"pid", "ipc", "uts", "mount"})
    namespaces.push_back({{"type", type}});
  if (!order.network) namespaces.push_back({{"type", "network"}});
  return {
      {"namespaces", namespaces},
      {"cgroupsPath", groups_path(order)},
      {"resources", {{"devices", json::array({{{"allow", false}, {"access", "rwm"}}})}}},
      {"seccomp", make_seccomp()},
      {"maskedPaths",
       {"/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware"}},
      {"readonlyPaths",
       {"/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
}

}  // namespace

std::string make_config(
    const Order& order, const Image& image, const std::string& rootfs, bool read_only) {
  json config = {
      {"ociVersion", "1.0.2"},
      {"hostname", "job-" + std::to_string(order.assignment.job.value)},
      {"root", {{"path", rootfs}, {"readonly", read_only}}},
      {"process", make_process(order, image)},
      {"mounts", make_mounts(order, image)},
      {"linux", make_linux(order)}};
  // Names and values may be bytes of any kind; runc wants UTF-8.
  return config.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace berth::agent
