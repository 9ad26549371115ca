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

Experience::Groups& Experience::place_for(std::span<const std::byte> spec) {
  if (specs_.empty()) specs_.resize(kSpecsKept);
  const uint64_t hash = hash_text({reinterpret_cast<const char*>(spec.data()), spec.size()}) | 1;
  Groups& place = specs_[hash / 2 % kSpecsKept];
  if (place.spec == hash) return place;
  place = {};
  place.spec = hash;
  place.slots.fill(kNoSlot);
  return place;
}

uint32_t Experience::find(Groups& groups, size_t level, uint64_t kind) {
  if (level == kOnKind && kind == 0) return kNoSlot;
  const uint64_t key = level == kOnKind ? hash_step(groups.keys[level], kind) : groups.keys[level];
  uint32_t& slot = groups.slots[level];
  if (slot < groups_.size() && groups_[slot].key == key) return slot;
  const auto found = by_key_.find(key);
  slot = found == by_key_.end() ? kNoSlot : found->second;
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

void Experience::learn(Groups& groups, uint64_t kind, double run_s, double memory_bytes) {
  ++learned_;
  const size_t levels = kind == 0 ? kOnKind : kGroupLevels;
  for (size_t level = 0; level < levels; ++level) {
    uint32_t slot = find(groups, level, kind);
    if (slot == kNoSlot) {
      slot = add(level == kOnKind ? hash_step(groups.keys[level], kind) : groups.keys[level]);
      groups.slots[level] = slot;
    }
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
Forecast Experience::forecast(
    Groups& groups, uint64_t kind, size_t from, Belief belief, Part part) {
  for (size_t level = from; level < kGroupLevels; ++level) {
    const uint32_t slot = find(groups, level, kind);
    if (slot != kNoSlot) belief.narrow(groups_[slot].*part);
  }
  return belief.forecast();
}

Forecast Experience::run_s(Groups& groups, uint64_t kind, double said_s) {
  const size_t from = said_s > 0 ? kProgram : 0;
  return forecast(groups, kind, from, Belief(said_s), &Group::run);
}

/// Of the same program alone: what other programs took says nothing of a request for memory.
Forecast Experience::memory_bytes(Groups& groups, uint64_t kind) {
  return forecast(groups, kind, kProgram, Belief(), &Group::memory);
}

double Experience::runs_seen(Groups& groups) {
  const uint32_t slot = find(groups, kProgram, 0);
  return slot == kNoSlot ? 0 : groups_[slot].run.weight;
}

double Experience::peaks_seen(Groups& groups) {
  const uint32_t slot = find(groups, kProgram, 0);
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
