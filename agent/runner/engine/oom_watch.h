#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/own_group.h"
#include "agent/runner/small_file.h"

namespace berth::agent {

/// Hears from the kernel itself that it killed in a container, at the container's memory limit. An
/// engine tells so too, but not when the container ends before the engine has heard of it:
/// https://github.com/containerd/containerd/issues/8180
///
/// Version 1 signals an eventfd at each such moment, and once more when the group is removed;
/// version 2 modifies `memory.events`.
///
/// It has to watch before the container does anything: one may be killed, and its group be gone, in
/// less time than an engine needs to tell where it runs. So the group is looked for where engines
/// make them while the container is being started, and else found by its first process.
///
/// Threads  one; `killed` blocks for 100 ms at most
/// Errors   a container whose group is not to be seen from here is not watched, and was not killed
class OomWatch {
 public:
  /// Begins to watch the group of container `id`, if an engine has made it by now and where engines
  /// do. False: not yet, or never.
  bool look_for(const std::string& id, const std::filesystem::path& root = "/");
  /// Begins to watch the group of process `pid`, if it is one of container `id`.
  void begin(uint64_t pid, const std::string& id, const std::filesystem::path& root = "/");
  /// Wants `heard` when it is readable; -1: it watches nothing.
  int fd() const { return events_.get(); }
  void heard();
  /// Once the container has ended.
  bool killed();

 private:
  void begin_in(const std::filesystem::path& group, bool v2);
  void begin_v1();
  void begin_v2(const std::filesystem::path& group);
  uint64_t take_signals() const;
  bool group_is_there() const;
  bool counted() const;

  std::optional<OwnGroup> hierarchy_;  // once it is looked for
  Fd group_;
  Fd events_;  // an eventfd or an inotify
  bool v2_ = false;
  bool killed_ = false;
  uint64_t signals_ = 0;  // of version 1, of which one may be the removal
};

}  // namespace berth::agent
