#include "core/tables/fleet.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/cpu.h"
#include "core/base/hash.h"

namespace berth::core {

namespace {

/// Adds under the row's lock, where no other thread writes: no locked instruction needed.
template <typename T, typename Change>
void add(std::atomic<T>& field, Change change) {
  field.store(
      static_cast<T>(field.load(std::memory_order_relaxed) + change), std::memory_order_release);
}

void copy_node(const Segment& segment, uint32_t row, NodeState& node) {
  const Row& hot = segment.rows[row];
  for (size_t i = 0; i < kResourceCount; ++i) {
    node.capacity[i] = get(hot.capacity[i]);
    node.free[i] = get(hot.free[i]);
  }
  const RowExtras& extras = segment.extras[row];
  node.gpu_count = static_cast<uint16_t>(std::min(get(hot.gpu_count), kGpusMax));
  for (uint32_t i = 0; i < node.gpu_count; ++i) {
    node.gpu_free[i] = get(hot.gpu_free[i]);
    node.gpu_model[i] = {get(extras.gpu_model[i])};
  }
  node.custom_count = static_cast<uint16_t>(std::min(get(hot.custom_count), kCustomMax));
  for (uint32_t i = 0; i < node.custom_count; ++i) {
    NameId name{get(extras.custom[i].name)};
    node.custom_capacity[i] = {name, get(extras.custom[i].capacity)};
    node.custom_free[i] = {name, get(extras.custom[i].free)};
  }
}

bool gpus_fit(const Segment& segment, uint32_t row, const NodeDemand& demand) {
  const Row& hot = segment.rows[row];
  uint32_t devices = std::min(get(hot.gpu_count), kGpusMax);
  uint32_t fitting = 0;
  for (uint32_t i = 0; i < devices; ++i) {
    if (get(hot.gpu_free[i]) < demand.gpu_milli) continue;
    if (!demand.gpu_models.empty() &&
        !allows_model(demand, {get(segment.extras[row].gpu_model[i])})) {
      continue;
    }
    ++fitting;
  }
  return fitting >= demand.gpu_count;
}

bool custom_fits(const Segment& segment, uint32_t row, const NodeDemand& demand) {
  uint32_t count = std::min(get(segment.rows[row].custom_count), kCustomMax);
  return std::all_of(demand.custom.begin(), demand.custom.end(), [&](const CustomAmount& wanted) {
    for (uint32_t i = 0; i < count; ++i) {
      const RowExtras::Custom& have = segment.extras[row].custom[i];
      if (get(have.name) == wanted.name.value) return get(have.free) >= wanted.amount;
    }
    return wanted.amount == 0;
  });
}

/// Whether exactly these devices can take the demand: what a plan or a policy chose may be stale.
bool devices_fit(const Segment& segment, uint32_t row, const NodeDemand& demand, GpuSet gpus) {
  const Row& hot = segment.rows[row];
  if (std::popcount(gpus) != demand.gpu_count) return false;
  for (uint32_t i = 0; i < kGpusMax; ++i) {
    if ((gpus >> i & 1) == 0) continue;
    if (i >= get(hot.gpu_count) || get(hot.gpu_free[i]) < demand.gpu_milli) return false;
    if (!allows_model(demand, {get(segment.extras[row].gpu_model[i])})) return false;
  }
  return true;
}

/// Adds `sign` times the holding to the free capacity of the row.
void apply(Segment& segment, uint32_t row, const Holding& holding, int sign) {
  Row& hot = segment.rows[row];
  for (size_t i = 0; i < kResourceCount; ++i) {
    if (holding.amounts[i] != 0) add(hot.free[i], sign * holding.amounts[i]);
  }
  for (GpuSet left = holding.gpus; left != 0; left = static_cast<GpuSet>(left & (left - 1))) {
    add(hot.gpu_free[std::countr_zero(left)], sign * holding.gpu_milli);
  }
  uint32_t customs = get(hot.custom_count);
  for (uint32_t i = 0; i < holding.custom_count; ++i) {
    for (uint32_t j = 0; j < customs; ++j) {
      RowExtras::Custom& have = segment.extras[row].custom[j];
      if (get(have.name) == holding.custom[i].name.value) {
        // A resource that was dropped and came back has forgotten what was taken of it.
        int32_t free = get(have.free) + sign * holding.custom[i].amount;
        have.free.store(std::min(free, get(have.capacity)), std::memory_order_release);
      }
    }
  }
}

constexpr size_t kSlots = static_cast<size_t>(Resource::Slots);

}  // namespace

Holding Holding::of(const NodeDemand& demand, GpuSet gpus) {
  Holding holding;
  holding.amounts = demand.amounts;
  holding.gpu_milli = demand.gpu_milli;
  holding.gpus = gpus;
  for (const CustomAmount& custom : demand.custom) {
    if (holding.custom_count < kCustomMax) holding.custom[holding.custom_count++] = custom;
  }
  return holding;
}

Fleet::Fleet(const Settings& settings)
    : shards_(settings.shards),
      workers_max_(settings.workers_max),
      names_max_(settings.names_max),
      // Each shard may leave one segment partly filled.
      segments_max_((settings.workers_max + kSegmentRows - 1) / kSegmentRows + settings.shards),
      segments_(std::make_unique<Segment*[]>(segments_max_)) {}

Fleet::~Fleet() {
  for (uint32_t i = 0; i < segment_count(); ++i) {
    Segment* segment = segments_[i];
    for (uint32_t name = 0; name <= names_max_; ++name) {
      delete segment->tags[name].load(std::memory_order_relaxed);
    }
    UnmapZeroed{sizeof(std::atomic<RowSet*>) * (size_t{names_max_} + 1)}(segment->tags);
    UnmapZeroed{sizeof(Segment)}(segment);
  }
}

wire::ShardId Fleet::owner_of(std::string_view worker) const {
  if (shards_ == 1) return {0};
  return {static_cast<uint16_t>(hash_text(worker) % shards_)};
}

Segment* Fleet::add_segment(wire::ShardId owner, uint32_t& index) {
  index = segments_taken_.fetch_add(1, std::memory_order_relaxed);
  if (index >= segments_max_) {
    segments_taken_.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  Segment* segment = make_zeroed<Segment>().release();
  segment->owner = owner;
  segment->tags = make_zeroed<std::atomic<RowSet*>>(size_t{names_max_} + 1).release();
  segments_[index] = segment;
  // Published in order of index: whoever took an earlier one is about to publish it.
  uint32_t expected = index;
  while (!segment_count_.compare_exchange_weak(expected, index + 1, std::memory_order_acq_rel)) {
    expected = index;
    cpu_relax();
  }
  return segment;
}

bool Fleet::read_node(
    WorkerIndex worker, NodeState& node, uint32_t& flags, uint32_t& generation) const {
  const Segment& segment = *segments_[segment_of(worker)];
  const Row& hot = segment.rows[row_of(worker)];
  while (true) {
    uint32_t before = hot.version.load(std::memory_order_acquire);
    flags = get(hot.flags);
    generation = get(hot.generation);
    copy_node(segment, row_of(worker), node);
    if ((before & 1) == 0 && hot.version.load(std::memory_order_relaxed) == before) {
      return (flags & kLive) != 0;
    }
    cpu_relax();
  }
}

bool Fleet::fits(const Segment& segment, uint32_t row, const NodeDemand& demand) {
  const Row& hot = segment.rows[row];
  for (size_t i = 0; i < kResourceCount; ++i) {
    if (demand.amounts[i] > 0 && get(hot.free[i]) < demand.amounts[i]) return false;
  }
  if (demand.gpu_count > 0 && !gpus_fit(segment, row, demand)) return false;
  return demand.custom.empty() || custom_fits(segment, row, demand);
}

ClaimStatus Fleet::claim(
    WorkerIndex worker,
    uint32_t generation,
    const NodeDemand& demand,
    const GpuSet* gpus,
    Claim& claim) {
  Segment& segment = *segments_[segment_of(worker)];
  uint32_t row = row_of(worker);
  Row& hot = segment.rows[row];
  if (!hot.try_lock()) return ClaimStatus::Busy;

  uint32_t now_generation = get(hot.generation);
  if (!is_placeable(get(hot.flags)) || (generation != 0 && generation != now_generation) ||
      !fits(segment, row, demand) ||
      (gpus != nullptr && !devices_fit(segment, row, demand, *gpus))) {
    hot.unlock();
    return ClaimStatus::Changed;
  }
  claim.gpus = 0;
  if (gpus != nullptr) {
    claim.gpus = *gpus;
  } else if (demand.gpu_count > 0) {
    NodeState node;
    copy_node(segment, row, node);
    claim.gpus = choose_gpus(node, demand);
  }
  apply(segment, row, Holding::of(demand, claim.gpus), -1);
  add(hot.held, demand.amounts[kSlots]);
  reindex(segment, row);
  if (claim.text != nullptr) {
    claim.text->load(segment.text[row], segment.text_tail[row], RowText::kVersion);
  }
  int32_t capacity = get(hot.capacity[kSlots]);
  claim.load = capacity > 0 ? static_cast<double>(capacity - get(hot.free[kSlots])) / capacity : 0;
  hot.unlock();
  claim.worker = worker;
  claim.generation = now_generation;
  return ClaimStatus::Claimed;
}

void Fleet::give_back(
    WorkerIndex worker, uint32_t generation, const Holding& holding, bool slots_held) {
  Segment& segment = *segments_[segment_of(worker)];
  uint32_t row = row_of(worker);
  Row& hot = segment.rows[row];
  hot.lock();
  if (get(hot.generation) == generation && (get(hot.flags) & kLive) != 0) {
    apply(segment, row, holding, +1);
    if (slots_held) {
      add(hot.held, -holding.amounts[kSlots]);
    } else {
      // The worker's own report has carried these slots since it was settled.
      add(hot.free[kSlots], -holding.amounts[kSlots]);
    }
    reindex(segment, row);
  }
  hot.unlock();
}

void Fleet::settle(WorkerIndex worker, uint32_t generation, const Holding& holding) {
  Segment& segment = *segments_[segment_of(worker)];
  uint32_t row = row_of(worker);
  Row& hot = segment.rows[row];
  hot.lock();
  if (get(hot.generation) == generation && (get(hot.flags) & kLive) != 0) {
    add(hot.held, -holding.amounts[kSlots]);
    add(hot.free[kSlots], holding.amounts[kSlots]);
    reindex(segment, row);
  }
  hot.unlock();
}

void reindex(Segment& segment, uint32_t row) {
  Row& hot = segment.rows[row];
  uint32_t flags = get(hot.flags);
  int32_t free = get(hot.free[kSlots]);
  uint16_t bucket = kNoBucket;
  LoadKey key = 0;
  if (is_placeable(flags) && free > 0) {
    int32_t capacity = get(hot.capacity[kSlots]);
    key = load_key(capacity - free, capacity);
    bucket = load_bucket(key, (flags & kSuspicious) != 0);
  }
  auto before = static_cast<uint16_t>(hot.bucket.load(std::memory_order_relaxed));
  // The new bit is set before the old one is cleared, so a row that moves is seen at least once by
  // a search that goes from low load to high.
  if (bucket != kNoBucket && (bucket != before || key != segment.load.key(row))) {
    segment.load.insert(row, key, bucket);
  }
  if (before != bucket) {
    if (before != kNoBucket) segment.load.remove(row, before);
    hot.bucket.store(bucket, std::memory_order_release);
  }
}

}  // namespace berth::core
