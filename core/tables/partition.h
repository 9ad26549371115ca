#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/arena.h"
#include "core/base/time.h"
#include "core/tables/fleet.h"
#include "core/tables/names.h"
#include "core/tables/profile.h"
#include "wire/messages.h"

namespace berth::core {

/// What a heartbeat did.
struct BeatOutcome {
  wire::Refusal refusal = wire::Refusal::None;
  std::string message;  ///< of a refusal
  WorkerIndex worker;   ///< unless refused
  uint32_t generation = 0;
  bool resend_profile = false;
  bool drain = false;
  bool freed = false;  ///< capacity grew or came back: what waits may fit now
  std::optional<wire::WorkerChange> change;

  void refuse(wire::Refusal why, std::string sentence) {
    refusal = why;
    message = std::move(sentence);
  }
};

/// One worker that changed, told to whoever watches.
struct Change {
  std::string worker;
  wire::WorkerChange change;
  std::string reason;
};

/// One shard's workers: who they are, what they have, when they were last heard.
///
/// Shape    rows in segments of the fleet; a set from id to row; two lists by age of heartbeat, and
///          for workers with their own time until they are offline a moment to look at them again
/// Threads  the owner shard's alone. It is the only writer of membership, names, capacity and
///          status; other threads read them, and claim capacity meanwhile
/// Errors   refusals are `wire::Refusal` values with a sentence; nothing a worker says is a CHECK
class Partition {
 public:
  Partition(wire::ShardId self, Fleet& fleet, Names& names, const Settings& settings);

  /// Registers the worker or refreshes its row. A routine beat with an unchanged profile writes
  /// two cache lines. O(1).
  void heartbeat(Instant now, const wire::Heartbeat& beat, BeatOutcome& outcome);

  /// The row of a worker, if it is registered here.
  std::optional<WorkerIndex> find(std::string_view worker) const;

  /// Cordons, drains or undrains. False: no such worker.
  bool set_action(std::string_view worker, wire::WorkerAction action, std::string_view reason);

  /// Takes the worker out of the table; its reservations count for nothing from now on.
  bool forget(std::string_view worker);

  /// Nobody listened until `now`: silence before it is not the workers'.
  void forgive_silence(Instant now) { deaf_until_ = now; }

  /// Nothing is placed on it until then; an instant in the past ends what there was. O(log n) of
  /// those that cool. True: it may be placed on now, and could not be before.
  bool set_cooldown(Instant now, std::string_view worker, Instant until);

  /// Moves workers that were silent too long to suspicious and offline, oldest first; appends who
  /// changed. Ends cooldowns that are over; true when one was. O(changes).
  bool age(Instant now, std::vector<Change>& changes);

  std::string_view id_of(WorkerIndex worker, Arena& text) const;

 private:
  struct IdHash {
    using is_transparent = void;
    const Partition* partition;
    size_t operator()(std::string_view id) const;
    size_t operator()(uint32_t worker) const;
  };
  struct IdEqual {
    using is_transparent = void;
    const Partition* partition;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t a, std::string_view b) const;
    bool operator()(std::string_view a, uint32_t b) const { return (*this)(b, a); }
  };
  /// Rows by age of heartbeat; links are row + 1.
  struct AgeList {
    uint32_t oldest = 0;
    uint32_t newest = 0;
  };

  Segment& segment(WorkerIndex worker) const { return fleet_.segment(segment_of(worker)); }
  Row& row(WorkerIndex worker) const { return segment(worker).rows[row_of(worker)]; }
  RowBeat& beat_of(WorkerIndex worker) const { return segment(worker).beats[row_of(worker)]; }

  bool refuse_identity(const wire::Heartbeat& beat, BeatOutcome& outcome) const;
  bool register_worker(const wire::Heartbeat& beat, BeatOutcome& outcome);
  bool is_stale(const wire::Heartbeat& beat, WorkerIndex worker, BeatOutcome& outcome) const;
  bool apply_profile(const wire::Heartbeat& beat, WorkerIndex worker, BeatOutcome& outcome);
  void refresh(Instant now, const wire::Heartbeat& beat, WorkerIndex worker, BeatOutcome& outcome);
  void write_profile(const wire::Heartbeat& beat, WorkerIndex worker, const ProfileNames& profile);
  void write_capacity(
      const wire::Capacity& capacity, WorkerIndex worker, const ProfileNames& profile);
  static void write_custom(RowExtras& extras, Row& hot, const ProfileNames& profile);
  void write_names(WorkerIndex worker, const ProfileNames& profile);
  void index_names(WorkerIndex worker, const NameIds& names, bool present);
  static void names_changed(Segment& segment);
  NameIds indexed_names(WorkerIndex worker) const;
  void set_flags(WorkerIndex worker, uint32_t set, uint32_t clear);
  void set_status(WorkerIndex worker, wire::WorkerStatus status);
  void forget_cooldown(WorkerIndex worker);
  void drop_held(WorkerIndex worker);
  void set_patience(Instant now, WorkerIndex worker, Duration offline_after);
  void forget_patience(WorkerIndex worker);
  void watch(Instant now, WorkerIndex worker);
  void look_again(WorkerIndex worker, Instant at);
  void age_patient(Instant now, std::vector<Change>& changes);
  Duration silence_of(Instant now, WorkerIndex worker) const;
  void move_on(
      Instant now, WorkerIndex worker, wire::WorkerStatus status, std::vector<Change>& changes);
  std::optional<WorkerIndex> take_row();
  AgeList* list_of(WorkerIndex worker);
  void link_newest(AgeList& list, WorkerIndex worker);
  void unlink(AgeList& list, WorkerIndex worker);
  RowText text_of(WorkerIndex worker) const;

  wire::ShardId self_;
  Fleet& fleet_;
  Names& names_;
  const Settings& settings_;
  absl::flat_hash_set<uint32_t, IdHash, IdEqual> by_id_;
  std::vector<uint32_t> segments_;  ///< of this shard, in order of use
  uint32_t free_rows_ = 0;          ///< row + 1, linked by RowBeat::next_free
  AgeList online_;
  AgeList suspicious_;
  std::set<std::pair<Instant, uint32_t>> cooling_;  ///< until when, and which row
  struct Patience {
    Duration offline_after;
    Instant look_at;  ///< 0: nobody looks, it is offline
  };
  absl::flat_hash_map<uint32_t, Patience> patience_;
  std::set<std::pair<Instant, uint32_t>> looks_;  ///< when to look, and at which row
  Instant deaf_until_;
};

/// `online`, `suspicious` or `offline`, of a live row's flags.
wire::WorkerStatus status_of(uint32_t flags);

}  // namespace berth::core
