#include "core/jobs/planned_starts.h"

#include <algorithm>

#include "core/base/check.h"

namespace berth::core {

PlannedStarts::Kind PlannedStarts::kind_of(const Promise& promise) {
  return {
      promise.like,
      promise.length.ns,
      promise.turn.deadline_at_ms != 0,
      promise.unlike ? promise.job.value : 0};
}

void PlannedStarts::add(Promise&& promise) {
  const std::pair key{promise.start, promise.job.value};
  by_kind_[kind_of(promise)].insert(promise.turn);
  by_worker_[promise.worker].insert(key);
  by_start_.insert(key);
  BERTH_CHECK(by_job_.try_emplace(promise.job.value, std::move(promise)).second);
}

const Promise* PlannedStarts::find(wire::JobId job) const {
  const auto found = by_job_.find(job.value);
  return found == by_job_.end() ? nullptr : &found->second;
}

std::optional<Promise> PlannedStarts::remove(wire::JobId job) {
  const auto found = by_job_.find(job.value);
  if (found == by_job_.end()) return std::nullopt;
  Promise promise = std::move(found->second);
  by_job_.erase(found);
  const std::pair key{promise.start, promise.job.value};
  by_start_.erase(key);
  const auto of_worker = by_worker_.find(promise.worker);
  of_worker->second.erase(key);
  if (of_worker->second.empty()) by_worker_.erase(of_worker);
  const auto of_kind = by_kind_.find(kind_of(promise));
  of_kind->second.erase(promise.turn);
  if (of_kind->second.empty()) by_kind_.erase(of_kind);
  return promise;
}

wire::JobId PlannedStarts::first_alike(wire::JobId job) const {
  return by_kind_.at(kind_of(by_job_.at(job.value))).begin()->id;
}

std::vector<wire::JobId> PlannedStarts::among(wire::JobId first, uint32_t count) const {
  std::vector<wire::JobId> found;
  if (count <= by_job_.size()) {
    for (uint64_t id = first.value; id < first.value + count; ++id) {
      if (by_job_.contains(id)) found.push_back({id});
    }
    return found;
  }
  for (const auto& [id, promise] : by_job_) {
    if (id >= first.value && id - first.value < count) found.push_back({id});
  }
  std::sort(found.begin(), found.end());
  return found;
}

void PlannedStarts::exchange(wire::JobId job, wire::JobId other) {
  if (job == other) return;
  std::optional<Promise> one = remove(job);
  std::optional<Promise> two = remove(other);
  const JobTurn turn = one->turn;
  one->job = other;
  one->turn = two ? two->turn : JobTurn{turn.priority, turn.deadline_at_ms, other};
  add(std::move(*one));
  if (!two) return;
  two->job = job;
  two->turn = turn;
  add(std::move(*two));
}

void PlannedStarts::clear() {
  by_job_.clear();
  by_worker_.clear();
  by_kind_.clear();
  by_start_.clear();
}

std::vector<const Promise*> PlannedStarts::on(WorkerNumber worker) const {
  std::vector<const Promise*> all;
  const auto found = by_worker_.find(worker);
  if (found == by_worker_.end()) return all;
  for (const auto& [start, job] : found->second)
    all.push_back(&by_job_.at(job));
  return all;
}

std::vector<WorkerNumber> PlannedStarts::due(Instant now) const {
  std::vector<WorkerNumber> workers;
  for (auto at = by_start_.begin(); at != by_start_.end() && at->first <= now; ++at)
    workers.push_back(by_job_.at(at->second).worker);
  std::sort(workers.begin(), workers.end());
  workers.erase(std::unique(workers.begin(), workers.end()), workers.end());
  return workers;
}

}  // namespace berth::core
