#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include "core/placement/demand_hash.h"
#include "core/plan/bounds.h"
#include "core/plan/engine/alike.h"
#include "core/plan/engine/exact_search.h"
#include "core/plan/engine/load_search.h"
#include "core/plan/implied.h"
#include "core/plan/tardiness_bound.h"

namespace berth::core {

namespace {

constexpr size_t kSeenMax = 2'000'000;
constexpr uint32_t kNobody = UINT32_MAX;

class ExactTimes final : public Engine {
 public:
  ExactTimes(const Problem& problem, const Schedule* known)
      : problem_(problem),
        tasks_(static_cast<uint32_t>(problem.tasks.size())),
        workers_(static_cast<uint32_t>(problem.workers.size())),
        assigned_(tasks_),
        ends_(tasks_),
        on_(workers_),
        earliest_(tasks_) {
    if (known != nullptr) {
      best_ = *known;
      has_best_ = true;
    }
    measure();
    twin_before_ = earlier_twins(problem, order_);
    kind_ = worker_kinds(problem);
    if (problem.goal == Goal::WeightedTardiness) tardiness_.emplace(problem, shortest_);
    exchanges_ = may_exchange();
    levels_.push_back({});
    list_moves();
  }

  const Schedule* best() const override { return has_best_ ? &best_ : nullptr; }
  double bound() const override {
    return levels_.empty() ? (has_best_ ? best_.cost : std::numeric_limits<double>::infinity())
                           : known_bound_;
  }

  bool advance(uint64_t steps) override {
    credit_ += static_cast<int64_t>(steps);
    while (credit_ > 0 && !levels_.empty()) {
      turn();
      credit_ -= static_cast<int64_t>(std::exchange(looked_at_, 0) + 1);
    }
    return !levels_.empty();
  }

 private:
  struct Move {
    uint32_t task = kNobody;
    uint32_t worker = 0;
    Ticks start = 0;
  };
  struct Volume {
    std::vector<double> demand;
    double capacity = 0;  ///< of all workers together
  };
  struct Level {
    std::vector<Move> moves;  ///< left to try, the best last
    Move made;
  };

  void measure() {
    order_ = topological_order(problem_);
    rank_.resize(tasks_);
    for (uint32_t i = 0; i < tasks_; ++i)
      rank_[order_[i]] = i;
    shortest_.assign(tasks_, kNever);
    for (uint32_t task = 0; task < tasks_; ++task) {
      grain_ = std::gcd(grain_, problem_.tasks[task].release);
      for (uint32_t worker = 0; worker < workers_; ++worker) {
        const Ticks duration = problem_.duration_on(task, worker);
        if (duration < kNever) grain_ = std::gcd(grain_, duration);
        shortest_[task] = std::min(shortest_[task], duration);
      }
    }
    grain_ = std::max<Ticks>(1, grain_);
    tail_.resize(tasks_);
    for (auto at = order_.rbegin(); at != order_.rend(); ++at) {
      tail_[*at] += shortest_[*at];
      for (uint32_t before : problem_.tasks[*at].after)
        tail_[before] = std::max(tail_[before], tail_[*at]);
    }
    for (ImpliedResource& one : implied_resources(problem_)) {
      const double capacity = std::accumulate(one.capacity.begin(), one.capacity.end(), 0.0);
      volumes_.push_back({std::move(one.demand), capacity});
    }
    known_bound_ = lower_bound(problem_);
  }

  /// Whether the order on one worker is nobody else's business.
  bool may_exchange() const {
    return problem_.goal == Goal::WeightedTardiness && runs_one_at_a_time(problem_) &&
           std::all_of(order_.begin(), order_.end(), [&](uint32_t task) {
             return problem_.tasks[task].after.empty() && shortest_[task] > 0;
           });
  }

  bool placed(uint32_t task) const { return (placed_ >> task & 1) != 0; }

  Ticks released(uint32_t task) const {
    Ticks at = problem_.tasks[task].release;
    for (uint32_t before : problem_.tasks[task].after)
      at = std::max(at, ends_[before]);
    return at;
  }

  bool fits(uint32_t task, uint32_t worker, Ticks start, Ticks duration) {
    ++looked_at_;
    const std::vector<Amount>& demand = problem_.tasks[task].demand;
    const std::vector<Amount>& capacity = problem_.workers[worker].capacity;
    // Use only grows where somebody starts: those moments are all there is to look at.
    auto fits_at = [&](Ticks at) {
      for (size_t r = 0; r < demand.size(); ++r) {
        Amount used = demand[r];
        for (uint32_t other : on_[worker]) {
          if (assigned_[other].start <= at && at < ends_[other])
            used += problem_.tasks[other].demand[r];
        }
        if (used > capacity[r]) return false;
      }
      return true;
    };
    if (!fits_at(start)) return false;
    return std::all_of(on_[worker].begin(), on_[worker].end(), [&](uint32_t other) {
      const Ticks at = assigned_[other].start;
      return at <= start || at >= start + duration || fits_at(at);
    });
  }

  /// When it could begin at the earliest beside what is placed, however long ago that was.
  Ticks earliest(uint32_t task, uint32_t worker, Ticks from) {
    const Ticks duration = problem_.duration_on(task, worker);
    if (duration >= kNever) return kNever;
    if (duration == 0 || fits(task, worker, from, duration)) return from;
    Ticks best = kNever;
    for (uint32_t other : on_[worker]) {
      const Ticks at = ends_[other];
      if (at > from && at < best && fits(task, worker, at, duration)) best = at;
    }
    return best;
  }

  /// Two workers of one kind that hold the same from now on: one stands for both.
  bool stands_for_another(uint32_t worker) const {
    for (uint32_t other = 0; other < worker; ++other) {
      if (kind_[other] == kind_[worker] && on_[other].empty() && on_[worker].empty()) return true;
    }
    return false;
  }

  double lateness(uint32_t task, Ticks end) const {
    const Problem::Task& one = problem_.tasks[task];
    return end > one.deadline ? one.weight * static_cast<double>(end - one.deadline) : 0;
  }

  /// Whether the move and what its worker did last would do better the other way round.
  bool out_of_order(const Move& move) const {
    if (!exchanges_ || on_[move.worker].empty()) return false;
    const uint32_t task = move.task;
    const uint32_t last = on_[move.worker].back();
    const Ticks begin = assigned_[last].start;
    if (move.start != ends_[last] || problem_.tasks[task].release > begin) return false;
    const Ticks duration = problem_.duration_on(task, move.worker);
    const Ticks end = move.start + duration;
    const double now = lateness(last, ends_[last]) + lateness(task, end);
    const double then = lateness(task, begin + duration) + lateness(last, end);
    if (then != now) return then < now;
    return std::pair(duration, rank_[task]) < std::pair(ends_[last] - begin, rank_[last]);
  }

  /// What begins only when another could be over: that one may as well go first (Giffler and
  /// Thompson, "Algorithms for solving production-scheduling problems", 1960).
  void drop_idlers(std::vector<Move>& moves) const {
    if (problem_.goal == Goal::WorkersUsed) return;
    Ticks first_end = kNever;
    for (const Move& move : moves) {
      const Ticks duration = problem_.duration_on(move.task, move.worker);
      if (duration > 0) first_end = std::min(first_end, move.start + duration);
    }
    std::erase_if(moves, [&](const Move& move) { return move.start >= first_end; });
  }

  void list_moves() {
    Level& level = levels_.back();
    if (!promising()) return;
    for (uint32_t task = 0; task < tasks_; ++task) {
      if (placed(task)) continue;
      const std::vector<uint32_t>& after = problem_.tasks[task].after;
      if (!std::all_of(
              after.begin(), after.end(), [&](uint32_t before) { return placed(before); })) {
        continue;
      }
      if (twin_before_[task] != kNobody && !placed(twin_before_[task])) continue;
      const Ticks from = released(task);
      for (uint32_t worker = 0; worker < workers_; ++worker) {
        if (stands_for_another(worker)) continue;
        const Ticks start = earliest(task, worker, from);
        // Earlier than what is placed already: then it would have been placed before.
        if (start >= kNever || std::pair(start, rank_[task]) < std::pair(now_, last_rank_))
          continue;
        if (start > problem_.latest_start(task, worker)) continue;
        const Move move{task, worker, start};
        if (!out_of_order(move)) level.moves.push_back(move);
      }
    }
    drop_idlers(level.moves);
    auto key = [&](const Move& move) {
      return std::tuple(
          -move.start, tail_[move.task], -problem_.duration_on(move.task, move.worker));
    };
    std::stable_sort(level.moves.begin(), level.moves.end(), [&](const Move& a, const Move& b) {
      return key(a) < key(b);
    });
  }

  /// Whether something better than the best may come of what is placed.
  bool promising() {
    if (!bound_allows()) return false;
    if (placed_ == 0) return true;
    const std::pair<uint64_t, uint64_t> state = fingerprint();
    const auto seen = seen_.find(state);
    if (seen == seen_.end()) {
      if (seen_.size() < kSeenMax) seen_.emplace(state, late_);
      return true;
    }
    if (late_ >= seen->second) return false;
    seen->second = late_;
    return true;
  }

  double to_beat() const {
    if (!has_best_) return std::numeric_limits<double>::infinity();
    return problem_.goal == Goal::Makespan ? best_.cost - static_cast<double>(grain_) : best_.cost;
  }

  bool bound_allows() {
    const double limit = to_beat();
    double late = 0;
    double longest = 0;
    late_ = 0;
    waiting_.clear();
    running_.clear();
    for (uint32_t task : order_) {
      const Problem::Task& one = problem_.tasks[task];
      Ticks end = ends_[task];
      if (!placed(task)) {
        Ticks start = std::max(one.release, now_);
        for (uint32_t before : one.after)
          start = std::max(start, earliest_[before]);
        end = start + shortest_[task];
        longest = std::max(longest, static_cast<double>(start + tail_[task]));
        const bool hard = problem_.goal != Goal::WeightedTardiness;
        if (hard && end > one.deadline) return false;
        waiting_.push_back({task, end});
      } else {
        late_ += lateness(task, end);
        if (end > now_) running_.push_back({task, end});
      }
      earliest_[task] = end;
      longest = std::max(longest, static_cast<double>(end));
      late += lateness(task, end);
    }
    switch (problem_.goal) {
      case Goal::Makespan: return longest <= limit && room_until(limit);
      case Goal::WeightedTardiness:
        return late < limit && late_ + (*tardiness_)(now_, waiting_, running_) < limit;
      case Goal::BoundedSlowdown:
      case Goal::WorkersUsed: break;
    }
    double used = 0;
    for (const std::vector<uint32_t>& tasks : on_)
      used += tasks.empty() ? 0 : 1;
    return std::max(used, known_bound_) < limit;
  }

  /// From now on until `end`, is there as much left as is still to be done?
  bool room_until(double end) const {
    for (const Volume& volume : volumes_) {
      double work = 0;
      for (uint32_t task = 0; task < tasks_; ++task) {
        const Ticks left = placed(task) ? std::max<Ticks>(0, ends_[task] - now_) : shortest_[task];
        work += volume.demand[task] * static_cast<double>(left);
      }
      if (work > volume.capacity * (end - static_cast<double>(now_)) * (1 + 1e-9)) return false;
    }
    return true;
  }

  /// Of all that what is still to come depends on.
  std::pair<uint64_t, uint64_t> fingerprint() {
    std::vector<uint64_t> parts(workers_);
    // What has just ended may still be in the wrong order with what comes next.
    const Ticks over = exchanges_ ? now_ - 1 : now_;
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      std::vector<uint32_t> running = on_[worker];
      std::erase_if(running, [&](uint32_t task) { return ends_[task] <= over; });
      std::sort(running.begin(), running.end());
      uint64_t hash = hash_step(kind_[worker] + 1, on_[worker].empty() ? 1 : 2);
      for (uint32_t task : running)
        hash = hash_step(hash_step(hash, task), static_cast<uint64_t>(ends_[task]));
      parts[worker] = hash;
    }
    std::sort(parts.begin(), parts.end());
    uint64_t first = hash_step(hash_step(placed_, static_cast<uint64_t>(now_)), last_rank_);
    uint64_t second = ~first;
    for (uint64_t part : parts) {
      first = hash_step(first, part);
      second = hash_step(second, part * 0x9E3779B97F4A7C15u);
    }
    return {first, second};
  }

  void turn() {
    Level& level = levels_.back();
    if (level.made.task != kNobody) undo(level.made);
    level.made = {};
    if (level.moves.empty()) {
      levels_.pop_back();
      restore_now();
      return;
    }
    const Move move = level.moves.back();
    level.moves.pop_back();
    level.made = move;
    assigned_[move.task] = {move.worker, move.start};
    ends_[move.task] = move.start + problem_.duration_on(move.task, move.worker);
    on_[move.worker].push_back(move.task);
    placed_ |= uint64_t{1} << move.task;
    restore_now();
    if (placed_ == (uint64_t{1} << tasks_) - 1) return keep();
    levels_.emplace_back();
    list_moves();
  }

  void undo(const Move& move) {
    on_[move.worker].pop_back();
    placed_ &= ~(uint64_t{1} << move.task);
    ends_[move.task] = 0;
  }

  /// The last move that stands says how far the plan has come.
  void restore_now() {
    now_ = 0;
    last_rank_ = 0;
    for (size_t i = levels_.size(); i-- > 0;) {
      if (levels_[i].made.task == kNobody) continue;
      now_ = levels_[i].made.start;
      last_rank_ = rank_[levels_[i].made.task];
      return;
    }
  }

  void keep() {
    const double cost = cost_of(problem_, assigned_);
    if (has_best_ && cost >= best_.cost) return;
    best_.tasks = assigned_;
    best_.cost = cost;
    has_best_ = true;
  }

  const Problem& problem_;
  const uint32_t tasks_;
  const uint32_t workers_;
  std::vector<uint32_t> order_;
  std::vector<uint32_t> rank_;
  std::vector<Ticks> shortest_;
  std::vector<Ticks> tail_;  // the longest chain that begins with it
  std::vector<uint32_t> twin_before_;
  std::vector<uint32_t> kind_;
  std::vector<Volume> volumes_;
  std::optional<TardinessBound> tardiness_;
  bool exchanges_ = false;  // neighbours on a worker may change places
  double known_bound_ = 0;
  Ticks grain_ = 0;

  std::vector<Assigned> assigned_;
  std::vector<Ticks> ends_;  // 0: not placed
  std::vector<std::vector<uint32_t>> on_;
  std::vector<Ticks> earliest_;
  std::vector<TardinessBound::Waiting> waiting_;
  std::vector<TardinessBound::Running> running_;
  double late_ = 0;  // what is placed
  uint64_t placed_ = 0;
  Ticks now_ = 0;
  uint32_t last_rank_ = 0;
  std::vector<Level> levels_;
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, double> seen_;  // the least lateness there
  uint64_t looked_at_ = 0;
  int64_t credit_ = 0;
  Schedule best_;
  bool has_best_ = false;
};

}  // namespace

std::unique_ptr<Engine> make_exact_times(const Problem& problem, const Schedule* known) {
  return std::make_unique<ExactTimes>(problem, known);
}

}  // namespace berth::core
