#include "core/plan/job_ranges.h"

#include <algorithm>
#include <utility>

namespace berth::core {

bool one_range(const QueuePlace& a, const QueuePlace& b, Goal goal) {
  const bool by_deadline = goal != Goal::WeightedTardiness;
  return a.priority == b.priority && (!by_deadline || a.deadline == b.deadline);
}

/// Searching costs some milliseconds for each range: behind the first few the order of the queue
/// has to do, and so it does within ranges where nothing can be gained.
std::vector<JobRange> ranges_of(
    uint32_t tasks, const TaskRelation& one_range, const TaskRelation& alike) {
  constexpr int kSearchedMax = 8;
  std::vector<JobRange> ranges;
  int searched = 0;
  for (uint32_t begin = 0, end = 0; begin < tasks; begin = end) {
    bool search = false;
    for (end = begin + 1; end < tasks && one_range(begin, end); ++end)
      search = search || !alike(begin, end);
    search = search && ++searched <= kSearchedMax;
    if (!search && !ranges.empty() && !ranges.back().search) {
      ranges.back().end = end;
    } else {
      ranges.push_back({begin, end, search});
    }
  }
  return ranges;
}

Problem part_of(
    const Problem& whole, const JobRange& jobs, const std::vector<Problem::Busy>& decided) {
  Problem part;
  part.goal = whole.goal;
  part.leftovers = whole.leftovers;
  part.resources = whole.resources;
  part.workers = whole.workers;
  part.tasks.assign(whole.tasks.begin() + jobs.begin, whole.tasks.begin() + jobs.end);
  for (Problem::Task& task : part.tasks) {
    for (uint32_t& before : task.after)
      before -= jobs.begin;
  }
  part.busy = whole.busy;
  part.busy.insert(part.busy.end(), decided.begin(), decided.end());
  return part;
}

void start_in_turn(std::span<const uint32_t> alike, Schedule& schedule, std::vector<GpuSet>* gpus) {
  std::vector<std::pair<Assigned, GpuSet>> places;
  for (uint32_t task : alike)
    places.emplace_back(schedule.tasks[task], gpus != nullptr ? (*gpus)[task] : GpuSet{0});
  std::stable_sort(places.begin(), places.end(), [](const auto& a, const auto& b) {
    return a.first.start != b.first.start ? a.first.start < b.first.start
                                          : a.first.worker < b.first.worker;
  });
  for (size_t i = 0; i < alike.size(); ++i) {
    schedule.tasks[alike[i]] = places[i].first;
    if (gpus != nullptr) (*gpus)[alike[i]] = places[i].second;
  }
}

}  // namespace berth::core
