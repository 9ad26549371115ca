#include "core/plan/engine/machine_search.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <numeric>

#include "core/plan/bounds.h"
#include "core/plan/engine/decoder.h"

namespace berth::core {

namespace {

constexpr uint32_t kNone = UINT32_MAX;

class MachineSearch final : public Engine {
 public:
  MachineSearch(const Problem& problem, Rng rng, const Schedule* seed)
      : problem_(problem),
        rng_(rng),
        tasks_(static_cast<uint32_t>(problem.tasks.size())),
        followers_(tasks_),
        worker_of_(tasks_),
        length_(tasks_),
        before_(tasks_, kNone),
        behind_(tasks_, kNone),
        head_(tasks_),
        tail_(tasks_),
        missing_(tasks_) {
    for (uint32_t task = 0; task < tasks_; ++task) {
      for (uint32_t other : problem.tasks[task].after)
        followers_[other].push_back(task);
      worker_of_[task] = only_worker(task);
      length_[task] = problem.duration_on(task, worker_of_[task]);
    }
    bound_ = machine_bound();
    start();
    if (seed != nullptr && seed->cost < best_.cost) {
      best_ = *seed;
      keep_order(best_);
      (void)evaluate();
    }
  }

  const Schedule* best() const override { return &best_; }
  double bound() const override { return bound_; }

  bool advance(uint64_t steps) override {
    credit_ += static_cast<int64_t>(steps);
    while (credit_ > 0) {
      if (proved()) return false;
      if (!turn()) return false;
      credit_ -= 2 * static_cast<int64_t>(tasks_);
    }
    return true;
  }

 private:
  struct Swap {
    uint32_t first = kNone;  ///< stands directly before `second` on their worker
    uint32_t second = kNone;
  };

  uint32_t only_worker(uint32_t task) const {
    for (uint32_t worker = 0; worker < problem_.workers.size(); ++worker) {
      if (problem_.duration_on(task, worker) < kNever) return worker;
    }
    return 0;
  }

  /// The volume bound of each worker by itself.
  double machine_bound() const {
    std::vector<Ticks> work(problem_.workers.size());
    for (uint32_t task = 0; task < tasks_; ++task)
      work[worker_of_[task]] += length_[task];
    const Ticks most = *std::max_element(work.begin(), work.end());
    return std::max(static_cast<double>(most), lower_bound(problem_));
  }

  /// The first order: as tasks come in a topological order, decoded.
  void start() {
    Decoder decoder(problem_);
    Schedule schedule;
    (void)decoder.decode(topological_order(problem_), {}, schedule);
    keep_order(schedule);
    (void)evaluate();
    keep_best();
  }

  void keep_order(const Schedule& schedule) {
    std::vector<uint32_t> by_start(tasks_);
    std::iota(by_start.begin(), by_start.end(), 0);
    std::stable_sort(by_start.begin(), by_start.end(), [&](uint32_t a, uint32_t b) {
      return schedule.tasks[a].start < schedule.tasks[b].start;
    });
    std::vector<uint32_t> last(problem_.workers.size(), kNone);
    std::fill(behind_.begin(), behind_.end(), kNone);
    for (uint32_t task : by_start) {
      uint32_t& previous = last[worker_of_[task]];
      before_[task] = previous;
      if (previous != kNone) behind_[previous] = task;
      previous = task;
    }
  }

  /// Heads (earliest starts) and tails (longest way from a task's end to the end of all). False:
  /// the orders contradict each other.
  bool evaluate() {
    order_.clear();
    for (uint32_t task = 0; task < tasks_; ++task) {
      missing_[task] = static_cast<uint32_t>(problem_.tasks[task].after.size());
      if (before_[task] != kNone) ++missing_[task];
      head_[task] = problem_.tasks[task].release;
      if (missing_[task] == 0) order_.push_back(task);
    }
    makespan_ = 0;
    for (size_t at = 0; at < order_.size(); ++at) {
      const uint32_t task = order_[at];
      const Ticks end = head_[task] + length_[task];
      makespan_ = std::max(makespan_, end);
      auto pass = [&](uint32_t next) {
        head_[next] = std::max(head_[next], end);
        if (--missing_[next] == 0) order_.push_back(next);
      };
      for (uint32_t next : followers_[task])
        pass(next);
      if (behind_[task] != kNone) pass(behind_[task]);
    }
    if (order_.size() < tasks_) return false;
    for (size_t at = order_.size(); at-- > 0;) {
      const uint32_t task = order_[at];
      tail_[task] = 0;
      for (uint32_t next : followers_[task])
        tail_[task] = std::max(tail_[task], tail_[next] + length_[next]);
      const uint32_t next = behind_[task];
      if (next != kNone) tail_[task] = std::max(tail_[task], tail_[next] + length_[next]);
    }
    return true;
  }

  Ticks end(uint32_t task) const { return head_[task] + length_[task]; }
  bool is_critical(uint32_t task) const { return end(task) + tail_[task] == makespan_; }

  /// One critical path, from its first task to its last; where it forks, either way.
  void find_path() {
    path_.clear();
    uint32_t task = kNone;
    uint32_t seen = 0;
    for (uint32_t one = 0; one < tasks_; ++one) {
      if (!is_critical(one) || head_[one] != problem_.tasks[one].release) continue;
      if (rng_.below(++seen) == 0) task = one;
    }
    while (task != kNone) {
      path_.push_back(task);
      uint32_t next = kNone;
      seen = 0;
      auto consider = [&](uint32_t other) {
        if (!is_critical(other) || head_[other] != end(task)) return;
        if (rng_.below(++seen) == 0) next = other;
      };
      for (uint32_t other : followers_[task])
        consider(other);
      if (behind_[task] != kNone) consider(behind_[task]);
      task = next;
    }
  }

  /// Swaps at the ends of the path's blocks: runs of tasks one behind the other on one worker. At
  /// the path's own ends nothing is to be gained from the outer side.
  void find_swaps() {
    swaps_.clear();
    for (size_t first = 0; first < path_.size();) {
      size_t last = first;
      while (last + 1 < path_.size() && behind_[path_[last]] == path_[last + 1])
        ++last;
      if (last > first) {
        const bool leads = first == 0;
        const bool trails = last + 1 == path_.size();
        if (!leads) swaps_.push_back({path_[first], path_[first + 1]});
        if (!trails && (last - first > 1 || leads))
          swaps_.push_back({path_[last - 1], path_[last]});
      }
      first = last + 1;
    }
  }

  Ticks released(uint32_t task) const {
    Ticks at = problem_.tasks[task].release;
    for (uint32_t other : problem_.tasks[task].after)
      at = std::max(at, end(other));
    return at;
  }
  Ticks tail_after(uint32_t task) const {
    Ticks tail = 0;
    for (uint32_t next : followers_[task])
      tail = std::max(tail, tail_[next] + length_[next]);
    return tail;
  }

  /// The longest path through either of the two once they are swapped: a bound of the makespan.
  Ticks estimate(const Swap& swap) const {
    const auto [u, v] = swap;
    const uint32_t p = before_[u];
    const uint32_t s = behind_[v];
    const Ticks v_head = std::max(released(v), p == kNone ? 0 : end(p));
    const Ticks u_head = std::max(released(u), v_head + length_[v]);
    const Ticks u_tail = std::max(tail_after(u), s == kNone ? 0 : tail_[s] + length_[s]);
    const Ticks v_tail = std::max(tail_after(v), u_tail + length_[u]);
    return std::max(v_head + length_[v] + v_tail, u_head + length_[u] + u_tail);
  }

  void apply(const Swap& swap) {
    const auto [u, v] = swap;
    const uint32_t p = before_[u];
    const uint32_t s = behind_[v];
    if (p != kNone) behind_[p] = v;
    if (s != kNone) before_[s] = u;
    before_[v] = p;
    behind_[v] = u;
    before_[u] = v;
    behind_[u] = s;
  }

  uint64_t key(uint32_t first, uint32_t second) const { return uint64_t{first} * tasks_ + second; }

  bool forbidden(const Swap& swap) const {
    const auto found = forbidden_until_.find(key(swap.second, swap.first));
    return found != forbidden_until_.end() && found->second > turns_;
  }

  /// One swap. False: there is nothing to swap, so this is the shortest.
  bool turn() {
    ++turns_;
    find_path();
    find_swaps();
    if (swaps_.empty()) {
      // A critical path on which no two tasks wait for each other's worker: this is the shortest.
      bound_ = static_cast<double>(makespan_);
      if (static_cast<double>(makespan_) < best_.cost) keep_best();
      return false;
    }
    const Swap swap = choose_swap();
    apply(swap);
    if (!evaluate()) {
      apply({swap.second, swap.first});  // tasks of no length alone can bring this about
      (void)evaluate();
      disturb();
      return true;
    }
    forbidden_until_[key(swap.first, swap.second)] = turns_ + kTenure + rng_.below(kTenure);
    if (static_cast<double>(makespan_) < best_.cost) {
      keep_best();
    } else if (turns_ - improved_at_ > kPatience) {
      disturb();
    }
    return true;
  }

  Swap choose_swap() {
    Swap chosen;
    Ticks least = kNever;
    uint32_t seen = 0;
    for (const Swap& swap : swaps_) {
      const Ticks makespan = estimate(swap);
      if (forbidden(swap) && static_cast<double>(makespan) >= best_.cost) continue;
      if (makespan < least) seen = 0;
      if (makespan > least || rng_.below(++seen) != 0) continue;
      least = makespan;
      chosen = swap;
    }
    return chosen.first != kNone ? chosen : swaps_[rng_.below(swaps_.size())];
  }

  /// Back to the best, and some critical swaps away from it.
  void disturb() {
    keep_order(best_);
    (void)evaluate();
    forbidden_until_.clear();
    const uint64_t swaps = 3 + rng_.below(kDisturbance);
    for (uint64_t i = 0; i < swaps; ++i) {
      find_path();
      swaps_.clear();
      for (size_t at = 0; at + 1 < path_.size(); ++at) {
        if (behind_[path_[at]] == path_[at + 1]) swaps_.push_back({path_[at], path_[at + 1]});
      }
      if (swaps_.empty()) break;
      const Swap swap = swaps_[rng_.below(swaps_.size())];
      apply(swap);
      if (evaluate()) continue;
      apply({swap.second, swap.first});
      (void)evaluate();
    }
    improved_at_ = turns_;
  }

  void keep_best() {
    best_.tasks.resize(tasks_);
    for (uint32_t task = 0; task < tasks_; ++task)
      best_.tasks[task] = {worker_of_[task], head_[task]};
    best_.cost = static_cast<double>(makespan_);
    improved_at_ = turns_;
  }

  static constexpr uint64_t kTenure = 8;
  static constexpr uint64_t kPatience = 3'000;
  static constexpr uint64_t kDisturbance = 20;

  const Problem& problem_;
  Rng rng_;
  const uint32_t tasks_;
  std::vector<std::vector<uint32_t>> followers_;
  std::vector<uint32_t> worker_of_;
  std::vector<Ticks> length_;
  std::vector<uint32_t> before_;  // on the same worker
  std::vector<uint32_t> behind_;
  std::vector<Ticks> head_;
  std::vector<Ticks> tail_;
  std::vector<uint32_t> missing_;
  std::vector<uint32_t> order_;
  std::vector<uint32_t> path_;
  std::vector<Swap> swaps_;
  absl::flat_hash_map<uint64_t, uint64_t> forbidden_until_;
  Ticks makespan_ = 0;
  double bound_ = 0;
  uint64_t turns_ = 0;
  uint64_t improved_at_ = 0;
  int64_t credit_ = 0;
  Schedule best_;
};

}  // namespace

bool is_machine_problem(const Problem& problem) {
  if (problem.goal != Goal::Makespan || problem.tasks.empty()) return false;
  if (!problem.busy.empty()) return false;
  std::vector<std::vector<uint32_t>> tasks_of(problem.workers.size());
  for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
    if (problem.tasks[task].deadline != kNever) return false;
    uint32_t only = kNone;
    for (uint32_t worker = 0; worker < problem.workers.size(); ++worker) {
      if (problem.duration_on(task, worker) >= kNever) continue;
      if (only != kNone) return false;
      only = worker;
    }
    if (only == kNone) return false;
    tasks_of[only].push_back(task);
  }
  // On each worker some resource has room for one task of those at a time.
  for (uint32_t worker = 0; worker < problem.workers.size(); ++worker) {
    bool exclusive = tasks_of[worker].size() < 2;
    for (size_t r = 0; r < problem.resources.size() && !exclusive; ++r) {
      Amount smallest = kNever;
      for (uint32_t task : tasks_of[worker])
        smallest = std::min(smallest, problem.tasks[task].demand[r]);
      exclusive = smallest * 2 > problem.workers[worker].capacity[r];
    }
    if (!exclusive) return false;
  }
  return true;
}

std::unique_ptr<Engine> make_machine_search(const Problem& problem, Rng rng, const Schedule* seed) {
  return std::make_unique<MachineSearch>(problem, rng, seed);
}

}  // namespace berth::core
