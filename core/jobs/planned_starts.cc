#include "core/jobs/planned_starts.h"

#include <algorithm>

#include "core/base/check.h"

namespace berth::core {

void PlannedStarts::add(Promise&& promise) {
  const std::pair key{promise.start, promise.job.value};
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
  return promise;
}

void PlannedStarts::rename(wire::JobId from, wire::JobId to) {
  std::optional<Promise> promise = remove(from);
  if (!promise) return;
  promise->job = to;
  add(std::move(*promise));
}

void PlannedStarts::clear() {
  by_job_.clear();
  by_worker_.clear();
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
