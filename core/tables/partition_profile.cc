// Partition: what a worker says of itself, written to its row and to the tag index.

#include <algorithm>

#include "core/tables/partition.h"

namespace berth::core {

bool Partition::apply_profile(
    const wire::Heartbeat& beat, WorkerIndex worker, BeatOutcome& outcome) {
  if (profile_fingerprint(beat) == beat_of(worker).fingerprint) return true;
  if (std::string wrong = check_profile(beat); !wrong.empty()) {
    outcome.refuse(wire::Refusal::BadRequest, std::move(wrong));
    return false;
  }
  ProfileNames profile;
  if (!intern_profile(beat, names_, profile)) {
    outcome.refuse(wire::Refusal::LimitReached, "the table of tags and labels is full");
    return false;
  }
  index_names(worker, indexed_names(worker), false);
  RowLock lock(row(worker));
  RowText text = text_of(worker);
  text.load(segment(worker).text[row_of(worker)], segment(worker).text_tail[row_of(worker)]);
  RowText(beat.worker, beat.address, beat.agent_version, std::string(text.reason()))
      .store(segment(worker).text[row_of(worker)], segment(worker).text_tail[row_of(worker)]);
  write_profile(beat, worker, profile);
  outcome.freed = true;
  return true;
}

void Partition::write_profile(
    const wire::Heartbeat& beat, WorkerIndex worker, const ProfileNames& profile) {
  write_capacity(beat.capacity, worker, profile);
  write_names(worker, profile);
  index_names(worker, profile.indexed(), true);
  beat_of(worker).fingerprint = profile_fingerprint(beat);
  reindex(segment(worker), row_of(worker));
}

void Partition::write_capacity(
    const wire::Capacity& capacity, WorkerIndex worker, const ProfileNames& profile) {
  Row& hot = row(worker);
  const int64_t amounts[kResourceCount] = {
      capacity.slots,
      capacity.cpu_milli,
      capacity.memory_mib,
      capacity.disk_mib,
      capacity.network_mbit};
  // What is taken stays taken: free moves by as much as the capacity does.
  for (size_t i = 0; i < kResourceCount; ++i) {
    auto total = static_cast<int32_t>(amounts[i]);
    set(hot.free[i], get(hot.free[i]) + total - get(hot.capacity[i]));
    set(hot.capacity[i], total);
  }
  // What is taken of a device is kept even while the worker does not show the device.
  RowExtras& extras = segment(worker).extras[row_of(worker)];
  auto gpus = static_cast<uint32_t>(profile.models.size());
  for (uint32_t i = 0; i < gpus; ++i)
    set(extras.gpu_model[i], profile.models[i].value);
  set(hot.gpu_count, gpus);
  write_custom(extras, hot, profile);
}

void Partition::write_custom(RowExtras& extras, Row& hot, const ProfileNames& profile) {
  absl::InlinedVector<CustomAmount, kCustomMax> taken;
  for (uint32_t i = 0; i < get(hot.custom_count); ++i) {
    const RowExtras::Custom& had = extras.custom[i];
    taken.push_back({{get(had.name)}, get(had.capacity) - get(had.free)});
  }
  for (uint32_t i = 0; i < profile.custom.size(); ++i) {
    const CustomAmount& now = profile.custom[i];
    auto before = std::find_if(
        taken.begin(), taken.end(), [&](const CustomAmount& had) { return had.name == now.name; });
    set(extras.custom[i].name, now.name.value);
    set(extras.custom[i].capacity, now.amount);
    set(extras.custom[i].free, now.amount - (before == taken.end() ? 0 : before->amount));
  }
  set(hot.custom_count, static_cast<uint32_t>(profile.custom.size()));
}

/// The worker counts all that runs on it itself: what is held beside that, and whatever holds it,
/// counts for nothing from now on.
void Partition::drop_held(WorkerIndex worker) {
  Row& hot = row(worker);
  RowLock lock(hot);
  set(hot.generation, get(hot.generation) + 1);
  for (size_t i = 0; i < kResourceCount; ++i)
    set(hot.free[i], get(hot.capacity[i]));
  constexpr auto kSlots = static_cast<size_t>(Resource::Slots);
  set(hot.free[kSlots], get(hot.capacity[kSlots]) - get(hot.reported));
  set(hot.held, 0);
  for (std::atomic<uint16_t>& gpu : hot.gpu_free)
    set(gpu, kWholeGpu);
  RowExtras& extras = segment(worker).extras[row_of(worker)];
  for (uint32_t i = 0; i < get(hot.custom_count); ++i)
    set(extras.custom[i].free, get(extras.custom[i].capacity));
  reindex(segment(worker), row_of(worker));
}

void Partition::write_names(WorkerIndex worker, const ProfileNames& profile) {
  uint32_t words[RowNames::kWords];
  uint32_t count = 0;
  words[count++] = static_cast<uint32_t>(profile.tags.size());
  words[count++] = static_cast<uint32_t>(profile.labels.size());
  for (NameId tag : profile.tags)
    words[count++] = tag.value;
  for (NameId label : profile.labels)
    words[count++] = label.value;
  Segment& home = segment(worker);
  RowNames::copy_in(home.names[row_of(worker)], home.names_tail[row_of(worker)], words, count);
}

NameIds Partition::indexed_names(WorkerIndex worker) const {
  const Segment& home = segment(worker);
  uint32_t at = row_of(worker);
  uint32_t words[RowNames::kWords];
  RowNames::copy_out(home.names[at], home.names_tail[at], words, 0, 2);
  uint32_t count = words[0] + words[1];
  RowNames::copy_out(home.names[at], home.names_tail[at], words, 2, count);
  NameIds ids;
  for (uint32_t i = 0; i < count; ++i)
    ids.push_back({words[2 + i]});
  for (uint32_t i = 0; i < get(home.rows[at].gpu_count); ++i) {
    ids.push_back({get(home.extras[at].gpu_model[i])});
  }
  return ids;
}

/// Tells searches that what they have computed from this segment's sets is out of date.
void Partition::names_changed(Segment& segment) {
  segment.names_version.fetch_add(1, std::memory_order_acq_rel);
}

void Partition::index_names(WorkerIndex worker, const NameIds& names, bool present) {
  Segment& home = segment(worker);
  for (NameId name : names) {
    RowSet* rows = home.tags[name.value].load(std::memory_order_relaxed);
    if (rows == nullptr) {
      rows = new RowSet();
      home.tags[name.value].store(rows, std::memory_order_release);
    }
    if (present) {
      rows->set(row_of(worker));
    } else {
      rows->clear(row_of(worker));
    }
  }
  names_changed(home);
}

}  // namespace berth::core
