#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

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
/// As `Predictor`, for the ledger: both run time and memory; the groups of a spec are remembered,
/// so that learning from a job like the last ones costs a hash of its spec and no allocation; and
/// when the table is full, groups that nothing was learned of for long make room.
///
/// Shape    groups in slots, a hash table of their keys, the groups of the last few thousand specs
/// Threads  one owner
/// Memory   some 90 bytes a group, `groups_max` at most; 450 KiB for specs
class Experience {
 public:
  static constexpr uint32_t kGroupsMax = 100'000;

  explicit Experience(uint32_t groups_max = kGroupsMax) : groups_max_(groups_max) {}

  /// The groups of a spec. `read(bytes)` decodes it, when it is not among the last ones seen. Valid
  /// until the next call.
  struct Groups {
    uint64_t spec = 0;  ///< hash of its bytes
    GroupKeys keys{};   ///< the last one: on a worker of any kind
    std::array<uint32_t, kGroupLevels> slots{};
  };
  template <typename Read>
  Groups& groups_of(std::span<const std::byte> spec, Read&& read) {
    Groups& known = place_for(spec);
    if (known.keys[0] == 0) known.keys = group_keys(traits_of(read(spec)));
    return known;
  }

  /// What is not positive is not learned. `kind` is that of the worker, 0 when it is not known.
  void learn(Groups& groups, uint64_t kind, double run_s, double memory_bytes);

  /// `said_s`: what its client thinks; it stands in for what is known of jobs in general. 0: it
  /// does not say.
  Forecast run_s(Groups& groups, uint64_t kind, double said_s);
  Forecast memory_bytes(Groups& groups, uint64_t kind);
  /// How many of the same user's same program have been seen, older ones counting for less.
  double runs_seen(Groups& groups);
  double peaks_seen(Groups& groups);

  /// Of a store that says nonsense nothing is taken.
  void restore(const ExperienceRecord& record);
  /// Groups that have changed since they were taken last, the first to change first, at most
  /// `count`.
  std::vector<ExperienceRecord> take_changed(size_t count);
  size_t changed() const { return changed_.size(); }
  size_t groups() const { return by_key_.size(); }

 private:
  static constexpr uint32_t kNoSlot = ~0u;
  static constexpr size_t kSpecsKept = 4'096;
  static constexpr size_t kLookedAt = 8;

  struct Group {
    uint64_t key = 0;
    Moments run;
    Moments memory;
    uint32_t learned_at = 0;
    bool changed = false;
  };

  Groups& place_for(std::span<const std::byte> spec);
  /// kNoSlot: nothing is known of it. What is found is noted in `groups`.
  uint32_t find(Groups& groups, size_t level, uint64_t kind);
  uint32_t add(uint64_t key);
  uint32_t oldest_of_some();
  template <typename Part>
  Forecast forecast(Groups& groups, uint64_t kind, size_t from, Belief belief, Part part);

  uint32_t groups_max_;
  std::vector<Group> groups_;
  absl::flat_hash_map<uint64_t, uint32_t> by_key_;
  std::vector<Groups> specs_;
  std::vector<uint32_t> changed_;
  uint64_t learned_ = 0;
  uint32_t hand_ = 0;
};

}  // namespace berth::core
