#include "core/plan/engine/order_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/plan/bounds.h"
#include "core/plan/engine/decoder.h"

namespace berth::core {

namespace {

class OrderSearch final : public Engine {
 public:
  OrderSearch(const Problem& problem, Rng rng, const Schedule* seed)
      : problem_(problem),
        rng_(rng),
        decoder_(problem),
        tasks_(static_cast<uint32_t>(problem.tasks.size())),
        where_(tasks_, Decoder::kAny) {
    bound_ = lower_bound(problem);
    // Read backwards in time, what runs already would stand at the wrong end.
    justifiable_ = problem.goal == Goal::Makespan && problem.busy.empty();
    find_tails();
    start_with_rules();
    if (seed != nullptr) start_with(*seed);
    temperature_ = hottest();
  }

  const Schedule* best() const override { return has_best_ ? &best_ : nullptr; }
  double bound() const override { return bound_; }

  bool advance(uint64_t steps) override {
    if (proved() || tasks_ < 2) return false;
    credit_ += static_cast<int64_t>(steps);
    while (credit_ > 0) {
      step();
      credit_ -= static_cast<int64_t>(decoder_.take_tried() + tasks_);
      if (proved()) return false;
    }
    return true;
  }

 private:
  /// How good an order is: the cost, and far above it whatever misses a hard deadline.
  double energy(const Schedule& schedule) const {
    return schedule.cost + static_cast<double>(decoder_.late()) * kLatePenalty;
  }

  /// The longest chain of tasks that begins with each.
  void find_tails() {
    tails_.resize(tasks_);
    const std::vector<uint32_t> order = topological_order(problem_);
    for (auto at = order.rbegin(); at != order.rend(); ++at) {
      Ticks longest = 0;
      for (uint32_t next : decoder_.followers()[*at])
        longest = std::max(longest, tails_[next]);
      tails_[*at] = problem_.shortest_duration(*at) + longest;
    }
  }

  /// Some rules of thumb, of which the best is where the search begins.
  void start_with_rules() {
    std::vector<double> urgency(tasks_);
    auto use = [&](auto rule) {
      for (uint32_t task = 0; task < tasks_; ++task)
        urgency[task] = rule(task);
      order_ = ordered_by(urgency);
      consider();
    };
    current_energy_ = std::numeric_limits<double>::infinity();
    use([&](uint32_t task) { return -static_cast<double>(tails_[task]); });
    use([&](uint32_t task) { return static_cast<double>(problem_.tasks[task].deadline); });
    if (problem_.goal == Goal::BoundedSlowdown) {
      use([&](uint32_t task) { return static_cast<double>(problem_.tasks[task].duration); });
      use([&](uint32_t task) { return area(task); });
      use([&](uint32_t task) { return -static_cast<double>(problem_.tasks[task].waited); });
    }
    use([&](uint32_t task) {
      return static_cast<double>(problem_.tasks[task].release) -
             1e-3 * static_cast<double>(tails_[task]);
    });
    use([&](uint32_t task) {
      return static_cast<double>(tails_[task]) / std::max(1e-9, problem_.tasks[task].weight);
    });
  }

  /// On the same workers, in the order of its starts: nothing begins later than it does there.
  void start_with(const Schedule& seed) {
    std::vector<double> urgency(tasks_);
    for (uint32_t task = 0; task < tasks_; ++task)
      urgency[task] = static_cast<double>(seed.tasks[task].start);
    order_ = ordered_by(urgency);
    for (uint32_t task = 0; task < tasks_; ++task)
      where_[task] = seed.tasks[task].worker;
    consider();
  }

  /// Of the resource it takes most of, times how long.
  double area(uint32_t task) const {
    double share = 0;
    for (size_t r = 0; r < problem_.resources.size(); ++r) {
      const auto all = static_cast<double>(problem_.workers.front().capacity[r]);
      const auto demand = static_cast<double>(problem_.tasks[task].demand[r]);
      if (all > 0) share = std::max(share, demand / all);
    }
    return share * static_cast<double>(std::max(problem_.tasks[task].duration, kShortRun));
  }

  /// The most urgent first, as far as `after` allows.
  std::vector<uint32_t> ordered_by(const std::vector<double>& urgency) const {
    std::vector<uint32_t> missing(tasks_);
    std::vector<uint32_t> ready;
    auto later = [&](uint32_t a, uint32_t b) {
      return urgency[a] != urgency[b] ? urgency[a] > urgency[b] : a > b;
    };
    for (uint32_t task = 0; task < tasks_; ++task) {
      missing[task] = static_cast<uint32_t>(problem_.tasks[task].after.size());
      if (missing[task] == 0) ready.push_back(task);
    }
    std::make_heap(ready.begin(), ready.end(), later);
    std::vector<uint32_t> order;
    while (!ready.empty()) {
      std::pop_heap(ready.begin(), ready.end(), later);
      const uint32_t task = ready.back();
      ready.pop_back();
      order.push_back(task);
      for (uint32_t next : decoder_.followers()[task]) {
        if (--missing[next] > 0) continue;
        ready.push_back(next);
        std::push_heap(ready.begin(), ready.end(), later);
      }
    }
    return order;
  }

  /// Of a sum, a move changes some tasks' share.
  double hottest() const {
    const bool sum =
        problem_.goal == Goal::WeightedTardiness || problem_.goal == Goal::BoundedSlowdown;
    return std::max(1e-6, current_energy_ * kHottest / (sum ? tasks_ : 1));
  }

  void step() {
    order_ = current_order_;
    where_ = current_where_;
    if (rng_.below(4) != 0) {
      if (!advance_critical()) shift_any();
    } else {
      shift_any();
    }
    consider();
    temperature_ *= kCooling;
    if (temperature_ < hottest() * kColdest) reheat();
  }

  void reheat() {
    temperature_ = hottest();
    if (!has_best_) return;
    current_order_ = best_order_;
    current_where_ = best_where_;
    current_ = best_;
    current_energy_ = best_.cost;
  }

  /// Decodes `order_` and `where_`, and goes on from there if that is accepted.
  void consider() {
    const bool in_time = decoder_.decode(order_, where_, schedule_);
    double now = energy(schedule_);
    if (now <= current_energy_ && justifiable_) now = justify(now);
    const double change = now - current_energy_;
    if (change > 0 && rng_.unit() >= std::exp(-change / temperature_)) return;
    current_ = schedule_;
    current_order_ = order_;
    current_where_ = where_;
    current_energy_ = now;
    if (!in_time || (has_best_ && schedule_.cost >= best_.cost)) return;
    best_ = schedule_;
    best_order_ = order_;
    best_where_ = where_;
    has_best_ = true;
  }

  double justify(double before) {
    const std::span<const uint32_t> order = decoder_.justified(schedule_);
    justified_.assign(order.begin(), order.end());
    fixed_.resize(tasks_);
    for (uint32_t task = 0; task < tasks_; ++task)
      fixed_[task] = schedule_.tasks[task].worker;
    other_ = schedule_;
    if (!decoder_.decode(justified_, fixed_, other_) || energy(other_) > before) return before;
    order_ = justified_;
    where_ = fixed_;
    std::swap(schedule_, other_);
    return energy(schedule_);
  }

  Ticks end_of(uint32_t task) const {
    const Assigned& at = current_.tasks[task];
    return at.start + problem_.duration_on(task, at.worker);
  }

  bool share_a_resource(uint32_t a, uint32_t b) const {
    const std::vector<Amount>& x = problem_.tasks[a].demand;
    const std::vector<Amount>& y = problem_.tasks[b].demand;
    for (size_t r = 0; r < x.size(); ++r) {
      if (x[r] > 0 && y[r] > 0) return true;
    }
    return false;
  }

  bool follows(uint32_t task, uint32_t before) const {
    const std::vector<uint32_t>& after = problem_.tasks[task].after;
    return std::find(after.begin(), after.end(), before) != after.end();
  }

  /// Which task to begin a critical chain with: the last one, or one that is late.
  uint32_t some_culprit() {
    if (problem_.goal == Goal::Makespan) {
      uint32_t last = 0;
      for (uint32_t task = 1; task < tasks_; ++task) {
        if (end_of(task) > end_of(last)) last = task;
      }
      return last;
    }
    uint32_t culprit = static_cast<uint32_t>(rng_.below(tasks_));
    for (int tries = 0; tries < 8 && end_of(culprit) <= problem_.tasks[culprit].deadline; ++tries)
      culprit = static_cast<uint32_t>(rng_.below(tasks_));
    return culprit;
  }

  /// Follows what keeps a task from starting earlier back in time; some place on the way, a task
  /// goes before the one that holds it up, or to another worker.
  bool advance_critical() {
    pairs_.clear();
    uint32_t task = some_culprit();
    while (current_.tasks[task].start > problem_.tasks[task].release) {
      const Ticks start = current_.tasks[task].start;
      uint32_t chosen = Decoder::kAny;
      uint32_t seen = 0;
      for (uint32_t other = 0; other < tasks_; ++other) {
        if (end_of(other) != start || other == task) continue;
        const bool same = current_.tasks[other].worker == current_.tasks[task].worker;
        const bool before = follows(task, other);
        if (!before && !(same && share_a_resource(task, other))) continue;
        if (rng_.below(++seen) == 0) chosen = other;
      }
      if (chosen == Decoder::kAny) break;
      if (!follows(task, chosen)) pairs_.push_back({chosen, task});
      if (current_.tasks[chosen].start >= start) break;  // of no length
      task = chosen;
    }
    if (pairs_.empty()) return false;
    const auto [holds, held] = pairs_[rng_.below(pairs_.size())];
    if (problem_.workers.size() > 1 && rng_.below(3) == 0) {
      choose_worker(rng_.below(2) == 0 ? holds : held);
      return true;
    }
    return move_before(held, holds);
  }

  void choose_worker(uint32_t task) {
    for (int tries = 0; tries < 8; ++tries) {
      const auto worker = static_cast<uint32_t>(rng_.below(problem_.workers.size() + 1));
      if (worker == problem_.workers.size()) {
        where_[task] = Decoder::kAny;
        return;
      }
      if (worker == current_.tasks[task].worker) continue;
      if (problem_.duration_on(task, worker) >= kNever) continue;
      where_[task] = worker;
      return;
    }
  }

  size_t position(uint32_t task) const {
    return static_cast<size_t>(std::find(order_.begin(), order_.end(), task) - order_.begin());
  }

  void shift(size_t from, size_t to) {
    if (from < to) {
      std::rotate(order_.begin() + from, order_.begin() + from + 1, order_.begin() + to + 1);
    } else {
      std::rotate(order_.begin() + to, order_.begin() + from, order_.begin() + from + 1);
    }
  }

  bool move_before(uint32_t task, uint32_t other) {
    const size_t from = position(task);
    const size_t at = position(other);
    if (at > from) return false;
    size_t to = at;
    for (size_t i = at; i < from; ++i) {
      if (follows(task, order_[i])) to = i + 1;
    }
    if (to < from) {
      shift(from, to);
      return true;
    }
    // What it follows stands between: the other goes behind it instead, as far as it may.
    size_t last = at;
    while (last < from && !follows(order_[last + 1], other))
      ++last;
    if (last == at) return false;
    shift(at, last);
    return true;
  }

  void shift_any() {
    const size_t from = rng_.below(tasks_);
    const uint32_t task = order_[from];
    if (problem_.workers.size() > 1 && rng_.below(3) == 0) return choose_worker(task);
    const size_t reach = std::max<size_t>(2, tasks_ / 4);
    size_t first = from;
    while (first > 0 && from - first < reach && !follows(task, order_[first - 1]))
      --first;
    size_t last = from;
    while (last + 1 < tasks_ && last - from < reach && !follows(order_[last + 1], task))
      ++last;
    if (first == last) return;
    shift(from, first + rng_.below(last - first + 1));
  }

  static constexpr double kLatePenalty = 1e3;
  static constexpr double kHottest = 0.1;
  static constexpr double kColdest = 0.01;
  static constexpr double kCooling = 0.9995;

  const Problem& problem_;
  Rng rng_;
  Decoder decoder_;
  const uint32_t tasks_;
  double bound_ = 0;
  bool justifiable_ = false;
  std::vector<Ticks> tails_;

  std::vector<uint32_t> order_;  // being tried
  std::vector<uint32_t> where_;
  Schedule schedule_;
  std::vector<uint32_t> current_order_;
  std::vector<uint32_t> current_where_;
  Schedule current_;
  double current_energy_ = 0;
  std::vector<uint32_t> best_order_;
  std::vector<uint32_t> best_where_;
  Schedule best_;
  bool has_best_ = false;

  double temperature_ = 1;
  int64_t credit_ = 0;  // steps not used yet
  std::vector<uint32_t> justified_;
  std::vector<uint32_t> fixed_;
  Schedule other_;
  std::vector<std::pair<uint32_t, uint32_t>> pairs_;  // who holds up whom
};

}  // namespace

std::unique_ptr<Engine> make_order_search(const Problem& problem, Rng rng, const Schedule* seed) {
  return std::make_unique<OrderSearch>(problem, rng, seed);
}

}  // namespace berth::core
