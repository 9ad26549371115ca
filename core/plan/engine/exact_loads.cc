#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/plan/engine/exact_search.h"
#include "core/plan/engine/worker_prices.h"

namespace berth::core {

namespace {

class ExactLoads final : public Engine {
 public:
  ExactLoads(const Problem& problem, const Schedule& known)
      : tasks_(static_cast<uint32_t>(problem.tasks.size())),
        workers_(static_cast<uint32_t>(problem.workers.size())),
        on_(workers_),
        twin_before_(workers_, workers_),
        best_(known) {
    read(problem);
    prices_ = price_workers(durations_, workers_);
    order_tasks();
    find_twins();
    aim();
    levels_.push_back({});
    choose_at(0);
  }

  const Schedule* best() const override { return &best_; }
  double bound() const override {
    return levels_.empty() ? best_.cost : prices_.bound * (1 - 1e-9);
  }

  /// Depth first, one level of the stack for each task that has its worker.
  bool advance(uint64_t steps) override {
    for (uint64_t step = 0; step < steps && !levels_.empty(); ++step)
      turn();
    return !levels_.empty();
  }

 private:
  struct Level {
    std::vector<uint32_t> choices;  ///< workers left to try, the best last
    uint32_t chosen = UINT32_MAX;
  };

  void read(const Problem& problem) {
    for (uint32_t task = 0; task < tasks_; ++task) {
      releases_.push_back(problem.tasks[task].release);
      grain_ = std::gcd(grain_, releases_.back());
      for (uint32_t worker = 0; worker < workers_; ++worker) {
        durations_.push_back(problem.duration_on(task, worker));
        if (durations_.back() < kNever) grain_ = std::gcd(grain_, durations_.back());
      }
    }
    grain_ = std::max<Ticks>(1, grain_);
  }

  Ticks duration(uint32_t task, uint32_t worker) const {
    return durations_[size_t{task} * workers_ + worker];
  }
  /// Who is released first goes first: on one worker no other order ends earlier.
  bool goes_before(uint32_t a, uint32_t b) const {
    return std::pair(releases_[a], a) < std::pair(releases_[b], b);
  }

  /// When the worker would be done with one task more.
  Ticks end_with(uint32_t worker, uint32_t task) const {
    Ticks end = 0;
    bool taken = false;
    const auto run = [&](uint32_t next) {
      end = std::max(end, releases_[next]) + duration(next, worker);
    };
    for (const uint32_t other : on_[worker]) {
      if (!taken && goes_before(task, other)) {
        run(task);
        taken = true;
      }
      run(other);
    }
    if (!taken) run(task);
    return end;
  }

  double cost(uint32_t task, uint32_t worker) const {
    return prices_.price[worker] * static_cast<double>(duration(task, worker));
  }

  /// Those first for which it matters most where they go.
  void order_tasks() {
    order_.resize(tasks_);
    std::iota(order_.begin(), order_.end(), 0);
    std::vector<double> regret(tasks_);
    cheapest_.resize(tasks_);
    for (uint32_t task = 0; task < tasks_; ++task) {
      std::vector<double> costs;
      for (uint32_t worker = 0; worker < workers_; ++worker)
        costs.push_back(cost(task, worker));
      std::sort(costs.begin(), costs.end());
      cheapest_[task] = costs[0];
      regret[task] = costs[0] + (workers_ > 1 ? costs[1] - costs[0] : 0);
    }
    std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
      return regret[a] > regret[b];
    });
    left_.resize(tasks_ + 1);
    for (uint32_t depth = tasks_; depth-- > 0;)
      left_[depth] = left_[depth + 1] + cheapest_[order_[depth]];
  }

  /// Workers on which everything takes as long.
  void find_twins() {
    for (uint32_t worker = 1; worker < workers_; ++worker) {
      for (uint32_t other = worker; other-- > 0 && twin_before_[worker] == workers_;) {
        bool same = true;
        for (uint32_t task = 0; task < tasks_ && same; ++task)
          same = duration(task, worker) == duration(task, other);
        if (same) twin_before_[worker] = other;
      }
    }
  }

  void aim() {
    target_ = static_cast<Ticks>(best_.cost) - grain_;
    slack_ = static_cast<double>(target_) * (1 + 1e-9);
  }

  void choose_at(size_t depth) {
    Level& level = levels_[depth];
    level.choices.clear();
    level.chosen = UINT32_MAX;
    const uint32_t task = order_[depth];
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      if (duration(task, worker) > target_ || end_with(worker, task) > target_) continue;
      const uint32_t twin = twin_before_[worker];
      if (on_[worker].empty() && twin != workers_ && on_[twin].empty()) continue;
      // What this choice costs beyond the cheapest one must still be there to spend.
      if (spent_ + cost(task, worker) + left_[depth + 1] > slack_) continue;
      level.choices.push_back(worker);
    }
    std::stable_sort(level.choices.begin(), level.choices.end(), [&](uint32_t a, uint32_t b) {
      return end_with(a, task) > end_with(b, task);
    });
  }

  void turn() {
    Level& level = levels_.back();
    const size_t depth = levels_.size() - 1;
    const uint32_t task = order_[depth];
    if (level.chosen != UINT32_MAX) undo(task, level.chosen);
    level.chosen = UINT32_MAX;
    if (level.choices.empty()) {
      levels_.pop_back();
      return;
    }
    const uint32_t worker = level.choices.back();
    level.choices.pop_back();
    // The target may have come down since the list was made.
    if (end_with(worker, task) > target_) return;
    level.chosen = worker;
    std::vector<uint32_t>& on = on_[worker];
    on.insert(
        std::find_if(on.begin(), on.end(), [&](uint32_t o) { return goes_before(task, o); }), task);
    spent_ += cost(task, worker);
    if (depth + 1 == tasks_) return keep();
    levels_.emplace_back();
    choose_at(depth + 1);
  }

  void undo(uint32_t task, uint32_t worker) {
    std::erase(on_[worker], task);
    spent_ -= cost(task, worker);
  }

  void keep() {
    best_.tasks.resize(tasks_);
    Ticks last = 0;
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      Ticks end = 0;
      for (const uint32_t task : on_[worker]) {
        const Ticks start = std::max(end, releases_[task]);
        best_.tasks[task] = {worker, start};
        end = start + duration(task, worker);
      }
      last = std::max(last, end);
    }
    best_.cost = static_cast<double>(last);
    aim();
  }

  const uint32_t tasks_;
  const uint32_t workers_;
  std::vector<Ticks> durations_;
  WorkerPrices prices_;
  std::vector<double> cheapest_;  // of each task, at these prices
  std::vector<double> left_;      // the same, summed from a depth on
  std::vector<uint32_t> order_;
  std::vector<Ticks> releases_;
  std::vector<std::vector<uint32_t>> on_;  // each worker, as it runs them
  std::vector<uint32_t> twin_before_;      // `workers_`: none
  std::vector<Level> levels_;
  double spent_ = 0;
  double slack_ = 0;
  Ticks grain_ = 0;
  Ticks target_ = 0;
  Schedule best_;
};

}  // namespace

std::unique_ptr<Engine> make_exact_loads(const Problem& problem, const Schedule& known) {
  return std::make_unique<ExactLoads>(problem, known);
}

}  // namespace berth::core
