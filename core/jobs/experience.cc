#include "core/jobs/experience.h"

#include <algorithm>
#include <cmath>

#include "core/base/hash.h"
#include "core/placement/demand_hash.h"

namespace berth::core {

namespace {

constexpr size_t kOnKind = kGroupLevels - 1;
/// The same user's same program.
constexpr size_t kProgram = kGroupLevels - 2;
constexpr int64_t kCoresOfAGpu = 16;

bool makes_sense(const Moments& moments) {
  return std::isfinite(moments.weight) && moments.weight >= 0 && std::isfinite(moments.mean) &&
         std::isfinite(moments.variance) && moments.variance >= 0;
}

std::string_view file_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

JobTraits traits_of(const wire::JobSpec& spec) {
  JobTraits traits;
  traits.name = spec.name;
  if (traits.name.empty()) {
    traits.name = spec.command.empty() ? spec.image : file_name(spec.command.front());
  }
  traits.user = spec.tenant;
  traits.queue = spec.queue;
  const wire::Demand& asked = spec.demand;
  const int64_t gpus_milli = asked.gpu_count * asked.gpu_milli;
  traits.size =
      std::max(static_cast<double>(asked.slots), static_cast<double>(asked.cpu_milli) / 1e3) +
      static_cast<double>(kCoresOfAGpu * gpus_milli) / 1e3;
  return traits;
}

Experience::Experience(uint32_t groups_max, uint32_t relatives_max)
    : groups_max_(groups_max), relatives_max_(relatives_max) {
  Relatives& all = relatives_.emplace_back();
  all.keys.fill(group_keys({})[0]);
  all.slots.fill(kNoSlot);
}

Likeness Experience::likeness_of(const wire::JobSpec& spec) {
  const GroupKeys keys = group_keys(traits_of(spec));
  // Who is in the same queue with the same size, and of the same user.
  const std::pair who{keys[1], keys[2]};
  const auto known = relatives_by_keys_.find(who);
  if (known != relatives_by_keys_.end()) return {keys[kProgram], known->second};
  if (relatives_.size() >= relatives_max_) return {keys[kProgram], 0};
  const auto number = static_cast<uint32_t>(relatives_.size());
  Relatives& added = relatives_.emplace_back();
  std::copy_n(keys.begin(), kShared, added.keys.begin());
  added.slots.fill(kNoSlot);
  relatives_by_keys_.emplace(who, number);
  return {keys[kProgram], number};
}

uint64_t Experience::key_of(Likeness like, size_t level, uint64_t kind) const {
  if (level < kShared) return relatives_[like.relatives].keys[level];
  return level == kProgram ? like.program : hash_step(key_on_kind(like.program, {}), kind);
}

uint32_t Experience::find(Likeness like, size_t level, uint64_t kind) {
  const auto look_up = [&](uint64_t key) {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? kNoSlot : found->second;
  };
  if (level == kOnKind && kind == 0) return kNoSlot;
  const uint64_t key = key_of(like, level, kind);
  if (level >= kShared) return look_up(key);
  // Whoever shares nothing else is counted once.
  if (like.relatives == 0 && level > 0) return kNoSlot;
  uint32_t& slot = relatives_[like.relatives].slots[level];
  if (slot >= groups_.size() || groups_[slot].key != key) slot = look_up(key);
  return slot;
}

/// Of a few, in turn: good enough, and the same work however many there are.
uint32_t Experience::oldest_of_some() {
  uint32_t oldest = hand_;
  for (size_t i = 0; i < std::min<size_t>(kLookedAt, groups_.size()); ++i) {
    const uint32_t slot = hand_++ % static_cast<uint32_t>(groups_.size());
    if (i == 0 || groups_[slot].learned_at < groups_[oldest].learned_at) oldest = slot;
  }
  hand_ %= static_cast<uint32_t>(groups_.size());
  return oldest;
}

uint32_t Experience::add(uint64_t key) {
  uint32_t slot = static_cast<uint32_t>(groups_.size());
  if (slot < groups_max_) {
    groups_.emplace_back();
  } else {
    slot = oldest_of_some();
    by_key_.erase(groups_[slot].key);
    const bool listed = groups_[slot].changed;
    groups_[slot] = {};
    groups_[slot].changed = listed;
  }
  groups_[slot].key = key;
  by_key_[key] = slot;
  return slot;
}

void Experience::learn(Likeness like, uint64_t kind, double run_s, double memory_bytes) {
  ++learned_;
  for (size_t level = 0; level < kGroupLevels; ++level) {
    if (level == kOnKind && kind == 0) continue;
    if (like.relatives == 0 && level > 0 && level < kShared) continue;
    uint32_t slot = find(like, level, kind);
    if (slot == kNoSlot) slot = add(key_of(like, level, kind));
    Group& group = groups_[slot];
    group.run.learn(run_s);
    group.memory.learn(memory_bytes);
    group.learned_at = static_cast<uint32_t>(learned_ >> 8);
    if (group.changed) continue;
    group.changed = true;
    changed_.push_back(slot);
  }
}

template <typename Part>
Belief Experience::narrowed(Likeness like, uint64_t kind, size_t from, Belief belief, Part part) {
  for (size_t level = from; level < kGroupLevels; ++level) {
    const uint32_t slot = find(like, level, kind);
    if (slot != kNoSlot) belief.narrow(groups_[slot].*part);
  }
  return belief;
}

Belief Experience::run_s(Likeness like, uint64_t kind, double said_s) {
  return narrowed(like, kind, said_s > 0 ? kProgram : 0, Belief(said_s), &Group::run);
}

/// Of the same program alone: what other programs took says nothing of a request for memory.
Belief Experience::memory_bytes(Likeness like, uint64_t kind) {
  return narrowed(like, kind, kProgram, Belief(), &Group::memory);
}

double Experience::runs_seen(Likeness like) {
  const uint32_t slot = find(like, kProgram, 0);
  return slot == kNoSlot ? 0 : groups_[slot].run.weight;
}

double Experience::peaks_seen(Likeness like) {
  const uint32_t slot = find(like, kProgram, 0);
  return slot == kNoSlot ? 0 : groups_[slot].memory.weight;
}

void Experience::restore(const ExperienceRecord& record) {
  if (record.slot >= groups_max_ || !makes_sense(record.run) || !makes_sense(record.memory)) return;
  if (record.slot >= groups_.size()) groups_.resize(record.slot + 1);
  Group& group = groups_[record.slot];
  group.key = record.key;
  group.run = record.run;
  group.memory = record.memory;
  by_key_[record.key] = record.slot;
}

std::vector<ExperienceRecord> Experience::take_changed(size_t count) {
  std::vector<ExperienceRecord> records;
  count = std::min(count, changed_.size());
  records.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    Group& group = groups_[changed_[i]];
    group.changed = false;
    records.push_back({changed_[i], group.key, group.run, group.memory});
  }
  changed_.erase(changed_.begin(), changed_.begin() + static_cast<std::ptrdiff_t>(count));
  return records;
}

}  // namespace berth::core
