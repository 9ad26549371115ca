#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/jobs/job.h"
#include "wire/ids.h"

namespace berth::core {

/// Where a job stands: higher priority first, then the earliest deadline (none is latest), then
/// age.
struct JobTurn {
  int32_t priority = 0;
  int64_t deadline_at_ms = 0;  ///< 0: none
  wire::JobId id;              ///< ids grow with age

  friend bool operator==(const JobTurn&, const JobTurn&) = default;
  friend bool operator<(const JobTurn& a, const JobTurn& b);
};

/// The jobs that could run now, in the order in which they should.
///
/// Jobs are divided into classes of those that fit on the same workers. When the first of a class
/// finds no place, the whole class is blocked, and costs nothing until capacity is freed; jobs of
/// other classes behind it go on. When something is freed every class is tried again, best head
/// first, a bounded number at a time.
///
/// Shape    a tree of turns for each class, and two of their heads, open and blocked. Every change
///          is O(log n); `unblock_all` is O(1) when all are blocked, and never more than was
///          blocked
/// Units    turns; an array's elements that wait together have one. `jobs` counts each of them
/// Threads  one owner
/// Memory   about 32 bytes a turn; a class lives while somebody is in it
class DispatchQueue {
 public:
  DispatchQueue();
  ~DispatchQueue();

  /// The class of this key (`append_class_key`); the same key gets the same number while it lives.
  /// The caller adds to it. Once the last has left it, it may still be added to until `class_of` is
  /// called again, and has to be asked for after that.
  JobClass class_of(std::string_view key);
  /// The key of a live class.
  std::string_view key_of(JobClass like) const;

  /// `jobs`: how many wait there, one behind the other, as the elements of an array do.
  void add(JobClass like, JobTurn turn, uint32_t jobs = 1);
  /// Whether it was there; with as many as there are now.
  bool remove(JobClass like, JobTurn turn, uint32_t jobs = 1);
  /// So many of those that wait at one turn of this class are elsewhere now.
  void lessen(JobClass like, uint32_t jobs);

  /// The first of all that are not blocked.
  std::optional<std::pair<JobClass, JobTurn>> next() const;

  /// Nobody has room for the first of this class: nothing of it is `next` until `unblock_all`, and
  /// neither is what is added meanwhile.
  void block(JobClass like);
  /// Capacity came back, a worker came, or one of the tags it needs.
  void unblock_all();

  /// All of them, blocked or not, in order, until `visit` says false. O(log classes) each.
  void each(const std::function<bool(JobClass, const JobTurn&)>& visit) const;
  /// The first `limit` of these.
  std::vector<std::pair<JobClass, JobTurn>> first(size_t limit) const;

  size_t size() const;
  /// In classes that are blocked: waiting for capacity.
  size_t blocked() const;
  /// The same, with all that wait at each turn counted.
  size_t blocked_jobs() const;
  bool is_blocked(JobClass like) const;

  /// How many stand before it; 0 is next. O(n) up to `limit`, which is returned when it is reached.
  size_t position(JobTurn turn, size_t limit) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::core
