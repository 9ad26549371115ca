// The runner `container`: an OCI bundle, made by `berth-image` in the task's directory, and runc.
//
// `runc create` leaves the container's first process without a parent, so the supervisor, as the
// reaper of all below it, gets it as a child and can wait for it like for any other.

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "agent/runner/task/launch.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace {

constexpr size_t kMessageBytesMax = 2'000;

std::string runc_root(const Order& order) {
  return order.state_dir + "/tasks/.runc";
}

std::vector<std::string> runc(const Order& order, const std::vector<std::string>& words) {
  std::vector<std::string> argv = {
      "runc", "--root", runc_root(order), "--log", order.task_dir + "/runc.log"};
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

/// Runs a program to its end. -1: it could not be, or died by a signal.
int run(const std::vector<std::string>& argv, const Stdio& stdio) {
  int pid = fork();
  if (pid < 0) return -1;
  if (pid == 0) {
    std::vector<char*> words;
    for (const std::string& word : argv)
      words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    dup2(stdio.in, 0);
    dup2(stdio.out, 1);
    dup2(stdio.err, 2);
    execvp(words[0], words.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// The last thing that runc complained of, without time and level.
std::string last_complaint(const Order& order) {
  std::string log = read_file_at(AT_FDCWD, (order.task_dir + "/runc.log").c_str()).value_or("");
  size_t at = log.rfind("msg=\"");
  if (at == std::string::npos) return "no reason given";
  std::string text = log.substr(at + 5, kMessageBytesMax);
  size_t end = text.find("\"\n");
  text = text.substr(0, end);
  for (size_t quote; (quote = text.find("\\\"")) != std::string::npos;)
    text.erase(quote, 1);
  return text;
}

/// What runc says of a command that is not in the image is about the job, not about the image.
wire::ErrorClass class_of(const std::string& complaint) {
  bool command = complaint.find("exec:") != std::string::npos ||
                 complaint.find("chdir to cwd") != std::string::npos;
  return command ? wire::ErrorClass::Refused : wire::ErrorClass::Image;
}

void make_bundle(const Order& order, const Stdio& nowhere, int verdict) {
  std::string path = order.task_dir + "/image.log";
  Fd log(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  Stdio stdio{nowhere.in, log.get(), log.get()};
  int code = run({order.image_helper, order.task_dir}, stdio);
  if (code == 0) return;
  std::string why = read_file_at(AT_FDCWD, path.c_str()).value_or("").substr(0, kMessageBytesMax);
  while (!why.empty() && why.back() == '\n')
    why.pop_back();
  if (why.empty()) why = order.image_helper + " failed with " + std::to_string(code);
  give_up(verdict, wire::ErrorClass::Image, why);
}

[[noreturn]] void create_and_start(const Order& order, const Stdio& stdio, int verdict) {
  Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  Stdio nowhere{null.get(), null.get(), null.get()};
  // What is mounted for the container ends with the last process that sees it, however that ends.
  bool alone =
      unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0;
  if (!alone)
    give_up(
        verdict, wire::ErrorClass::Refused, "cannot have mounts of its own: " + error_text(errno));
  make_bundle(order, nowhere, verdict);
  std::string pid_file = order.task_dir + "/runc.pid";
  std::string bundle = order.task_dir + "/bundle";
  std::string name = container_name(order);
  int code = run(runc(order, {"create", "--bundle", bundle, "--pid-file", pid_file, name}), stdio);
  if (code == 0) code = run(runc(order, {"start", name}), nowhere);
  if (code != 0) {
    std::string why = last_complaint(order);
    give_up(verdict, class_of(why), "runc cannot start image '" + order.image + "': " + why);
  }
  Verdict started;
  started.pid = atoi(read_file_at(AT_FDCWD, pid_file.c_str()).value_or("0").c_str());
  write_told(verdict, started);
  _exit(0);
}

}  // namespace

std::string container_name(const Order& order) {
  return "berth-" + wire::assignment_text(order.assignment);
}

std::string launch_container(
    const Order& order, const TaskCgroup& cgroup, const Stdio& stdio, TaskChild& child) {
  Fd verdict;
  int pid = spawn_child(cgroup, 0, child, verdict);
  if (pid < 0) return "cannot make a process: " + error_text(errno);
  if (pid > 0) return {};
  if (!cgroup.enter())
    give_up(
        verdict.get(),
        wire::ErrorClass::Refused,
        "cannot enter its control group: " + error_text(errno));
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  create_and_start(order, stdio, verdict.get());
}

bool delete_container(const Order& order) {
  Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  Stdio nowhere{null.get(), null.get(), null.get()};
  if (!order.engine_socket.empty())
    return run({order.engine_helper, "remove", order.task_dir}, nowhere) == 0;
  // Already gone is what we want; what is not shows in its control group.
  (void)run(runc(order, {"delete", "--force", container_name(order)}), nowhere);
  return true;
}

}  // namespace berth::agent
