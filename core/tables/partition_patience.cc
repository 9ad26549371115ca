// Partition: workers with their own time until they are offline. They are in neither list by age,
// which is ordered by one time for all; each is looked at when it could have become silent.

#include <algorithm>

#include "core/tables/partition.h"

namespace berth::core {

namespace {

/// Suspicious comes half-way.
Duration suspicious_after(Duration offline_after) {
  return {std::max<int64_t>(offline_after.ns / 2, 1)};
}

}  // namespace

/// After a heartbeat with a profile: 0 is the server's own time.
void Partition::set_patience(Instant now, WorkerIndex worker, Duration offline_after) {
  const bool patient = (get(row(worker).flags) & kPatient) != 0;
  if (!patient && offline_after.ns == 0) return;
  if (patient && patience_.find(worker.value)->second.offline_after == offline_after) {
    return watch(now, worker);
  }
  if (AgeList* list = list_of(worker)) unlink(*list, worker);
  if (patient) forget_patience(worker);
  set_flags(worker, 0, kPatient);
  if (offline_after.ns == 0) {
    if (AgeList* list = list_of(worker)) link_newest(*list, worker);
    return;
  }
  set_flags(worker, kPatient, 0);
  patience_[worker.value] = {offline_after, {}};
  watch(now, worker);
}

/// It was heard of. Whoever looks at it finds that; somebody has to look.
void Partition::watch(Instant now, WorkerIndex worker) {
  const Patience& patience = patience_.find(worker.value)->second;
  if (patience.look_at.ns == 0) look_again(worker, now + suspicious_after(patience.offline_after));
}

void Partition::forget_patience(WorkerIndex worker) {
  const auto known = patience_.find(worker.value);
  looks_.erase({known->second.look_at, worker.value});
  patience_.erase(known);
}

void Partition::look_again(WorkerIndex worker, Instant at) {
  patience_[worker.value].look_at = at;
  looks_.insert({at, worker.value});
}

void Partition::age_patient(Instant now, std::vector<Change>& changes) {
  while (!looks_.empty() && looks_.begin()->first <= now) {
    const WorkerIndex worker{looks_.begin()->second};
    looks_.erase(looks_.begin());
    Patience& patience = patience_.find(worker.value)->second;
    const Duration silence = silence_of(now, worker);
    const Duration early = suspicious_after(patience.offline_after);
    const wire::WorkerStatus status = status_of(get(row(worker).flags));
    if (status == wire::WorkerStatus::Online && silence >= early) {
      move_on(now, worker, wire::WorkerStatus::Suspicious, changes);
    }
    if (status != wire::WorkerStatus::Offline && silence >= patience.offline_after) {
      move_on(now, worker, wire::WorkerStatus::Offline, changes);
    }
    if (status_of(get(row(worker).flags)) == wire::WorkerStatus::Offline) {
      patience.look_at = {};  // its next heartbeat calls back who looks
      continue;
    }
    const Duration next = silence >= early ? patience.offline_after : early;
    look_again(worker, now + next - silence);
  }
}

}  // namespace berth::core
