// The runner `sandbox`: as `process`, and with a user, mount, process, IPC, host name and network
// namespace of its own, and a filter of system calls.
//
// The machine is seen, but read-only; /tmp is private, /home, /root, /run and the agent's state are
// empty; of devices there are null, zero, full, random and tty. Made here and not by bwrap, because
// that keeps TERM from the task, hides by which signal it died, and takes one more execution.

#include <linux/sched.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/runner/task/launch.h"

namespace berth::agent {

namespace {

constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom", "tty"};
constexpr const char* kHidden[] = {"/home", "/root", "/run"};
constexpr const char* kPrivate[] = {"/tmp", "/var/tmp"};

[[noreturn]] void fail(int verdict, const std::string& what) {
  give_up(
      verdict,
      wire::ErrorClass::Refused,
      "cannot make its sandbox: " + what + ": " + error_text(errno));
}

bool make_directories(const std::string& path) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    (void)mkdir(path.substr(0, at).c_str(), 0755);  // the last one tells
  return mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
}

void mount_tmpfs(const std::string& path, const char* options, int verdict) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return;
  if (mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
    fail(verdict, "an empty " + path);
}

void make_read_only(const std::string& path, unsigned flags, uint64_t attributes, int verdict) {
  mount_attr attribute{};
  attribute.attr_set = MOUNT_ATTR_RDONLY | attributes;
  if (mount_setattr(AT_FDCWD, path.c_str(), flags, &attribute, sizeof attribute) != 0)
    fail(verdict, "a read-only " + path);
}

/// A few devices in a directory of their own, attached before /dev disappears under it.
void make_devices(int verdict) {
  Fd nodes[std::size(kDevices)];
  for (size_t i = 0; i < std::size(kDevices); ++i) {
    std::string path = std::string("/dev/") + kDevices[i];
    nodes[i].reset(open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  }
  if (mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k") != 0)
    fail(verdict, "/dev");
  for (size_t i = 0; i < std::size(kDevices); ++i) {
    std::string path = std::string("/dev/") + kDevices[i];
    Fd made(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    if (!nodes[i] || !made) continue;
    if (move_mount(nodes[i].get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
      fail(verdict, path);
  }
  bool linked = symlink("/proc/self/fd", "/dev/fd") == 0 &&
                symlink("/proc/self/fd/0", "/dev/stdin") == 0 &&
                symlink("/proc/self/fd/1", "/dev/stdout") == 0 &&
                symlink("/proc/self/fd/2", "/dev/stderr") == 0 && mkdir("/dev/shm", 01777) == 0;
  if (!linked || mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0)
    fail(verdict, "/dev/shm");
}

void make_view(const Order& order, int verdict) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail(verdict, "its mounts");
  // By the working directory, the task's: a descriptor from before is of the mounts from before.
  Fd own(open_tree(AT_FDCWD, "work", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!own) fail(verdict, "its directory");
  make_read_only("/", AT_RECURSIVE, MOUNT_ATTR_NOSUID, verdict);
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    fail(verdict, "/proc");
  make_devices(verdict);
  for (const char* path : kPrivate)
    mount_tmpfs(path, "mode=1777", verdict);
  for (const char* path : kHidden)
    mount_tmpfs(path, "mode=0755", verdict);

  // Where all tasks are, and of those only ours. It may be below one of the directories above.
  (void)make_directories(order.state_dir);  // the mount tells
  mount_tmpfs(order.state_dir, "mode=0755", verdict);
  std::string path = order.task_dir + "/work";
  if (!make_directories(path) ||
      move_mount(own.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    fail(verdict, path);
  make_read_only(order.state_dir, 0, 0, verdict);
  struct stat status {};
  for (const char* hidden : kHidden) {
    if (lstat(hidden, &status) == 0 && S_ISDIR(status.st_mode))
      make_read_only(hidden, 0, 0, verdict);
  }
}

/// Without it even 127.0.0.1 cannot be reached.
void raise_loopback() {
  Fd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  if (any) (void)ioctl(any.get(), SIOCSIFFLAGS, &request);  // a sandbox is good without it
}

/// The first process of a namespace: reaps, hands TERM on to all, and tells how the task ended.
/// When it ends, the kernel kills whatever is left.
[[noreturn]] void be_init(int task, int status_pipe) {
  (void)prctl(PR_SET_NAME, "berth-init", 0, 0, 0);
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  while (true) {
    int status = 0;
    while (int pid = waitpid(-1, &status, WNOHANG)) {
      if (pid < 0 && errno != EINTR) _exit(0);
      if (pid != task) continue;
      (void)write_all(status_pipe, {reinterpret_cast<const char*>(&status), sizeof status});
      _exit(0);
    }
    siginfo_t info{};
    if (sigwaitinfo(&watched, &info) == SIGTERM) kill(-1, SIGTERM);
  }
}

[[noreturn]] void run_inside(
    const Order& order,
    const TaskCgroup& cgroup,
    const Stdio& stdio,
    int go,
    Fd status,
    Fd verdict) {
  char byte = 0;
  if (read(go, &byte, 1) != 1) _exit(1);  // the supervisor has told why
  if (!cgroup.enter()) fail(verdict.get(), "entering its control group");
  switch_user(order, verdict.get());
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  make_view(order, verdict.get());
  if (!order.network) raise_loopback();
  int task = fork();
  if (task < 0) fail(verdict.get(), "its first process");
  if (task == 0) {
    status.reset();
    execute_task(order, stdio, verdict.get());
  }
  // Only the task's own copies count for the ends of its streams and for the verdict.
  verdict.reset();
  int keep = status.get();
  for (int fd = 0; fd < 64; ++fd)
    if (fd != keep) close(fd);
  be_init(task, keep);
}

/// One user and one group, under the same numbers as outside.
bool map_ids(const Order& order, int pid) {
  std::string proc = "/proc/" + std::to_string(pid) + "/";
  auto line = [](uint32_t id) {
    return std::to_string(id) + " " + std::to_string(id) + " 1\n";
  };
  if (geteuid() != 0 && !write_at(AT_FDCWD, (proc + "setgroups").c_str(), "deny")) return false;
  return write_at(AT_FDCWD, (proc + "uid_map").c_str(), line(order.uid)) &&
         write_at(AT_FDCWD, (proc + "gid_map").c_str(), line(order.gid));
}

}  // namespace

std::string launch_sandbox(
    const Order& order, const TaskCgroup& cgroup, const Stdio& stdio, TaskChild& child) {
  int go[2];
  int status[2];
  if (pipe2(go, O_CLOEXEC) != 0 || pipe2(status, O_CLOEXEC) != 0)
    return "cannot make a pipe: " + error_text(errno);
  Fd go_reader(go[0]), go_writer(go[1]), status_writer(status[1]);
  child.status.reset(status[0]);
  uint64_t flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  if (!order.network) flags |= CLONE_NEWNET;
  Fd verdict;
  int pid = spawn_child(cgroup, flags, child, verdict);
  if (pid < 0)
    return "cannot make its sandbox: " + error_text(errno) +
           "; this kernel has to allow user namespaces";
  if (pid == 0) {
    go_writer.reset();
    run_inside(order, cgroup, stdio, go_reader.get(), std::move(status_writer), std::move(verdict));
  }
  if (!map_ids(order, pid)) {
    std::string why = "cannot map user " + std::to_string(order.uid) + " into its sandbox: ";
    return why + error_text(errno);
  }
  return write_all(go_writer.get(), "g") ? std::string() : "its sandbox ended at once";
}

}  // namespace berth::agent
