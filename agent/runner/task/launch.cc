#include "agent/runner/task/launch.h"

#include <grp.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace berth::agent {

namespace {

constexpr int kExitNotExecuted = 127;  // seen by nobody: the verdict is what counts

void put_streams(const Stdio& stdio, int verdict) {
  bool put = dup2(stdio.in, 0) == 0 && dup2(stdio.out, 1) == 1 && dup2(stdio.err, 2) == 2;
  if (!put)
    give_up(verdict, wire::ErrorClass::Refused, "cannot set its streams up: " + error_text(errno));
}

void reset_signals() {
  for (int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGQUIT, SIGUSR1, SIGUSR2})
    ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Where no control group limits memory, the kernel refuses a process more address space instead.
void limit_memory(const Order& order, int verdict) {
  if (order.memory_bytes == 0 || !order.cgroups.memory.empty()) return;
  rlimit limit{order.memory_bytes, order.memory_bytes};
  if (setrlimit(RLIMIT_AS, &limit) == 0) return;
  give_up(verdict, wire::ErrorClass::Refused, "cannot limit its memory: " + error_text(errno));
}

void enter_directory(const Order& order, int verdict) {
  bool own = order.working_dir.empty();
  std::string path = own ? order.task_dir + "/work" : order.working_dir;
  if (chdir(path.c_str()) == 0) return;
  std::string why = own ? "cannot enter its own directory '" : "cannot enter working_dir '";
  why += path + "': " + error_text(errno);
  why += own ? "; let the task's user pass through the directories above it"
             : "; make it on this worker for the task's user, or leave working_dir out";
  give_up(verdict, wire::ErrorClass::Refused, why);
}

void filter_calls(const Order& order, int verdict) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    give_up(verdict, wire::ErrorClass::Refused, "cannot set no_new_privs: " + error_text(errno));
  if (order.seccomp.empty()) return;
  sock_fprog program{};
  program.len = static_cast<unsigned short>(order.seccomp.size() / sizeof(sock_filter));
  program.filter = reinterpret_cast<sock_filter*>(const_cast<uint8_t*>(order.seccomp.data()));
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
    give_up(verdict, wire::ErrorClass::Refused, "cannot filter its calls: " + error_text(errno));
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts)
    all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

std::string remedy(int error) {
  switch (error) {
    case ENOENT:
      return "; install it on the workers, give its full path, or set PATH in the job's env";
    case EACCES:
      return "; make it executable for the task's user, and not on a file system mounted noexec";
    case ENOEXEC: return "; it has no #! line and is no program of this machine";
    case E2BIG: return "; make command and env shorter";
    default: return "";
  }
}

}  // namespace

Verdict parse_verdict(const std::string& bytes) {
  Verdict verdict;
  if (bytes.empty() || parse_told(bytes, verdict)) return verdict;
  return {wire::ErrorClass::Refused, 0, "it was ended while it was being started"};
}

void give_up(int verdict, wire::ErrorClass error, const std::string& message) {
  write_told(verdict, Verdict{error, 0, message});
  _exit(kExitNotExecuted);
}

int spawn_child(const TaskCgroup& cgroup, uint64_t flags, TaskChild& child, Fd& verdict_writer) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  child.verdict.reset(ends[0]);
  verdict_writer.reset(ends[1]);
  int pidfd = -1;
  clone_args args{};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (cgroup.unified_fd() >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup.unified_fd());
  }
  int pid = static_cast<int>(syscall(SYS_clone3, &args, sizeof args));
  if (pid <= 0) return pid;
  child.pid = pid;
  child.pidfd.reset(pidfd);
  verdict_writer.reset();
  return pid;
}

void switch_user(const Order& order, int verdict) {
  if (!order.switch_user) return;
  std::vector<gid_t> groups(order.groups.begin(), order.groups.end());
  bool switched = setgroups(groups.size(), groups.data()) == 0 &&
                  setresgid(order.gid, order.gid, order.gid) == 0 &&
                  setresuid(order.uid, order.uid, order.uid) == 0;
  if (switched) return;
  give_up(
      verdict,
      wire::ErrorClass::Refused,
      "cannot become user " + std::to_string(order.uid) + ": " + error_text(errno) +
          "; run the agent as root, or without --run-as");
}

void execute_task(const Order& order, const Stdio& stdio, int verdict) {
  (void)setsid();  // fails only for who leads one already
  put_streams(stdio, verdict);
  limit_memory(order, verdict);
  if (order.runner == wire::Runner::Process) switch_user(order, verdict);
  // After the change of user, which forgets it. If the supervisor is killed, so is its task.
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  enter_directory(order, verdict);
  filter_calls(order, verdict);
  reset_signals();

  std::vector<char*> argv = pointers(order.argv);
  std::vector<char*> env = pointers(order.env);
  environ = env.data();  // execvp looks for PATH there: the job's own
  execvp(argv[0], argv.data());
  int error = errno;
  give_up(
      verdict,
      wire::ErrorClass::Refused,
      "cannot execute '" + order.argv[0] + "': " + error_text(error) + remedy(error));
}

}  // namespace berth::agent
