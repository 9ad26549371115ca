#include "agent/runner/engine/oom_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "agent/proc_file.h"

namespace berth::agent {

namespace fs = std::filesystem;

namespace {

/// The signal of a removal comes a little after it, from the kernel's own worker.
constexpr int kSecondSignalMs = 100;

/// Below the hierarchy's mount: of Docker without and with systemd, and of Podman.
struct GroupPlace {
  const char* before;
  const char* after;
};
constexpr GroupPlace kPlaces[] = {
    {"docker/", ""},
    {"system.slice/docker-", ".scope"},
    {"machine.slice/libpod-", ".scope"},
    {"libpod_parent/libpod-", ""}};

}  // namespace

bool OomWatch::look_for(const std::string& id, const fs::path& root) {
  if (id.empty()) return false;
  if (!hierarchy_) hierarchy_ = find_own_group(root, "memory");
  if (!hierarchy_) return false;
  for (const GroupPlace& place : kPlaces) {
    std::error_code error;
    const fs::path group = hierarchy_->mount / (place.before + id + place.after);
    if (!events_ && fs::is_directory(group, error)) begin_in(group, hierarchy_->v2);
  }
  return static_cast<bool>(events_);
}

void OomWatch::begin(uint64_t pid, const std::string& id, const fs::path& root) {
  const std::string process = std::to_string(pid);
  const std::optional<OwnGroup> found = find_group(root, process, "memory");
  // Of another machine's engine we would see another process.
  if (pid == 0 || id.empty() || !found || found->own.string().find(id) == std::string::npos) return;
  begin_in(found->own, found->v2);
}

void OomWatch::begin_in(const fs::path& group, bool v2) {
  group_.reset(open(group.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!group_) return;
  v2_ = v2;
  v2_ ? begin_v2(group) : begin_v1();
  killed_ = counted();
}

void OomWatch::begin_v1() {
  Fd control(openat(group_.get(), "memory.oom_control", O_RDONLY | O_CLOEXEC));
  events_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const std::string wanted = std::to_string(events_.get()) + " " + std::to_string(control.get());
  if (!write_at(group_.get(), "cgroup.event_control", wanted)) events_.reset();
}

void OomWatch::begin_v2(const fs::path& group) {
  events_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (inotify_add_watch(events_.get(), (group / "memory.events").c_str(), IN_MODIFY) < 0)
    events_.reset();
}

void OomWatch::heard() {
  signals_ += take_signals();
  // A group that is there has not been removed: this was no signal of that.
  if (counted() || (!v2_ && signals_ > 0 && group_is_there())) killed_ = true;
}

bool OomWatch::killed() {
  if (!events_ || killed_) return killed_;
  heard();
  if (v2_ || killed_) return killed_;
  if (signals_ == 1) {  // of the removal, or that of the removal is still to come
    pollfd more = {events_.get(), POLLIN, 0};
    (void)poll(&more, 1, kSecondSignalMs);
    heard();
  }
  return killed_ || signals_ > 1;
}

/// Leaves nothing to be read.
uint64_t OomWatch::take_signals() const {
  char block[4096];
  uint64_t count = 0;
  if (!v2_) return read(events_.get(), &count, sizeof count) == sizeof count ? count : 0;
  while (read(events_.get(), block, sizeof block) > 0)
    continue;
  return 0;
}

bool OomWatch::group_is_there() const {
  return read_file_at(group_.get(), "memory.oom_control").has_value();
}

bool OomWatch::counted() const {
  const char* file = v2_ ? "memory.events" : "memory.oom_control";
  const std::optional<std::string> text = read_file_at(group_.get(), file);
  const size_t at = text ? ("\n" + *text).find("\noom_kill ") : std::string::npos;
  if (at == std::string::npos) return false;
  return parse_number(std::string_view(*text).substr(at + 9)).value_or(0) > 0;
}

}  // namespace berth::agent
