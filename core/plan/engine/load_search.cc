#include "core/plan/engine/load_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/plan/engine/worker_prices.h"

namespace berth::core {

namespace {

class LoadSearch final : public Engine {
 public:
  LoadSearch(const Problem& problem, Rng rng, const Schedule* seed)
      : rng_(rng),
        tasks_(static_cast<uint32_t>(problem.tasks.size())),
        workers_(static_cast<uint32_t>(problem.workers.size())),
        worker_of_(tasks_),
        place_of_(tasks_),
        tasks_of_(workers_),
        loads_(workers_) {
    durations_.resize(size_t{tasks_} * workers_);
    for (uint32_t task = 0; task < tasks_; ++task) {
      for (uint32_t worker = 0; worker < workers_; ++worker)
        durations_[size_t{task} * workers_ + worker] = problem.duration_on(task, worker);
    }
    for (Ticks duration : durations_) {
      if (duration < kNever) grain_ = std::gcd(grain_, duration);
    }
    grain_ = std::max<Ticks>(grain_, 1);
    place_greedily();
    find_prices();
    list_choices();
    keep_best();
    place_by_prices();
    if (seed != nullptr && seed->cost < best_.cost) start_with(*seed);
    hottest_ = std::accumulate(loads_.begin(), loads_.end(), 0.0) / tasks_ * kHottest;
    temperature_ = hottest_;
  }

  const Schedule* best() const override { return &best_; }
  double bound() const override { return static_cast<double>(bound_); }

  bool advance(uint64_t steps) override {
    for (uint64_t step = 0; step < steps; ++step) {
      if (proved()) return false;
      try_chain();
      if (over_ == 0) keep_best();
      cool();
    }
    return !proved();
  }

 private:
  Ticks duration(uint32_t task, uint32_t worker) const {
    return durations_[size_t{task} * workers_ + worker];
  }

  void put(uint32_t task, uint32_t worker) {
    worker_of_[task] = worker;
    place_of_[task] = static_cast<uint32_t>(tasks_of_[worker].size());
    tasks_of_[worker].push_back(task);
    loads_[worker] += duration(task, worker);
  }

  void move(uint32_t task, uint32_t worker) {
    const uint32_t from = worker_of_[task];
    loads_[from] -= duration(task, from);
    std::vector<uint32_t>& left = tasks_of_[from];
    const uint32_t last = left.back();
    left[place_of_[task]] = last;
    place_of_[last] = place_of_[task];
    left.pop_back();
    put(task, worker);
  }

  void place_greedily() {
    std::vector<Ticks> shortest(tasks_, kNever);
    for (uint32_t task = 0; task < tasks_; ++task) {
      for (uint32_t worker = 0; worker < workers_; ++worker)
        shortest[task] = std::min(shortest[task], duration(task, worker));
    }
    bound_ = *std::max_element(shortest.begin(), shortest.end());
    std::vector<uint32_t> order(tasks_);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return shortest[a] > shortest[b];
    });
    for (uint32_t task : order) {
      uint32_t chosen = 0;
      for (uint32_t worker = 1; worker < workers_; ++worker) {
        const Ticks end = loads_[worker] + duration(task, worker);
        if (end < loads_[chosen] + duration(task, chosen)) chosen = worker;
      }
      put(task, chosen);
    }
  }

  /// Where they end first among their few choices, the longest task first.
  void place_by_prices() {
    std::vector<uint32_t> order(tasks_);
    std::iota(order.begin(), order.end(), 0);
    auto cheapest = [&](uint32_t task) {
      return duration(task, choices_[size_t{task} * width_]);
    };
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return cheapest(a) > cheapest(b);
    });
    std::vector<Ticks> ends(workers_);
    std::vector<uint32_t> where(tasks_);
    for (uint32_t task : order) {
      const uint32_t* choices = &choices_[size_t{task} * width_];
      where[task] = *std::min_element(choices, choices + width_, [&](uint32_t a, uint32_t b) {
        return ends[a] + duration(task, a) < ends[b] + duration(task, b);
      });
      ends[where[task]] += duration(task, where[task]);
    }
    const Ticks makespan = *std::max_element(ends.begin(), ends.end());
    if (static_cast<double>(makespan) >= best_.cost) return;
    for (uint32_t task = 0; task < tasks_; ++task)
      move(task, where[task]);
    keep_best();
  }

  void start_with(const Schedule& seed) {
    for (uint32_t task = 0; task < tasks_; ++task)
      move(task, seed.tasks[task].worker);
    keep_best();
  }

  void find_prices() {
    WorkerPrices found = price_workers(durations_, workers_);
    prices_ = std::move(found.price);
    const auto bound = static_cast<Ticks>(std::ceil(found.bound * (1 - 1e-9)));
    bound_ = std::max(bound_, (bound + grain_ - 1) / grain_ * grain_);
  }

  /// Where each task costs least by these prices: good schedules use hardly anything else.
  void list_choices() {
    const uint32_t width = std::min(workers_, kChoices);
    choices_.resize(size_t{tasks_} * width);
    width_ = width;
    std::vector<uint32_t> order(workers_);
    for (uint32_t task = 0; task < tasks_; ++task) {
      std::iota(order.begin(), order.end(), 0);
      std::partial_sort(
          order.begin(), order.begin() + width, order.end(), [&](uint32_t a, uint32_t b) {
            return prices_[a] * static_cast<double>(duration(task, a)) <
                   prices_[b] * static_cast<double>(duration(task, b));
          });
      for (uint32_t i = 0; i < width; ++i) {
        // A worker that may not run it is no choice: the first one stands in for it.
        const bool able = duration(task, order[i]) < kNever;
        choices_[size_t{task} * width + i] = able ? order[i] : order[0];
      }
    }
  }

  uint32_t some_choice(uint32_t task) {
    const double at = rng_.unit();
    return choices_[size_t{task} * width_ + static_cast<size_t>(at * at * width_)];
  }

  Ticks over(Ticks load) const { return std::max<Ticks>(0, load - target_); }

  bool accepted(Ticks change) {
    return change <= 0 || rng_.unit() < std::exp(-static_cast<double>(change) / temperature_);
  }

  /// One task goes to another worker; half of the time one of that worker's tasks goes on to a
  /// third, or to where the first came from.
  void try_chain() {
    const auto one = static_cast<uint32_t>(rng_.below(tasks_));
    const uint32_t a = worker_of_[one];
    const uint32_t b = some_choice(one);
    if (a == b) return;
    const Ticks a_load = loads_[a] - duration(one, a);
    const Ticks b_load = loads_[b] + duration(one, b);
    const Ticks before = over(loads_[a]) + over(loads_[b]);
    if ((rng_.next() & 3) == 0 || tasks_of_[b].empty()) {
      const Ticks change = over(a_load) + over(b_load) - before;
      if (!accepted(change)) return;
      move(one, b);
      over_ += change;
      return;
    }
    const uint32_t two = tasks_of_[b][rng_.below(tasks_of_[b].size())];
    const uint32_t c = (rng_.next() & 1) ? a : some_choice(two);
    if (c == b || duration(two, c) >= kNever) return;
    const Ticks b_less = b_load - duration(two, b);
    const Ticks change = c == a ? over(a_load + duration(two, a)) + over(b_less) - before
                                : over(a_load) + over(b_less) + over(loads_[c] + duration(two, c)) -
                                      before - over(loads_[c]);
    if (!accepted(change)) return;
    move(one, b);
    move(two, c);
    over_ += change;
  }

  void cool() {
    if (++cooled_at_ < kStepsPerDegree) return;
    cooled_at_ = 0;
    temperature_ *= kCooling;
    if (temperature_ < hottest_ * kColdest) temperature_ = hottest_;
  }

  /// The next shorter one is asked for from now on.
  void keep_best() {
    const Ticks makespan = *std::max_element(loads_.begin(), loads_.end());
    target_ = makespan - grain_;
    over_ = 0;
    for (Ticks load : loads_)
      over_ += over(load);
    std::vector<Ticks> ends(workers_);
    best_.tasks.resize(tasks_);
    for (uint32_t task = 0; task < tasks_; ++task) {
      const uint32_t worker = worker_of_[task];
      best_.tasks[task] = {worker, ends[worker]};
      ends[worker] += duration(task, worker);
    }
    best_.cost = static_cast<double>(makespan);
  }

  static constexpr uint32_t kChoices = 8;
  static constexpr uint32_t kStepsPerDegree = 4'000;
  static constexpr double kHottest = 0.1;
  static constexpr double kColdest = 0.01;
  static constexpr double kCooling = 0.97;

  Rng rng_;
  const uint32_t tasks_;
  const uint32_t workers_;
  std::vector<Ticks> durations_;
  std::vector<double> prices_;
  std::vector<uint32_t> choices_;  // of each task `width_` workers, the cheapest first
  uint32_t width_ = 0;
  std::vector<uint32_t> worker_of_;
  std::vector<uint32_t> place_of_;  // in `tasks_of_`
  std::vector<std::vector<uint32_t>> tasks_of_;
  std::vector<Ticks> loads_;
  Ticks grain_ = 0;  // every load is a multiple of it
  Ticks bound_ = 0;
  Ticks target_ = 0;
  Ticks over_ = 0;  // summed over workers
  double hottest_ = 0;
  double temperature_ = 0;
  uint32_t cooled_at_ = 0;
  Schedule best_;
};

constexpr size_t kPairsMax = 4'000'000;  // of task and worker: 32 MB of durations

}  // namespace

bool runs_one_at_a_time(const Problem& problem) {
  for (size_t r = 0; r < problem.resources.size(); ++r) {
    Amount smallest = kNever;
    Amount largest = 0;
    for (const Problem::Task& task : problem.tasks)
      smallest = std::min(smallest, task.demand[r]);
    for (const Problem::Worker& worker : problem.workers)
      largest = std::max(largest, worker.capacity[r]);
    if (smallest * 2 > largest) return true;
  }
  return false;
}

bool is_release_problem(const Problem& problem) {
  if (problem.goal != Goal::Makespan || problem.tasks.empty()) return false;
  if (!problem.busy.empty()) return false;
  if (problem.tasks.size() > kPairsMax / problem.workers.size()) return false;
  if (!runs_one_at_a_time(problem)) return false;
  return std::all_of(problem.tasks.begin(), problem.tasks.end(), [](const Problem::Task& task) {
    return task.deadline == kNever && task.after.empty();
  });
}

bool is_load_problem(const Problem& problem) {
  const auto at_once = [](const Problem::Task& task) {
    return task.release == 0;
  };
  return is_release_problem(problem) &&
         std::all_of(problem.tasks.begin(), problem.tasks.end(), at_once);
}

std::unique_ptr<Engine> make_load_search(const Problem& problem, Rng rng, const Schedule* seed) {
  return std::make_unique<LoadSearch>(problem, rng, seed);
}

}  // namespace berth::core
