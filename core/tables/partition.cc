#include "core/tables/partition.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/text.h"

namespace berth::core {

namespace {

constexpr size_t kSlots = static_cast<size_t>(Resource::Slots);

bool is_usable(double amount) {
  return std::isfinite(amount) && amount >= 0 && amount < 1e12;
}

/// What must hold of every beat, with a profile or without.
std::string check_routine(const wire::Heartbeat& beat) {
  if (beat.current_tasks < 0 || beat.current_tasks > kAmountMax) {
    return "current_tasks is " + std::to_string(beat.current_tasks) + ", outside 0 to " +
           std::to_string(kAmountMax);
  }
  if (!is_usable(beat.usage.cpu_milli) || !is_usable(beat.usage.memory_mib) ||
      !is_usable(beat.usage.gpu_milli)) {
    return "usage holds a number that is negative, infinite or not a number";
  }
  if (beat.offline_after_ms > kOwnOfflineAfterMax.ms()) {
    return "offline_after_ms is " + std::to_string(beat.offline_after_ms) + ", outside 0 to " +
           std::to_string(kOwnOfflineAfterMax.ms());
  }
  if (beat.running_tasks.size() > kRunningTasksMax) {
    return "running_tasks has " + std::to_string(beat.running_tasks.size()) + " entries, at most " +
           std::to_string(kRunningTasksMax) + " are allowed";
  }
  return {};
}

}  // namespace

wire::WorkerStatus status_of(uint32_t flags) {
  if ((flags & kOffline) != 0) return wire::WorkerStatus::Offline;
  if ((flags & kSuspicious) != 0) return wire::WorkerStatus::Suspicious;
  return wire::WorkerStatus::Online;
}

size_t Partition::IdHash::operator()(std::string_view id) const {
  return hash_text(id);
}
size_t Partition::IdHash::operator()(uint32_t worker) const {
  return hash_text(partition->text_of({worker}).id());
}
bool Partition::IdEqual::operator()(uint32_t a, std::string_view b) const {
  return partition->text_of({a}).id() == b;
}

Partition::Partition(wire::ShardId self, Fleet& fleet, Names& names, const Settings& settings)
    : self_(self),
      fleet_(fleet),
      names_(names),
      settings_(settings),
      by_id_(0, IdHash{this}, IdEqual{this}) {}

RowText Partition::text_of(WorkerIndex worker) const {
  const Segment& home = segment(worker);
  RowText text;
  // The owner is the only writer of texts, so its own reads need no version check.
  text.load(home.text[row_of(worker)], home.text_tail[row_of(worker)], RowText::kAddress);
  return text;
}

std::string_view Partition::id_of(WorkerIndex worker, Arena& text) const {
  return text.keep(text_of(worker).id());
}

std::optional<WorkerIndex> Partition::find(std::string_view worker) const {
  auto at = by_id_.find(worker);
  if (at == by_id_.end()) return std::nullopt;
  return WorkerIndex{*at};
}

void Partition::heartbeat(Instant now, const wire::Heartbeat& beat, BeatOutcome& outcome) {
  if (std::string wrong = check_routine(beat); !wrong.empty()) {
    return outcome.refuse(wire::Refusal::BadRequest, std::move(wrong));
  }
  std::optional<WorkerIndex> known = find(beat.worker);
  if (!known) {
    if (refuse_identity(beat, outcome) || !register_worker(beat, outcome)) return;
  } else {
    outcome.worker = *known;
    if (is_stale(beat, *known, outcome)) return;
    if (beat.has_profile && !apply_profile(beat, *known, outcome)) return;
  }
  refresh(now, beat, outcome.worker, outcome);
}

bool Partition::refuse_identity(const wire::Heartbeat& beat, BeatOutcome& outcome) const {
  if (beat.worker.empty() || beat.worker.size() > kIdBytesMax || !is_clean_text(beat.worker)) {
    outcome.refuse(
        wire::Refusal::BadRequest,
        "worker id must be 1 to " + std::to_string(kIdBytesMax) +
            " bytes of UTF-8 without control characters");
    return true;
  }
  if (!beat.has_profile) {
    outcome.resend_profile = true;
    outcome.refuse(wire::Refusal::NotFound, "worker is not registered here: send its profile");
    return true;
  }
  return false;
}

bool Partition::is_stale(
    const wire::Heartbeat& beat, WorkerIndex worker, BeatOutcome& outcome) const {
  const RowBeat& last = beat_of(worker);
  if (beat.epoch < last.epoch) {
    outcome.refuse(
        wire::Refusal::Conflict,
        "a newer life of this worker is registered: give one of the two agents another id");
    return true;
  }
  // A client that keeps no sequence sends 0 throughout.
  if (beat.epoch == last.epoch && beat.sequence <= last.sequence && beat.sequence != 0) {
    outcome.refuse(wire::Refusal::Stale, "an equal or later heartbeat has already arrived");
    return true;
  }
  return false;
}

bool Partition::register_worker(const wire::Heartbeat& beat, BeatOutcome& outcome) {
  if (std::string wrong = check_profile(beat); !wrong.empty()) {
    outcome.refuse(wire::Refusal::BadRequest, std::move(wrong));
    return false;
  }
  ProfileNames profile;
  if (!intern_profile(beat, names_, profile)) {
    outcome.refuse(wire::Refusal::LimitReached, "the table of tags and labels is full");
    return false;
  }
  std::optional<WorkerIndex> taken = take_row();
  if (!taken) {
    outcome.refuse(
        wire::Refusal::LimitReached,
        "the worker table is full: forget workers that are gone, or raise max-workers (" +
            std::to_string(settings_.workers_max) + ")");
    return false;
  }
  Row& fresh = row(*taken);
  {
    RowLock lock(fresh);
    set(fresh.generation, get(fresh.generation) + 1);
    set(fresh.bucket, uint32_t{kNoBucket});
    set(fresh.flags, uint32_t{kLive});
    set(fresh.reported, 0);
    set(fresh.held, 0);
    for (std::atomic<uint16_t>& gpu : fresh.gpu_free)
      set(gpu, kWholeGpu);
    RowText(beat.worker, beat.address, beat.agent_version, "")
        .store(segment(*taken).text[row_of(*taken)], segment(*taken).text_tail[row_of(*taken)]);
    write_profile(beat, *taken, profile);
  }
  RowBeat& last = beat_of(*taken);
  last.epoch = beat.epoch;
  last.sequence = beat.sequence;
  segment(*taken).live.set(row_of(*taken));
  segment(*taken).placeable.set(row_of(*taken));
  names_changed(segment(*taken));
  by_id_.insert(taken->value);
  fleet_.by_status_[0].fetch_add(1, std::memory_order_relaxed);
  if (AgeList* list = list_of(*taken)) link_newest(*list, *taken);
  outcome.worker = *taken;
  outcome.change = wire::WorkerChange::Registered;
  outcome.freed = true;
  return true;
}

void Partition::refresh(
    Instant now, const wire::Heartbeat& beat, WorkerIndex worker, BeatOutcome& outcome) {
  RowBeat& last = beat_of(worker);
  Row& hot = row(worker);
  uint32_t flags = get(hot.flags);
  if (beat.epoch > last.epoch) outcome.change = wire::WorkerChange::Replaced;
  last.epoch = beat.epoch;
  last.sequence = beat.sequence;
  set(last.last_heartbeat_ns, now.ns);
  set(last.cpu_milli_used, static_cast<float>(beat.usage.cpu_milli));
  set(last.memory_mib_used, static_cast<float>(beat.usage.memory_mib));
  set(last.gpu_milli_used, static_cast<float>(beat.usage.gpu_milli));

  if (beat.counts_all && get(hot.held) != 0) {
    drop_held(worker);
    outcome.freed = true;
  }
  auto tasks = static_cast<int32_t>(beat.current_tasks);
  if (tasks != get(hot.reported)) {
    RowLock lock(hot);
    outcome.freed = outcome.freed || tasks < get(hot.reported);
    set(hot.free[kSlots], get(hot.free[kSlots]) + get(hot.reported) - tasks);
    set(hot.reported, tasks);
    reindex(segment(worker), row_of(worker));
  }
  if (beat.leaving) {
    if ((flags & kOffline) == 0) {
      set_status(worker, wire::WorkerStatus::Offline);
      outcome.change = wire::WorkerChange::Offline;
    }
  } else if ((flags & (kSuspicious | kOffline)) != 0) {
    set_status(worker, wire::WorkerStatus::Online);
    outcome.freed = true;
    if (!outcome.change) outcome.change = wire::WorkerChange::Online;
  } else if (AgeList* list = list_of(worker)) {
    unlink(*list, worker);
    link_newest(*list, worker);
  }
  if (beat.has_profile) {
    set_patience(now, worker, Duration::milliseconds(beat.offline_after_ms));
  } else if ((flags & kPatient) != 0) {
    watch(now, worker);
  }
  outcome.generation = get(hot.generation);
  outcome.drain = (flags & kDraining) != 0;
}

void Partition::set_flags(WorkerIndex worker, uint32_t add, uint32_t remove) {
  Row& hot = row(worker);
  RowLock lock(hot);
  uint32_t flags = (get(hot.flags) | add) & ~remove;
  set(hot.flags, flags);
  Segment& home = segment(worker);
  if (is_placeable(flags)) {
    home.placeable.set(row_of(worker));
  } else {
    home.placeable.clear(row_of(worker));
  }
  reindex(home, row_of(worker));
}

void Partition::set_status(WorkerIndex worker, wire::WorkerStatus status) {
  wire::WorkerStatus before = status_of(get(row(worker).flags));
  if (before == status) return;
  if (AgeList* list = list_of(worker)) unlink(*list, worker);
  uint32_t bits = 0;
  if (status == wire::WorkerStatus::Suspicious) bits = kSuspicious;
  if (status == wire::WorkerStatus::Offline) bits = kOffline;
  set_flags(worker, bits, (kOffline | kSuspicious) & ~bits);
  if (AgeList* list = list_of(worker)) link_newest(*list, worker);
  fleet_.by_status_[static_cast<size_t>(before)].fetch_sub(1, std::memory_order_relaxed);
  fleet_.by_status_[static_cast<size_t>(status)].fetch_add(1, std::memory_order_relaxed);
}

bool Partition::set_action(
    std::string_view worker, wire::WorkerAction action, std::string_view reason) {
  // Nobody will read the reason, and writing it could make more of the table resident.
  if (action == wire::WorkerAction::Forget) return forget(worker);
  std::optional<WorkerIndex> found = find(worker);
  if (!found) return false;
  {
    Segment& home = segment(*found);
    RowLock lock(row(*found));
    RowText before;
    before.load(home.text[row_of(*found)], home.text_tail[row_of(*found)]);
    RowText(before.id(), before.address(), before.version(), reason)
        .store(home.text[row_of(*found)], home.text_tail[row_of(*found)]);
  }
  switch (action) {
    case wire::WorkerAction::Cordon: set_flags(*found, kCordoned, 0); break;
    case wire::WorkerAction::Drain: set_flags(*found, kDraining, 0); break;
    case wire::WorkerAction::Undrain: set_flags(*found, 0, kDraining | kCordoned); break;
    case wire::WorkerAction::Forget: break;
  }
  return true;
}

bool Partition::forget(std::string_view worker) {
  std::optional<WorkerIndex> found = find(worker);
  if (!found) return false;
  Segment& home = segment(*found);
  uint32_t at = row_of(*found);
  Row& hot = row(*found);
  if (AgeList* list = list_of(*found)) unlink(*list, *found);
  if ((get(hot.flags) & kCooling) != 0) forget_cooldown(*found);
  if ((get(hot.flags) & kPatient) != 0) forget_patience(*found);
  by_id_.erase(by_id_.find(worker));
  fleet_.by_status_[static_cast<size_t>(status_of(get(hot.flags)))].fetch_sub(
      1, std::memory_order_relaxed);
  home.live.clear(at);
  home.placeable.clear(at);
  index_names(*found, indexed_names(*found), false);
  {
    RowLock lock(hot);
    // From here on its reservations name a worker that is no more, also while nobody has the row.
    set(hot.generation, get(hot.generation) + 1);
    set(hot.flags, 0u);
    reindex(home, at);
    for (size_t i = 0; i < kResourceCount; ++i) {
      set(hot.free[i], 0);
      set(hot.capacity[i], 0);
    }
    set(hot.gpu_count, 0u);
    set(hot.custom_count, 0u);
  }
  beat_of(*found).fingerprint = 0;
  beat_of(*found).next_free = free_rows_;
  free_rows_ = found->value + 1;
  fleet_.workers_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

void Partition::forget_cooldown(WorkerIndex worker) {
  cooling_.erase({Instant{get(beat_of(worker).cooldown_until_ns)}, worker.value});
}

bool Partition::set_cooldown(Instant now, std::string_view worker, Instant until) {
  std::optional<WorkerIndex> found = find(worker);
  if (!found) return false;
  const bool cooled = (get(row(*found).flags) & kCooling) != 0;
  if (cooled) forget_cooldown(*found);
  if (until > now) {
    set(beat_of(*found).cooldown_until_ns, until.ns);
    cooling_.insert({until, found->value});
    if (!cooled) set_flags(*found, kCooling, 0);
    return false;
  }
  if (cooled) set_flags(*found, 0, kCooling);
  return cooled;
}

Duration Partition::silence_of(Instant now, WorkerIndex worker) const {
  return now - std::max(Instant{get(beat_of(worker).last_heartbeat_ns)}, deaf_until_);
}

void Partition::move_on(
    Instant now, WorkerIndex worker, wire::WorkerStatus status, std::vector<Change>& changes) {
  const bool offline = status == wire::WorkerStatus::Offline;
  std::string silence = std::to_string(silence_of(now, worker).ms()) + " ms without a heartbeat";
  set_status(worker, status);
  changes.push_back(
      {std::string(text_of(worker).id()),
       offline ? wire::WorkerChange::Offline : wire::WorkerChange::Suspicious,
       std::move(silence)});
}

bool Partition::age(Instant now, std::vector<Change>& changes) {
  auto silent_for = [&](uint32_t link) {
    return silence_of(now, {link - 1});
  };
  while (online_.oldest != 0 && silent_for(online_.oldest) >= settings_.suspicious_after) {
    move_on(now, {online_.oldest - 1}, wire::WorkerStatus::Suspicious, changes);
  }
  while (suspicious_.oldest != 0 && silent_for(suspicious_.oldest) >= settings_.offline_after) {
    move_on(now, {suspicious_.oldest - 1}, wire::WorkerStatus::Offline, changes);
  }
  age_patient(now, changes);
  bool cooled_down = false;
  for (; !cooling_.empty() && cooling_.begin()->first <= now; cooled_down = true) {
    set_flags({cooling_.begin()->second}, 0, kCooling);
    cooling_.erase(cooling_.begin());
  }
  return cooled_down;
}

std::optional<WorkerIndex> Partition::take_row() {
  if (fleet_.workers_.fetch_add(1, std::memory_order_relaxed) >= fleet_.workers_max_) {
    fleet_.workers_.fetch_sub(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  if (free_rows_ != 0) {
    WorkerIndex worker{free_rows_ - 1};
    free_rows_ = beat_of(worker).next_free;
    return worker;
  }
  if (segments_.empty() || get(fleet_.segment(segments_.back()).used) == kSegmentRows) {
    uint32_t index = 0;
    if (fleet_.add_segment(self_, index) == nullptr) {
      fleet_.workers_.fetch_sub(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    segments_.push_back(index);
  }
  Segment& last = fleet_.segment(segments_.back());
  uint32_t at = get(last.used);
  set(last.used, at + 1);
  return worker_index(segments_.back(), at);
}

Partition::AgeList* Partition::list_of(WorkerIndex worker) {
  const uint32_t flags = get(row(worker).flags);
  if ((flags & kPatient) != 0) return nullptr;
  switch (status_of(flags)) {
    case wire::WorkerStatus::Online: return &online_;
    case wire::WorkerStatus::Suspicious: return &suspicious_;
    case wire::WorkerStatus::Offline: return nullptr;
  }
  return nullptr;
}

void Partition::link_newest(AgeList& list, WorkerIndex worker) {
  RowBeat& beat = beat_of(worker);
  beat.newer = 0;
  beat.older = list.newest;
  if (list.newest != 0) {
    beat_of({list.newest - 1}).newer = worker.value + 1;
  } else {
    list.oldest = worker.value + 1;
  }
  list.newest = worker.value + 1;
}

void Partition::unlink(AgeList& list, WorkerIndex worker) {
  RowBeat& beat = beat_of(worker);
  if (beat.older != 0) {
    beat_of({beat.older - 1}).newer = beat.newer;
  } else {
    list.oldest = beat.newer;
  }
  if (beat.newer != 0) {
    beat_of({beat.newer - 1}).older = beat.older;
  } else {
    list.newest = beat.older;
  }
}

}  // namespace berth::core
