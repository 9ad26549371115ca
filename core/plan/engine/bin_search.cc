#include "core/plan/engine/bin_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/plan/bounds.h"

namespace berth::core {

namespace {

class BinSearch final : public Engine {
 public:
  BinSearch(const Problem& problem, Rng rng, const Schedule* seed)
      : problem_(problem),
        rng_(rng),
        tasks_(static_cast<uint32_t>(problem.tasks.size())),
        workers_(static_cast<uint32_t>(problem.workers.size())),
        dims_(problem.resources.size()),
        worker_of_(tasks_),
        place_of_(tasks_),
        tasks_of_(workers_),
        loads_(workers_ * dims_) {
    find_units();
    bound_ = workers_bound(problem);
    pack_greedily();
    if (seed != nullptr && (!has_best_ || seed->cost < best_.cost)) {
      best_ = *seed;
      has_best_ = true;
      restore_best();
    }
    if (has_best_) {
      drop_one();
    } else {
      open_all();
    }
  }

  const Schedule* best() const override { return has_best_ ? &best_ : nullptr; }
  double bound() const override { return bound_; }

  bool advance(uint64_t steps) override {
    for (uint64_t step = 0; step < steps; ++step) {
      if (proved() || open_.size() < 2) return false;
      try_exchange();
      if (over_ < kNothing) {
        keep_best();
        drop_one();
      }
      cool();
    }
    return true;
  }

 private:
  /// Each resource in units of what one worker has of it on average: 1 is a worker's worth.
  void find_units() {
    std::vector<double> total(dims_);
    for (const Problem::Worker& worker : problem_.workers) {
      for (size_t d = 0; d < dims_; ++d)
        total[d] += static_cast<double>(worker.capacity[d]);
    }
    auto scaled = [&](const std::vector<Amount>& amounts, std::vector<double>& out) {
      for (size_t d = 0; d < dims_; ++d)
        out.push_back(total[d] > 0 ? static_cast<double>(amounts[d]) * workers_ / total[d] : 0);
    };
    for (const Problem::Worker& worker : problem_.workers)
      scaled(worker.capacity, capacity_);
    for (const Problem::Task& task : problem_.tasks)
      scaled(task.demand, demand_);
    mean_size_ = std::accumulate(demand_.begin(), demand_.end(), 0.0) /
                 static_cast<double>(std::max<size_t>(1, demand_.size()));
  }

  bool allowed(uint32_t task, uint32_t worker) const {
    return problem_.duration_on(task, worker) < kNever;
  }

  double over(uint32_t worker, const double* added, const double* removed) const {
    const double* load = &loads_[worker * dims_];
    const double* capacity = &capacity_[worker * dims_];
    double sum = 0;
    for (size_t d = 0; d < dims_; ++d) {
      const double now = load[d] + (added ? added[d] : 0) - (removed ? removed[d] : 0);
      if (now > capacity[d] + kNothing) sum += now - capacity[d];
    }
    return sum;
  }
  double over(uint32_t worker) const { return over(worker, nullptr, nullptr); }
  const double* demand(uint32_t task) const { return &demand_[task * dims_]; }

  void put(uint32_t task, uint32_t worker) {
    worker_of_[task] = worker;
    place_of_[task] = static_cast<uint32_t>(tasks_of_[worker].size());
    tasks_of_[worker].push_back(task);
    for (size_t d = 0; d < dims_; ++d)
      loads_[worker * dims_ + d] += demand(task)[d];
  }

  void remove(uint32_t task) {
    const uint32_t from = worker_of_[task];
    std::vector<uint32_t>& left = tasks_of_[from];
    const uint32_t last = left.back();
    left[place_of_[task]] = last;
    place_of_[last] = place_of_[task];
    left.pop_back();
    for (size_t d = 0; d < dims_; ++d)
      loads_[from * dims_ + d] -= demand(task)[d];
  }

  void clear() {
    for (std::vector<uint32_t>& list : tasks_of_)
      list.clear();
    std::fill(loads_.begin(), loads_.end(), 0);
    open_.clear();
  }

  void pack_greedily() {
    for (int rule = 0; rule < 3; ++rule) {
      clear();
      if (pack(rule) && (!has_best_ || static_cast<double>(open_.size()) < best_.cost)) {
        keep_best();
      }
    }
    if (has_best_) restore_best();
  }

  /// Worker after worker, each filled with the task that suits what is left of it best. Rule 0: by
  /// size alone; 1: the dot product of demand and what is left; 2: the least distance between them.
  bool pack(int rule) {
    std::vector<double> weight(dims_);  // what is asked for most matters most
    for (uint32_t task = 0; task < tasks_; ++task) {
      for (size_t d = 0; d < dims_; ++d)
        weight[d] += demand(task)[d] / tasks_;
    }
    std::vector<uint32_t> left(tasks_);
    std::iota(left.begin(), left.end(), 0);
    std::vector<uint32_t> order(workers_);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      auto size = [&](uint32_t worker) {
        return std::inner_product(weight.begin(), weight.end(), &capacity_[worker * dims_], 0.0);
      };
      return size(a) > size(b);
    });
    for (uint32_t worker : order) {
      if (left.empty()) break;
      open_.push_back(worker);
      while (fill_one(worker, rule, weight, left)) {}
      if (tasks_of_[worker].empty()) open_.pop_back();
    }
    return left.empty();
  }

  bool fill_one(
      uint32_t worker, int rule, const std::vector<double>& weight, std::vector<uint32_t>& left) {
    double best = -std::numeric_limits<double>::infinity();
    size_t chosen = left.size();
    for (size_t i = 0; i < left.size(); ++i) {
      const uint32_t task = left[i];
      if (over(worker, demand(task), nullptr) > 0 || !allowed(task, worker)) continue;
      double score = 0;
      for (size_t d = 0; d < dims_; ++d) {
        const double free = capacity_[worker * dims_ + d] - loads_[worker * dims_ + d];
        const double wants = demand(task)[d];
        if (rule == 0) score += weight[d] * wants;
        if (rule == 1) score += weight[d] * wants * free;
        if (rule == 2) score -= weight[d] * (free - wants) * (free - wants);
      }
      if (score > best) {
        best = score;
        chosen = i;
      }
    }
    if (chosen == left.size()) return false;
    put(left[chosen], worker);
    left[chosen] = left.back();
    left.pop_back();
    return true;
  }

  /// No packing was found at all: begin with too much somewhere.
  void open_all() {
    clear();
    open_.resize(workers_);
    std::iota(open_.begin(), open_.end(), 0);
    for (uint32_t task = 0; task < tasks_; ++task)
      put(task, least_over(task));
    sum_over();
  }

  uint32_t least_over(uint32_t task) const {
    double least = std::numeric_limits<double>::infinity();
    uint32_t chosen = open_.front();
    for (uint32_t worker : open_) {
      if (!allowed(task, worker)) continue;
      const double more = over(worker, demand(task), nullptr) - over(worker);
      if (more < least) {
        least = more;
        chosen = worker;
      }
    }
    return chosen;
  }

  void sum_over() {
    over_ = 0;
    for (uint32_t worker : open_)
      over_ += over(worker);
    temperature_ = mean_size_ * kHottest;
  }

  /// The emptiest worker is closed; its tasks go where they are least too much.
  void drop_one() {
    if (open_.size() < 2) return;
    const auto emptiest = std::min_element(open_.begin(), open_.end(), [&](uint32_t a, uint32_t b) {
      auto load = [&](uint32_t worker) {
        const double* begin = &loads_[worker * dims_];
        return std::accumulate(begin, begin + dims_, 0.0);
      };
      return load(a) < load(b);
    });
    const uint32_t closed = *emptiest;
    open_.erase(emptiest);
    while (!tasks_of_[closed].empty()) {
      const uint32_t task = tasks_of_[closed].back();
      remove(task);
      put(task, least_over(task));
    }
    sum_over();
  }

  bool accepted(double change) {
    return change <= 0 || rng_.unit() < std::exp(-change / temperature_);
  }

  /// A task moves, or two change places; one of them mostly from where there is too much.
  void try_exchange() {
    auto one = static_cast<uint32_t>(rng_.below(tasks_));
    for (int tries = 0; tries < 3 && over(worker_of_[one]) < kNothing; ++tries)
      one = static_cast<uint32_t>(rng_.below(tasks_));
    const uint32_t a = worker_of_[one];
    if (rng_.next() & 1) {
      const uint32_t b = open_[rng_.below(open_.size())];
      if (a == b || !allowed(one, b)) return;
      const double change =
          over(a, nullptr, demand(one)) + over(b, demand(one), nullptr) - over(a) - over(b);
      if (!accepted(change)) return;
      remove(one);
      put(one, b);
      over_ += change;
      return;
    }
    const auto two = static_cast<uint32_t>(rng_.below(tasks_));
    const uint32_t b = worker_of_[two];
    if (a == b || !allowed(one, b) || !allowed(two, a)) return;
    const double change =
        over(a, demand(two), demand(one)) + over(b, demand(one), demand(two)) - over(a) - over(b);
    if (!accepted(change)) return;
    remove(one);
    remove(two);
    put(one, b);
    put(two, a);
    over_ += change;
  }

  void cool() {
    if (++cooled_at_ < kStepsPerDegree) return;
    cooled_at_ = 0;
    temperature_ *= kCooling;
    if (temperature_ >= mean_size_ * kColdest) return;
    temperature_ = mean_size_ * kHottest;
    over_ = 0;  // what adding up has lost is put right
    for (uint32_t worker : open_)
      over_ += over(worker);
  }

  void keep_best() {
    best_.tasks.resize(tasks_);
    for (uint32_t task = 0; task < tasks_; ++task)
      best_.tasks[task] = {worker_of_[task], problem_.tasks[task].release};
    set_cost(problem_, best_);
    has_best_ = true;
  }

  void restore_best() {
    clear();
    for (uint32_t task = 0; task < tasks_; ++task)
      put(task, best_.tasks[task].worker);
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      if (!tasks_of_[worker].empty()) open_.push_back(worker);
    }
  }

  static constexpr double kNothing = 1e-9;
  static constexpr uint32_t kStepsPerDegree = 2'000;
  static constexpr double kHottest = 0.1;
  static constexpr double kColdest = 0.003;
  static constexpr double kCooling = 0.97;

  const Problem& problem_;
  Rng rng_;
  const uint32_t tasks_;
  const uint32_t workers_;
  const size_t dims_;
  std::vector<double> capacity_;
  std::vector<double> demand_;
  double mean_size_ = 0;
  double bound_ = 0;
  std::vector<uint32_t> worker_of_;
  std::vector<uint32_t> place_of_;  // in `tasks_of_`
  std::vector<std::vector<uint32_t>> tasks_of_;
  std::vector<double> loads_;
  std::vector<uint32_t> open_;  // workers that may be used
  double over_ = 0;             // summed over workers and resources
  double temperature_ = 0;
  uint32_t cooled_at_ = 0;
  Schedule best_;
  bool has_best_ = false;
};

}  // namespace

bool is_bin_problem(const Problem& problem) {
  return problem.goal == Goal::WorkersUsed && !problem.tasks.empty() && problem.busy.empty() &&
         all_at_once(problem);
}

std::unique_ptr<Engine> make_bin_search(const Problem& problem, Rng rng, const Schedule* seed) {
  return std::make_unique<BinSearch>(problem, rng, seed);
}

}  // namespace berth::core
