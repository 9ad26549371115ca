#include "core/plan/engine/partition_search.h"

#include <algorithm>
#include <utility>

#include "core/plan/bounds.h"
#include "core/plan/engine/order_search.h"
#include "core/plan/fragmentation.h"

namespace berth::core {

namespace {

constexpr size_t kPartTasks = 60;
constexpr uint64_t kPartSteps = 100'000;

class PartitionSearch final : public Engine {
 public:
  PartitionSearch(const Problem& problem, Rng rng, const Schedule* seed)
      : problem_(problem),
        rng_(rng),
        workers_(static_cast<uint32_t>(problem.workers.size())),
        followers_(problem.tasks.size()),
        tasks_of_(workers_),
        part_of_(problem.tasks.size(), kElsewhere) {
    for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
      for (uint32_t before : problem.tasks[task].after)
        followers_[before].push_back(task);
    }
    bound_ = lower_bound(problem);
    // No step is taken: its rules of thumb alone.
    const std::unique_ptr<Engine> first = make_order_search(problem, rng, seed);
    if (first->best() == nullptr) return;
    best_ = *first->best();
    has_best_ = true;
    fragmentation_ = fragmentation_of(problem, best_.tasks);
    for (uint32_t task = 0; task < best_.tasks.size(); ++task)
      tasks_of_[best_.tasks[task].worker].push_back(task);
  }

  const Schedule* best() const override { return has_best_ ? &best_ : nullptr; }
  double bound() const override { return bound_; }

  bool advance(uint64_t steps) override {
    if (!has_best_) return false;
    credit_ += static_cast<int64_t>(steps);
    while (credit_ > 0) {
      if (proved()) return false;
      improve_some_part();
      credit_ -= static_cast<int64_t>(kPartSteps);
    }
    return true;
  }

 private:
  static constexpr uint32_t kElsewhere = UINT32_MAX;

  Ticks end_of(uint32_t task) const {
    const Assigned& at = best_.tasks[task];
    return at.start + problem_.duration_on(task, at.worker);
  }

  /// How much the cost hangs on a worker.
  double weight_of(uint32_t worker) const {
    double weight = 0;
    for (uint32_t task : tasks_of_[worker]) {
      const Problem::Task& one = problem_.tasks[task];
      const Ticks end = end_of(task);
      if (problem_.goal == Goal::Makespan) weight = std::max(weight, static_cast<double>(end));
      if (problem_.goal == Goal::WeightedTardiness && end > one.deadline) {
        weight += one.weight * static_cast<double>(end - one.deadline);
      }
      if (problem_.goal == Goal::BoundedSlowdown) {
        weight += slowdown(one, best_.tasks[task].start, end - best_.tasks[task].start);
      }
      // The emptiest is the first that might do without.
      if (problem_.goal == Goal::WorkersUsed) weight -= 1;
    }
    return tasks_of_[worker].empty() ? -1e300 : weight;
  }

  void choose_workers() {
    chosen_.clear();
    uint32_t worst = 0;
    double heaviest = -1e301;
    uint32_t seen = 0;
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      const double weight = weight_of(worker);
      if (weight > heaviest) seen = 0;
      if (weight < heaviest || rng_.below(++seen) != 0) continue;
      heaviest = weight;
      worst = worker;
    }
    chosen_.push_back(worst);
    size_t tasks = tasks_of_[worst].size();
    for (int tries = 0; tries < 64 && tasks < kPartTasks && chosen_.size() < workers_; ++tries) {
      const auto worker = static_cast<uint32_t>(rng_.below(workers_));
      if (std::find(chosen_.begin(), chosen_.end(), worker) != chosen_.end()) continue;
      if (tasks + tasks_of_[worker].size() > 2 * kPartTasks) continue;
      chosen_.push_back(worker);
      tasks += tasks_of_[worker].size();
    }
    std::sort(chosen_.begin(), chosen_.end());
  }

  void improve_some_part() {
    choose_workers();
    Schedule seed;
    const Problem part = cut_out(seed);
    if (part.tasks.empty()) return;
    const std::unique_ptr<Engine> search = make_order_search(part, Rng(rng_.next()), &seed);
    (void)search->advance(kPartSteps);
    if (search->best() != nullptr && search->best()->cost <= seed.cost) {
      put_back(part, seed, *search->best());
    }
    for (uint32_t task : tasks_)
      part_of_[task] = kElsewhere;
  }

  Problem cut_out(Schedule& seed) {
    Problem part;
    part.goal = problem_.goal;
    part.leftovers = problem_.leftovers;
    part.resources = problem_.resources;
    tasks_.clear();
    for (uint32_t worker : chosen_) {
      part.workers.push_back(problem_.workers[worker]);
      for (uint32_t task : tasks_of_[worker]) {
        part_of_[task] = static_cast<uint32_t>(tasks_.size());
        tasks_.push_back(task);
      }
    }
    for (const Problem::Busy& busy : problem_.busy) {
      const auto at = std::lower_bound(chosen_.begin(), chosen_.end(), busy.worker);
      if (at == chosen_.end() || *at != busy.worker) continue;
      part.busy.push_back(busy);
      part.busy.back().worker = static_cast<uint32_t>(at - chosen_.begin());
    }
    for (uint32_t task : tasks_) {
      part.tasks.push_back(task_of_part(task));
      const Assigned& at = best_.tasks[task];
      const auto worker = std::lower_bound(chosen_.begin(), chosen_.end(), at.worker);
      seed.tasks.push_back({static_cast<uint32_t>(worker - chosen_.begin()), at.start});
    }
    set_cost(part, seed);
    return part;
  }

  /// Tasks elsewhere stay where and when they are: they bound when this one may run.
  Problem::Task task_of_part(uint32_t task) {
    const Problem::Task& whole = problem_.tasks[task];
    Problem::Task one;
    one.id = whole.id;
    one.demand = whole.demand;
    one.duration = whole.duration;
    one.weight = whole.weight;
    one.waited = whole.waited;
    one.release = whole.release;
    one.deadline = whole.deadline;
    std::vector<uint32_t> allowed;
    for (uint32_t i = 0; i < chosen_.size(); ++i) {
      if (!whole.durations.empty()) one.durations.push_back(whole.durations[chosen_[i]]);
      if (whole.workers.contains(chosen_[i])) allowed.push_back(i);
    }
    one.workers = std::move(allowed);
    for (uint32_t before : whole.after) {
      if (part_of_[before] != kElsewhere) {
        one.after.push_back(part_of_[before]);
      } else {
        one.release = std::max(one.release, end_of(before));
      }
    }
    return one;
  }

  /// Whether each task that follows one of the part elsewhere can still start when it does.
  bool suits_the_rest(const Schedule& found) const {
    for (uint32_t i = 0; i < tasks_.size(); ++i) {
      const auto [worker, start] = found.tasks[i];
      const Ticks end = start + problem_.duration_on(tasks_[i], chosen_[worker]);
      for (uint32_t next : followers_[tasks_[i]]) {
        if (part_of_[next] == kElsewhere && best_.tasks[next].start < end) return false;
      }
    }
    return true;
  }

  void put_back(const Problem& part, const Schedule& seed, const Schedule& found) {
    if (!suits_the_rest(found)) return;
    // A sum over workers, of which the others stay as they are.
    fragmentation_ += fragmentation_of(part, found.tasks) - fragmentation_of(part, seed.tasks);
    for (uint32_t worker : chosen_)
      tasks_of_[worker].clear();
    for (uint32_t i = 0; i < tasks_.size(); ++i) {
      const uint32_t worker = chosen_[found.tasks[i].worker];
      best_.tasks[tasks_[i]] = {worker, found.tasks[i].start};
      tasks_of_[worker].push_back(tasks_[i]);
    }
    best_.leftovers = fragmentation_cost(problem_, fragmentation_);
    best_.cost = goal_cost(problem_, best_.tasks) + best_.leftovers;
  }

  const Problem& problem_;
  Rng rng_;
  const uint32_t workers_;
  std::vector<std::vector<uint32_t>> followers_;
  std::vector<std::vector<uint32_t>> tasks_of_;
  std::vector<uint32_t> part_of_;  // of each task: its place in the part under way
  std::vector<uint32_t> chosen_;   // the part's workers, ascending
  std::vector<uint32_t> tasks_;    // the part's tasks
  double bound_ = 0;
  int64_t credit_ = 0;
  Schedule best_;
  bool has_best_ = false;
  int64_t fragmentation_ = 0;  // of the best
};

}  // namespace

std::unique_ptr<Engine> make_partition_search(
    const Problem& problem, Rng rng, const Schedule* seed) {
  return std::make_unique<PartitionSearch>(problem, rng, seed);
}

}  // namespace berth::core
