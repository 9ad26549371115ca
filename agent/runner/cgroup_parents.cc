#include "agent/runner/cgroup_parents.h"

#include <sys/file.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <sstream>

#include "agent/own_group.h"
#include "agent/proc_file.h"
#include "agent/runner/small_file.h"
#include "core/base/hash.h"

namespace berth::agent {

namespace fs = std::filesystem;

namespace {

/// With those below it: runc makes one of its own.
void remove_empty(const fs::path& group) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(group, error)) {
    if (entry.is_directory(error)) remove_empty(entry.path());
  }
  (void)rmdir(group.c_str());  // what a process is in stays
}

/// Groups of tasks of job 0, with which an agent tries its runners: one that was killed meanwhile
/// leaves them, and nobody else knows of them.
void remove_trials(const fs::path& parent) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    if (entry.path().filename().string().starts_with("0.")) remove_empty(entry.path());
  }
}

/// Null: somebody has it, or it is not there.
Fd lock_group(const fs::path& group, int how) {
  Fd directory(open(group.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory && flock(directory.get(), how) == 0 ? std::move(directory) : Fd();
}

/// The groups of agents that were killed, of other state directories, once their last task has
/// ended.
void remove_abandoned(const fs::path& own, const std::string& name) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(own, error)) {
    std::string other = entry.path().filename().string();
    bool parent = other.size() == cgroup_parent_name("").size() && other.starts_with("berth-") &&
                  std::all_of(other.begin() + 6, other.end(), [](unsigned char c) {
                    return std::isxdigit(c) != 0;
                  });
    if (!parent || other == name) continue;
    Fd lock = lock_group(entry.path(), LOCK_EX | LOCK_NB);
    if (!lock) continue;
    remove_trials(entry.path());
    (void)rmdir(entry.path().c_str());  // a task that goes on keeps it
  }
}

/// The group, made and locked. Null: errno says why.
Fd make_locked(const fs::path& parent) {
  // Another agent may take it for abandoned between the two: then it is made anew.
  for (int i = 0; i < 10; ++i) {
    if (mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) return {};
    Fd lock = lock_group(parent, LOCK_EX);
    struct stat locked {};
    struct stat there {};
    if (lock && fstat(lock.get(), &locked) == 0 && stat(parent.c_str(), &there) == 0 &&
        locked.st_ino == there.st_ino)
      return lock;
  }
  return {};
}

/// Makes the group, and one in it: a task needs that too. Empty: it cannot.
std::string make_below(
    const fs::path& own, const std::string& name, std::vector<Fd>& locks, std::string& problem) {
  fs::path parent = own / name;
  fs::path probe = parent / "probe";
  Fd lock = make_locked(parent);
  bool made = lock && (mkdir(probe.c_str(), 0755) == 0 || errno == EEXIST);
  if (!made) {
    problem = parent.string() + ": " + error_text(errno);
    return {};
  }
  (void)rmdir(probe.c_str());  // an empty group of ours: cannot fail
  locks.push_back(std::move(lock));
  remove_trials(parent);
  remove_abandoned(own, name);
  return parent.string();
}

bool has_word(const std::string& list, const std::string& word) {
  return (" " + list + " ").find(" " + word + " ") != std::string::npos;
}

/// Version 2 hands controllers down only from a group without processes of its own: the agent moves
/// into one below.
std::string hand_down(const fs::path& group, const std::string& controllers) {
  std::string wanted;
  for (const char* each : {"memory", "cpu", "pids"}) {
    if (has_word(controllers, each)) wanted += std::string(wanted.empty() ? "+" : " +") + each;
  }
  std::string control = (group / "cgroup.subtree_control").string();
  if (wanted.empty() || write_at(AT_FDCWD, control.c_str(), wanted)) return {};
  int error = errno;
  fs::path leaf = group / "berth-agent";
  if (error == EBUSY && (mkdir(leaf.c_str(), 0755) == 0 || errno == EEXIST)) {
    std::string procs = (leaf / "cgroup.procs").string();
    if (write_at(AT_FDCWD, procs.c_str(), "0") && write_at(AT_FDCWD, control.c_str(), wanted))
      return {};
    error = errno;
  }
  return control + ": " + error_text(error) +
         "; give the agent a group of its own, as systemd does with Delegate=yes";
}

/// Whoever moves a process has to be allowed to in the nearest group that both are below.
fs::path nearest_common(const fs::path& one, const fs::path& other) {
  fs::path common;
  auto [end, ignored] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  for (auto part = one.begin(); part != end; ++part)
    common /= *part;
  return common;
}

/// Makes room in a group that was given to us: what holds it for us moves into one below, where
/// supervisors go, too. Empty: done.
std::string take_over(const fs::path& own, const fs::path& group) {
  fs::path leaf = group / "berth-agent";
  if (!fs::is_directory(group)) return "there is no group " + group.string();
  fs::path gate = nearest_common(own, group) / "cgroup.procs";
  if (access(gate.c_str(), W_OK) != 0) return gate.string() + ": " + error_text(errno);
  if (mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST)
    return leaf.string() + ": " + error_text(errno);
  std::istringstream held(read_text(group / "cgroup.procs").value_or(""));
  std::string procs = (leaf / "cgroup.procs").string();
  for (std::string pid; std::getline(held, pid);) {
    if (!write_at(AT_FDCWD, procs.c_str(), pid) && errno != ESRCH)
      return procs + ": " + error_text(errno);
  }
  return {};
}

/// All in version 2; empty parents: its controllers are not to be had.
CgroupParents make_v2(
    const fs::path& own, const std::string& name, std::vector<Fd>& locks, std::string& problem) {
  CgroupParents parents;
  fs::path at = own;
  // An earlier life of this agent may have moved below: the groups of its tasks are beside it.
  if (at.filename() == "berth-agent") at = at.parent_path();
  std::string there = read_text(at / "cgroup.controllers").value_or("");
  problem = hand_down(at, there);
  if (!problem.empty()) return parents;
  std::string parent = make_below(at, name, locks, problem);
  if (parent.empty()) return parents;
  parents.unified = parent;
  std::string below = read_text(fs::path(parent) / "cgroup.controllers").value_or("");
  if (has_word(below, "memory")) parents.memory = parent;
  if (has_word(below, "cpu")) parents.cpu = parent;
  if (has_word(below, "pids")) parents.pids = parent;
  parents.v2 = !(parents.memory.empty() && parents.cpu.empty() && parents.pids.empty());
  if (parents.v2) problem = hand_down(parent, below);
  return parents;
}

std::string explain(const CgroupParents& parents, const std::string& problem) {
  std::string limited;
  auto add = [&limited](const std::string& parent, const char* what) {
    if (!parent.empty()) limited += (limited.empty() ? "" : ", ") + std::string(what);
  };
  add(parents.memory, "memory");
  add(parents.cpu, "cpu");
  add(parents.pids, "pids");
  if (limited.empty()) {
    std::string why = "without control groups";
    if (!problem.empty()) why += " (" + problem + ")";
    return why + ": memory is limited per process, cpu and the number of processes are not";
  }
  std::string version = parents.v2 ? "2" : parents.unified.empty() ? "1" : "1 and 2";
  std::string why = "control groups of version " + version + " limit " + limited;
  return problem.empty() ? why : why + ", but not all (" + problem + ")";
}

CgroupPlace make_place_v2(
    const OwnGroup& unified, const std::string& name, const std::string& below) {
  CgroupPlace place;
  std::string elsewhere;  // why not there
  std::string problem;
  if (!below.empty()) {
    fs::path group = unified.mount / fs::path(below).relative_path();
    elsewhere = take_over(unified.own, group);
    if (elsewhere.empty()) place.parents = make_v2(group, name, place.locks, elsewhere);
    if (place.parents.v2) {
      place.supervisors = (group / "berth-agent").string();
      place.why = explain(place.parents, elsewhere) + ", below " + below;
      return place;
    }
  }
  place.parents = make_v2(unified.own, name, place.locks, problem);
  place.why = explain(place.parents, problem);
  if (!below.empty())
    place.why += "; not below " + below + " (" + elsewhere +
                 "), so systemd may have to wait for their end to start the agent again";
  return place;
}

}  // namespace

std::string cgroup_parent_name(const std::string& state_dir) {
  char digits[17];
  auto hash = static_cast<unsigned long long>(core::hash_text(state_dir));
  std::snprintf(digits, sizeof digits, "%016llx", hash);
  return std::string("berth-") + digits;
}

CgroupPlace make_cgroup_parents(
    const std::string& name, const std::string& below, const fs::path& root) {
  CgroupPlace place;
  std::string problem;
  std::optional<OwnGroup> unified = find_own_group(root, "");
  std::optional<OwnGroup> memory = find_own_group(root, "memory");
  bool v2 = unified && (!memory || memory->v2);
  if (v2) return make_place_v2(*unified, name, below);
  auto make = [&](const char* controller) {
    std::optional<OwnGroup> own = find_own_group(root, controller);
    return own && !own->v2 ? make_below(own->own, name, place.locks, problem) : std::string();
  };
  place.parents.memory = make("memory");
  place.parents.cpu = make("cpu");
  place.parents.pids = make("pids");
  std::string ignored;  // without it groups are killed one process after the other
  if (unified) place.parents.unified = make_below(unified->own, name, place.locks, ignored);
  if (!memory && !unified) problem = "none are mounted";
  place.why = explain(place.parents, problem);
  return place;
}

void remove_cgroup_parents(const CgroupParents& parents) {
  for (const std::string* path : {&parents.memory, &parents.cpu, &parents.pids, &parents.unified}) {
    if (path->empty()) continue;
    remove_trials(*path);        // one was perhaps still running when we began
    (void)rmdir(path->c_str());  // a task that goes on keeps it
  }
}

}  // namespace berth::agent
