#include "agent/runner/task/template.h"

#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>

#include "agent/runner/small_file.h"

namespace berth::agent {

namespace {

constexpr size_t kDescriptors = 2;

/// False: the agent has gone.
bool receive(TemplateRequest& request, Fd& task, Fd& order) {
  alignas(cmsghdr) char control[CMSG_SPACE(kDescriptors * sizeof(int))];
  iovec bytes{&request, sizeof request};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = recvmsg(kTemplateSocket, &message, MSG_CMSG_CLOEXEC);
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) return false;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_len != CMSG_LEN(kDescriptors * sizeof(int))) return true;
  int fds[kDescriptors];
  std::memcpy(fds, CMSG_DATA(header), sizeof fds);
  task.reset(fds[0]);
  order.reset(fds[1]);
  return true;
}

void answer(const TemplateAnswer& told, int pidfd) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  TemplateAnswer copy = told;
  iovec bytes{&copy, sizeof copy};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (pidfd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &pidfd, sizeof pidfd);
  }
  (void)sendmsg(kTemplateSocket, &message, MSG_NOSIGNAL);  // an agent that is gone needs none
}

void show(const TemplateRequest& request, char* title, size_t title_bytes) {
  std::string text = std::string(request.recover ? "recover " : "run ") + request.name;
  std::memset(title, 0, title_bytes);
  std::memcpy(title, text.data(), std::min(text.size(), title_bytes - 1));
}

}  // namespace

void serve_template(int (*supervise)(std::string_view mode), char* title, size_t title_bytes) {
  sigset_t watched;
  sigemptyset(&watched);
  // Not for us but for those that are forked: a stop may come before they look.
  for (int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP})
    sigaddset(&watched, signal);
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  Fd children(signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK));
  while (true) {
    pollfd fds[] = {{kTemplateSocket, POLLIN, 0}, {children.get(), POLLIN, 0}};
    if (poll(fds, std::size(fds), -1) < 0 && errno != EINTR) return;
    signalfd_siginfo info{};
    while (read(children.get(), &info, sizeof info) > 0)
      continue;
    while (waitpid(-1, nullptr, WNOHANG) > 0)
      continue;
    if (fds[0].revents == 0) continue;
    TemplateRequest request;
    Fd task;
    Fd order;
    if (!receive(request, task, order)) return;
    if (!task || !order) continue;
    int pidfd = -1;
    clone_args args{};
    args.flags = CLONE_PIDFD;
    args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    int pid = static_cast<int>(syscall(SYS_clone3, &args, sizeof args));
    if (pid == 0) {
      (void)setsid();  // a child leads nothing yet: cannot fail
      show(request, title, title_bytes);
      children.reset();
      bool ready = fchdir(task.get()) == 0 && dup2(order.get(), kTemplateSocket) >= 0;
      _exit(ready ? supervise(request.recover ? "recover" : "run") : 1);
    }
    answer({pid}, pidfd);
    if (pidfd >= 0) close(pidfd);
  }
}

}  // namespace berth::agent
