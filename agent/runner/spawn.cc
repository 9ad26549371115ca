#include "agent/runner/spawn.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstring>
#include <filesystem>
#include <vector>

#include "agent/runner/task/template.h"

namespace berth::agent {

namespace fs = std::filesystem;

namespace {

constexpr int kTemplatePatienceMs = 5'000;

/// All of them are what the supervisor needs; one that was left out shows in its own checks.
void describe(
    int task, int order, posix_spawn_file_actions_t& actions, posix_spawnattr_t& attributes) {
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, 0, 1);
  posix_spawn_file_actions_adddup2(&actions, 0, 2);
  posix_spawn_file_actions_addfchdir_np(&actions, task);
  posix_spawn_file_actions_adddup2(&actions, order, 3);

  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  // A stop may come before it looks: then it waits for it.
  sigset_t held;
  sigemptyset(&held);
  for (int signal : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&held, signal);
  posix_spawnattr_setsigmask(&attributes, &held);
  sigset_t plain;
  sigfillset(&plain);
  posix_spawnattr_setsigdefault(&attributes, &plain);
}

}  // namespace

Spawned spawn_supervisor(
    const std::string& helper, const char* mode, const std::string& name, int task, int order) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  describe(task, order, actions, attributes);
  std::string argv0 = "berth-task";
  std::string word = mode;
  std::string shown = name;  // for people who look at the list of processes
  char* argv[] = {argv0.data(), word.data(), shown.data(), nullptr};
  std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* env[] = {path.data(), nullptr};
  Spawned spawned;
  int error = posix_spawn(&spawned.pid, helper.c_str(), &actions, &attributes, argv, env);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    spawned.pid = -1;
    spawned.problem = "cannot start " + helper + ": " + error_text(error);
    return spawned;
  }
  spawned.child = true;
  // Its number is not given to another before we have reaped it.
  spawned.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, spawned.pid, 0)));
  if (!spawned.pidfd) spawned.problem = "cannot watch " + helper + ": " + error_text(errno);
  return spawned;
}

SupervisorSource::~SupervisorSource() {
  give_up();
}

void SupervisorSource::make_template() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
  socket_.reset(ends[0]);
  Fd theirs(ends[1]);
  Fd here(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Room for the name of a task in its place.
  Spawned made = spawn_supervisor(
      helper_,
      "template",
      "of berth-agent" + std::string(sizeof(TemplateRequest::name), ' '),
      here.get(),
      theirs.get());
  template_ = made.pid;
  if (made.pid < 0) socket_.reset();
  move(made);
}

/// Those it forks are where it is.
void SupervisorSource::move(const Spawned& spawned) const {
  if (group_.empty() || spawned.pid <= 0) return;
  // One that stays with the agent works as well; systemd will only remark on it.
  (void)write_at(AT_FDCWD, (group_ + "/cgroup.procs").c_str(), std::to_string(spawned.pid));
}

/// It ends by itself, when it sees that we are gone.
void SupervisorSource::give_up() {
  socket_.reset();
  if (template_ > 0) (void)waitpid(template_, nullptr, 0);  // our child
  template_ = -1;
}

bool SupervisorSource::ask(bool recover, const std::string& name, int task, int order) {
  TemplateRequest request;
  request.recover = recover;
  name.copy(request.name, sizeof request.name - 1);
  int fds[] = {task, order};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
  iovec bytes{&request, sizeof request};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(header), fds, sizeof fds);
  return sendmsg(socket_.get(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof request);
}

void SupervisorSource::hear(Spawned& spawned) {
  TemplateAnswer told;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec bytes{&told, sizeof told};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  pollfd fd{socket_.get(), POLLIN, 0};
  ssize_t n = -1;
  errno = ETIMEDOUT;
  if (poll(&fd, 1, kTemplatePatienceMs) > 0) n = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  if (n != static_cast<ssize_t>(sizeof told)) {
    // Reset: it ended, and what we asked for had not been read. Any other end leaves a doubt.
    spawned.unknown = n >= 0 || errno != ECONNRESET;
    return;
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (told.pid <= 0 || header == nullptr) return;  // it could not fork, and nothing was started
  int pidfd = -1;
  std::memcpy(&pidfd, CMSG_DATA(header), sizeof pidfd);
  spawned.pid = told.pid;
  spawned.pidfd.reset(pidfd);
}

Spawned SupervisorSource::start(const char* mode, const std::string& name, int task, int order) {
  Spawned spawned;
  if (!socket_) make_template();
  bool recover = std::string_view(mode) == "recover";
  if (socket_ && ask(recover, name, task, order)) {
    hear(spawned);
    if (spawned.pid > 0) return spawned;
  }
  if (template_ > 0) kill(template_, SIGKILL);
  give_up();
  if (spawned.unknown) return spawned;
  spawned = spawn_supervisor(helper_, mode, name, task, order);
  move(spawned);
  return spawned;
}

std::string find_helpers(const std::string& wanted, std::string& problem) {
  std::error_code error;
  fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::vector<fs::path> places = {here, here.parent_path() / "libexec/berth"};
  if (!wanted.empty()) places = {wanted};
  for (const fs::path& place : places) {
    if (access((place / "berth-task").c_str(), X_OK) == 0) return place.string();
  }
  problem = "the program berth-task, which runs tasks, is not in " + places[0].string();
  if (places.size() > 1) problem += " nor in " + places[1].string();
  problem += "; install Berth whole";
  return {};
}

}  // namespace berth::agent
