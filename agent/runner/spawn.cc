#include "agent/runner/spawn.h"

#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>

#include <filesystem>
#include <vector>

namespace berth::agent {

namespace fs = std::filesystem;

namespace {

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
  // Its number is not given to another before we have reaped it.
  spawned.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, spawned.pid, 0)));
  if (!spawned.pidfd) spawned.problem = "cannot watch " + helper + ": " + error_text(errno);
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
