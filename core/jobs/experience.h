#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/jobs/job.h"
#include "core/jobs/records.h"
#include "core/plan/moments.h"
#include "core/plan/predictor.h"
#include "wire/job_messages.h"

namespace berth::core {

/// What a job is to those who learn from it: its program and user, and what it asks for.
///
/// Without a name its program is its name; slots or cores are its size, whichever are more, and a
/// GPU counts as sixteen of them. Points into `spec`.
JobTraits traits_of(const wire::JobSpec& spec);

/// What jobs took, learned from those that have ended, and what others like them will take.
///
/// As `Predictor`, for the ledger: both run time and memory; a job brings its `Likeness` along, so
/// that neither learning from it nor asking what it will take looks at its spec or allocates; and
/// when the table is full, groups that nothing was learned of for long make room.
///
/// Shape    groups in slots, a hash table of their keys; of relatives, who share all but the
/// program,
///          the keys and where their groups were last
/// Threads  one owner
/// Memory   some 90 bytes a group, `groups_max` at most; 80 bytes for each user's queues and sizes,
///          `relatives_max` of those: whoever comes later is known by program alone
class Experience {
 public:
  static constexpr uint32_t kGroupsMax = 100'000;

  static constexpr uint32_t kRelativesMax = 100'000;

  explicit Experience(uint32_t groups_max = kGroupsMax, uint32_t relatives_max = kRelativesMax);

  /// Holds for this process.
  Likeness likeness_of(const wire::JobSpec& spec);

  /// What is not positive is not learned. `kind` is that of the worker, 0 when it is not known.
  void learn(Likeness like, uint64_t kind, double run_s, double memory_bytes);

  /// `said_s`: what its client thinks; it stands in for what is known of jobs in general. 0: it
  /// does not say.
  Belief run_s(Likeness like, uint64_t kind, double said_s);
  Belief memory_bytes(Likeness like, uint64_t kind);
  /// How many of the same user's same program have been seen, older ones counting for less.
  double runs_seen(Likeness like);
  double peaks_seen(Likeness like);

  /// Of a store that says nonsense nothing is taken.
  void restore(const ExperienceRecord& record);
  /// Groups that have changed since they were taken last, the first to change first, at most
  /// `count`.
  std::vector<ExperienceRecord> take_changed(size_t count);
  size_t changed() const { return changed_.size(); }
  size_t groups() const { return by_key_.size(); }

 private:
  static constexpr uint32_t kNoSlot = ~0u;
  static constexpr size_t kLookedAt = 8;
  /// Levels that relatives share; the rest is of the program.
  static constexpr size_t kShared = kGroupLevels - 2;

  struct Group {
    uint64_t key = 0;
    Moments run;
    Moments memory;
    uint32_t learned_at = 0;
    bool changed = false;
  };

  struct Relatives {
    std::array<uint64_t, kShared> keys{};
    std::array<uint32_t, kShared> slots{};  ///< where they were found last
  };

  uint64_t key_of(Likeness like, size_t level, uint64_t kind) const;
  /// kNoSlot: nothing is known of it.
  uint32_t find(Likeness like, size_t level, uint64_t kind);
  uint32_t add(uint64_t key);
  uint32_t oldest_of_some();
  template <typename Part>
  Belief narrowed(Likeness like, uint64_t kind, size_t from, Belief belief, Part part);

  uint32_t groups_max_;
  std::vector<Group> groups_;
  absl::flat_hash_map<uint64_t, uint32_t> by_key_;
  uint32_t relatives_max_;
  std::vector<Relatives> relatives_;  ///< the first of them share nothing but being jobs
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, uint32_t> relatives_by_keys_;
  std::vector<uint32_t> changed_;
  uint64_t learned_ = 0;
  uint32_t hand_ = 0;
};

}  // namespace berth::core
