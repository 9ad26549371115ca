#include "agent/runner/task/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <ctime>

#include "agent/runner/remove_tree.h"
#include "agent/runner/task/artifacts.h"
#include "agent/runner/task/descendants.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace {

constexpr int kCheckpointedCode = 85;
/// A process may sit in a call of the kernel that no signal ends. It is left to the machine then.
constexpr int64_t kKillPatienceMs = 10'000;

int64_t now_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

const char* signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? name : "?";
}

}  // namespace

Supervisor::Supervisor(const Order& order, size_t progress_offset, int directory, int order_file)
    : order_(order),
      progress_offset_(progress_offset),
      directory_(directory),
      order_file_(order_file),
      cgroup_(order.cgroups, wire::assignment_text(order.assignment)),
      out_(directory, "stdout", order.output_bytes_max),
      err_(directory, "stderr", order.output_bytes_max) {
  result_.assignment = order.assignment;
}

TaskResult Supervisor::run() {
  note_progress(false);
  std::string problem = prepare();
  if (problem.empty()) problem = launch();
  if (problem.empty()) {
    watch();
  } else {
    result_.error = wire::ErrorClass::Refused;
    explain(problem);
  }
  end_all();
  measure();
  judge();
  collect();
  return std::move(result_);
}

TaskResult Supervisor::recover() {
  // Not the number of the one that died: an agent that starts now has to wait for this one.
  std::string file = read_file_at(directory_, "order").value_or("");
  note_progress(decode_progress(file).started);
  cgroup_.open_existing();
  // If not: the next agent looks for those that are left.
  if (order_.runner == wire::Runner::Container) (void)delete_container(order_);
  GroupUsage used;
  int64_t give_up_at = now_ms() + kKillPatienceMs;
  while (now_ms() < give_up_at) {
    cgroup_.kill();
    bool marked = kill_marked(order_.task_dir) > 0;
    GroupUsage seen = cgroup_.usage();
    if (seen.cpu_ms) used.cpu_ms = seen.cpu_ms;
    if (seen.memory_peak_bytes) used.memory_peak_bytes = seen.memory_peak_bytes;
    // They are not our children: one that is ending is not listed any more, and still in the way.
    // One that no signal ends keeps its group; nothing else can be done.
    if (!marked && !cgroup_.populated() && cgroup_.remove()) break;
    poll(nullptr, 0, 1);
  }
  result_.error = wire::ErrorClass::Lost;
  result_.message =
      "the supervisor of the task ended without a result, as if it was killed or the machine went "
      "down; what was left of the task was killed";
  result_.usage.cpu_ms = used.cpu_ms.value_or(0);
  result_.usage.memory_peak_bytes = used.memory_peak_bytes.value_or(0);
  keep_stream(directory_, order_.task_dir, "stdout", result_.outputs);
  keep_stream(directory_, order_.task_dir, "stderr", result_.outputs);
  (void)remove_tree_at(directory_, "bundle");
  (void)remove_tree_at(directory_, "work");
  return std::move(result_);
}

/// For an agent that starts while the task runs.
void Supervisor::note_progress(bool started) const {
  std::string bytes = encode_progress({static_cast<uint32_t>(getpid()), started});
  // A full disk: such an agent waits for the lock instead.
  (void)!pwrite(order_file_, bytes.data(), bytes.size(), static_cast<off_t>(progress_offset_));
}

std::string Supervisor::prepare() {
  // What a task leaves behind becomes our child, and can be ended.
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);  // since Linux 3.4
  sigset_t watched;
  sigemptyset(&watched);
  for (int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE})
    sigaddset(&watched, signal);
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  sigdelset(&watched, SIGPIPE);
  signals_.reset(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return "cannot watch signals: " + error_text(errno);

  if (mkdirat(directory_, "work", 0700) != 0 && errno != EEXIST)
    return "cannot make its directory: " + error_text(errno);
  if (order_.switch_user &&
      fchownat(directory_, "work", order_.uid, order_.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return "cannot give its directory to user " + std::to_string(order_.uid) + ": " +
           error_text(errno);
  std::string problem = cgroup_.make(order_);
  if (problem.empty()) problem = out_.open();
  if (problem.empty()) problem = err_.open();
  return problem;
}

/// A file in memory: the task may read as slowly as it likes, or seek.
int Supervisor::open_stdin(std::string& problem) {
  if (order_.stdin_text.empty()) return open("/dev/null", O_RDONLY | O_CLOEXEC);
  int file = memfd_create("stdin", MFD_CLOEXEC);
  if (file < 0 || !write_all(file, order_.stdin_text) || lseek(file, 0, SEEK_SET) != 0)
    problem = "cannot keep its standard input: " + error_text(errno);
  return file;
}

std::string Supervisor::launch() {
  std::string problem;
  Fd in(open_stdin(problem));
  if (!problem.empty()) return problem;
  Stdio stdio{in.get(), out_.writer(), err_.writer()};
  started_ms_ = now_ms();
  if (order_.timeout_ms > 0) timeout_at_ms_ = started_ms_ + order_.timeout_ms;
  switch (order_.runner) {
    case wire::Runner::Container:
      problem = by_engine() ? launch_engine(order_, cgroup_, stdio, child_)
                            : launch_container(order_, cgroup_, stdio, child_);
      break;
    case wire::Runner::Sandbox: problem = launch_sandbox(order_, cgroup_, stdio, child_); break;
    default: problem = launch_process(order_, cgroup_, stdio, child_);
  }
  out_.close_writer();
  err_.close_writer();
  return problem;
}

void Supervisor::watch() {
  while (!status_ || child_.verdict) {
    pollfd fds[] = {
        {signals_.get(), POLLIN, 0},
        {child_.verdict.get(), POLLIN, 0},  // -1 is passed over
        {out_.reader(), POLLIN, 0},
        {err_.reader(), POLLIN, 0}};
    int64_t wait = next_wait_ms();
    if (poll(fds, std::size(fds), static_cast<int>(wait)) < 0 && errno != EINTR) {
      explain("cannot wait for it: " + error_text(errno));
      return;
    }
    if (fds[2].revents != 0) out_.on_readable();
    if (fds[3].revents != 0) err_.on_readable();
    // Before signals: whether it was executed decides what its end means.
    if (fds[1].revents != 0) on_verdict();
    if (fds[0].revents != 0) on_signals();
    on_time();
  }
}

int64_t Supervisor::next_wait_ms() const {
  int64_t next = INT64_MAX;
  if (kill_at_ms_ > 0) {
    next = kill_at_ms_;
  } else if (timeout_at_ms_ > 0 && stop_reason_ == wire::ErrorClass::None) {
    next = timeout_at_ms_;
  }
  if (next == INT64_MAX) return -1;
  return std::clamp<int64_t>(next - now_ms(), 0, 1'000'000);
}

void Supervisor::on_time() {
  int64_t now = now_ms();
  if (kill_at_ms_ > 0 && now >= kill_at_ms_) {
    kill_all();
    kill_at_ms_ = now + 100;  // what forked just then
  } else if (timeout_at_ms_ > 0 && now >= timeout_at_ms_) {
    stop(wire::ErrorClass::Timeout);
  }
}

void Supervisor::on_verdict() {
  char block[1024];
  ssize_t n = read(child_.verdict.get(), block, sizeof block);
  if (n > 0) verdict_bytes_.append(block, static_cast<size_t>(n));
  if (n > 0 || (n < 0 && errno == EINTR)) return;
  child_.verdict.reset();
  Verdict verdict = parse_verdict(verdict_bytes_);
  if (verdict.error != wire::ErrorClass::None) {
    result_.error = verdict.error;
    explain(verdict.message);
    status_ = status_.value_or(0);
    return;
  }
  if (verdict.pid > 0) {
    child_.pid = verdict.pid;
    child_.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, verdict.pid, 0)));
    status_.reset();
    auto early = ended_.find(verdict.pid);
    if (early != ended_.end()) on_main_ended(early->second);
  }
  on_started();
}

void Supervisor::on_started() {
  executed_ = true;
  note_progress(true);
  StartedEvent event{
      order_.assignment.job.value, order_.assignment.epoch, order_.assignment.attempt};
  std::string path = std::string("../") + kEventPipe;
  // No agent there, or one that is behind: it learns of it from the progress, or the result.
  Fd pipe(openat(directory_, path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (pipe) (void)!write(pipe.get(), &event, sizeof event);
  if (stop_reason_ != wire::ErrorClass::None) terminate();
}

void Supervisor::on_signals() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;
    bool from_agent = info.ssi_code == SI_QUEUE && info.ssi_int > 0;
    stop(from_agent ? static_cast<wire::ErrorClass>(info.ssi_int) : wire::ErrorClass::Aborted);
  }
  reap();
}

void Supervisor::reap() {
  int status = 0;
  while (int pid = waitpid(-1, &status, WNOHANG)) {
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return;
    if (child_.verdict && pid != child_.pid) ended_[pid] = status;
    if (pid == child_.pid) on_main_ended(status);
  }
}

void Supervisor::on_main_ended(int status) {
  status_ = status;
  ended_ms_ = now_ms();
  if (!child_.status) return;
  if (by_engine()) return on_report();
  int inner = 0;
  if (read(child_.status.get(), &inner, sizeof inner) == sizeof inner) status_ = inner;
}

/// berth-engine has ended. What it says of the container takes the place of its own status.
void Supervisor::on_report() {
  // All of it is in the pipe, whose other end went with its writer.
  (void)fcntl(child_.status.get(), F_SETFL, O_NONBLOCK);
  EngineReport report;
  if (!parse_told(read_all(child_.status.get()).value_or(""), report)) {
    if (stop_reason_ == wire::ErrorClass::None && executed_)
      report.problem = "berth-engine, which stood for its container, was killed";
  } else if (report.problem.empty()) {
    bool by_signal = report.exit_code > 128 && report.exit_code < 128 + NSIG;
    status_ = by_signal ? report.exit_code - 128 : (report.exit_code & 0xFF) << 8;
    usage_.oom_kills = report.oom_killed ? 1 : 0;
  }
  usage_.cpu_ms = report.cpu_ms;
  usage_.memory_peak_bytes = report.memory_peak_bytes;
  if (report.problem.empty()) return;
  result_.error = wire::ErrorClass::Lost;
  explain(report.problem);
}

void Supervisor::stop(wire::ErrorClass reason) {
  if (stop_reason_ != wire::ErrorClass::None) return;
  stop_reason_ = reason;
  // berth-engine keeps the grace, and has its outputs to hand on after that.
  kill_at_ms_ = now_ms() + order_.kill_grace_ms + (by_engine() ? kKillPatienceMs : 0);
  // Not executed yet: it gets its TERM when it is, or is killed at the end of its grace.
  if (!child_.verdict) terminate();
}

void Supervisor::terminate() const {
  bool one = order_.runner != wire::Runner::Process;  // its first process speaks for the rest
  if (!one && cgroup_.signal_all(SIGTERM)) return;
  (void)syscall(SYS_pidfd_send_signal, child_.pidfd.get(), SIGTERM, nullptr, 0);
  if (!one) signal_descendants(SIGTERM);
}

void Supervisor::kill_all() const {
  cgroup_.kill();
  signal_descendants(SIGKILL);
}

/// Whatever outlives the task: children it forgot, daemons it made.
void Supervisor::end_all() {
  if (order_.runner == wire::Runner::Container) {
    // runc removes its groups, and with them what they counted; an engine has told.
    if (!by_engine()) usage_ = cgroup_.usage();
    if (!delete_container(order_))
      explain("its container could not be removed, which the next agent tries again");
  }
  int64_t give_up_at = now_ms() + kKillPatienceMs;
  int status = 0;
  while (true) {
    int pid = waitpid(-1, &status, WNOHANG);
    if (pid > 0 || (pid < 0 && errno == EINTR)) continue;
    if (pid < 0) break;  // no child, and so no descendant
    if (now_ms() >= give_up_at) {
      explain("some of its processes could not be killed and are left");
      break;
    }
    kill_all();
    // SIGCHLD is read through signals_, so a wait for one that ends is a poll.
    pollfd fd{signals_.get(), POLLIN, 0};
    (void)poll(&fd, 1, 20);
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) > 0)
      continue;
  }
}

void Supervisor::measure() {
  if (order_.runner != wire::Runner::Container) usage_ = cgroup_.usage();
  result_.usage.wall_ms =
      started_ms_ > 0 ? static_cast<uint64_t>((ended_ms_ > 0 ? ended_ms_ : now_ms()) - started_ms_)
                      : 0;
  rusage children{};
  (void)getrusage(RUSAGE_CHILDREN, &children);
  auto ms = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec * 1000 + time.tv_usec / 1000);
  };
  result_.usage.cpu_ms = usage_.cpu_ms.value_or(ms(children.ru_utime) + ms(children.ru_stime));
  result_.usage.memory_peak_bytes =
      usage_.memory_peak_bytes.value_or(static_cast<uint64_t>(children.ru_maxrss) * 1024);
}

void Supervisor::judge() {
  if (result_.error != wire::ErrorClass::None || !status_) return;

  int status = *status_;
  if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
  result_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + result_.signal;
  bool saved = order_.checkpointable && result_.exit_code == kCheckpointedCode &&
               stop_reason_ != wire::ErrorClass::Aborted;
  if (saved) {
    result_.checkpointed = true;
    result_.error = wire::ErrorClass::Exit;
    explain("it has saved its state and asks to be run again");
  } else if (stop_reason_ != wire::ErrorClass::None) {
    result_.error = stop_reason_;
    explain_stop();
  } else if (result_.exit_code == 0) {
    result_.error = wire::ErrorClass::None;
  } else if (usage_.oom_kills > 0) {
    result_.error = wire::ErrorClass::Oom;
    explain(
        "killed at its memory limit of " + std::to_string(order_.memory_bytes >> 20) +
        " MiB; ask for more memory");
  } else if (result_.signal != 0) {
    result_.error = wire::ErrorClass::Signal;
    explain(
        "ended by signal " + std::to_string(result_.signal) + " (" + signal_name(result_.signal) +
        ")");
  } else {
    result_.error = wire::ErrorClass::Exit;
    explain("ended with exit code " + std::to_string(result_.exit_code));
  }
}

void Supervisor::explain_stop() {
  std::string how = result_.signal == SIGKILL ? " and killed after its grace of " +
                                                    std::to_string(order_.kill_grace_ms) + " ms"
                                              : "";
  if (stop_reason_ == wire::ErrorClass::Timeout) {
    explain("stopped after its timeout of " + std::to_string(order_.timeout_ms) + " ms" + how);
  } else {
    explain("stopped as asked" + how);
  }
}

void Supervisor::collect() {
  for (Capture* stream : {&out_, &err_}) {
    result_.outputs.push_back(stream->finish(order_.task_dir));
    explain(stream->problem());
  }
  if (executed_) {
    explain(keep_artifacts(
        directory_, order_.task_dir, order_.artifacts, order_.artifact_bytes_max, result_.outputs));
  }
  if (!cgroup_.remove()) explain("its control group could not be removed");
  (void)remove_tree_at(directory_, "bundle");
  if (!remove_tree_at(directory_, "work")) explain("its directory could not be emptied");
}

void Supervisor::explain(const std::string& sentence) {
  if (sentence.empty()) return;
  if (!result_.message.empty()) result_.message += "; ";
  result_.message += sentence;
}

}  // namespace berth::agent
