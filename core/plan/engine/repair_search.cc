#include "core/plan/engine/repair_search.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "core/base/check.h"
#include "core/plan/bounds.h"
#include "core/plan/engine/order_search.h"

namespace berth::core {

namespace {

constexpr size_t kAloneMax = 400;  // of those without a home, at a time
constexpr size_t kPartTasks = 60;
constexpr uint64_t kAloneSteps = 1'000;  // for each of them
constexpr uint64_t kPartSteps = 100'000;

class RepairSearch final : public Engine {
 public:
  RepairSearch(const Problem& problem, Rng rng, Standing standing)
      : problem_(problem),
        rng_(rng),
        homes_(std::move(standing.homes)),
        move_price_(standing.move_price),
        best_(std::move(standing.schedule)),
        bound_(lower_bound(problem)),
        tasks_of_(problem.workers.size()),
        busy_of_(problem.workers.size()),
        place_(problem.workers.size(), kElsewhere) {
    const auto tasks = static_cast<uint32_t>(problem.tasks.size());
    BERTH_CHECK(homes_.size() == tasks && best_.tasks.size() == tasks);
    for (uint32_t task = 0; task < tasks; ++task) {
      tasks_of_[best_.tasks[task].worker].push_back(task);
      if (homes_[task] == Standing::kNoHome) touched_.push_back(task);
    }
    for (uint32_t i = 0; i < problem.busy.size(); ++i)
      busy_of_[problem.busy[i].worker].push_back(i);
    free_.resize(tasks);
  }

  /// With what the part under way has found so far, which it is not done with: what becomes of the
  /// search does not depend on who asks when.
  const Schedule* best() const override {
    if (search_ == nullptr) return &best_;
    so_far_ = with_part();
    return so_far_ ? &*so_far_ : &best_;
  }
  double bound() const override { return bound_; }

  bool advance(uint64_t steps) override {
    while (steps > 0) {
      if (search_ == nullptr && (proved() || !begin_part())) return false;
      const uint64_t now = std::min(steps, left_);
      const bool better = search_->advance(now);
      steps -= now;
      left_ -= now;
      if (!better || left_ == 0) end_part();
    }
    return true;
  }

 private:
  static constexpr uint32_t kElsewhere = UINT32_MAX;

  /// False: nothing is left to try.
  bool begin_part() {
    chosen_tasks_.clear();
    if (alone_ < touched_.size()) {
      choose_alone();
    } else {
      if (next_ == touched_.size() && !begin_round()) return false;
      choose_around(touched_[next_++]);
    }
    cut_out();
    search_ = make_order_search(part_, Rng(rng_.next()), &seed_);
    return true;
  }

  /// Some that have no home, in the order of their starts; they may go anywhere.
  void choose_alone() {
    if (alone_ == 0) sort_touched([&](uint32_t task) { return best_.tasks[task].start; });
    const size_t end = std::min(touched_.size(), alone_ + kAloneMax);
    chosen_tasks_.assign(touched_.begin() + alone_, touched_.begin() + end);
    alone_ = end;
    next_ = touched_.size();
    chosen_workers_.resize(problem_.workers.size());
    std::iota(chosen_workers_.begin(), chosen_workers_.end(), 0);
    left_ = kAloneSteps * std::max<size_t>(chosen_tasks_.size(), 20);
  }

  template <typename Key>
  void sort_touched(Key key) {
    std::stable_sort(
        touched_.begin(), touched_.end(), [&](uint32_t a, uint32_t b) { return key(a) < key(b); });
  }

  /// Each of them once more, the worst first, unless the last round was in vain.
  bool begin_round() {
    if (touched_.empty() || (rounds_++ > 0 && !std::exchange(found_any_, false))) return false;
    next_ = 0;
    sort_touched([&](uint32_t task) { return -badness(task); });
    return true;
  }

  double badness(uint32_t task) const {
    const Problem::Task& one = problem_.tasks[task];
    const Ticks start = best_.tasks[task].start;
    if (problem_.goal == Goal::BoundedSlowdown) return slowdown(one, start, one.duration);
    if (problem_.goal == Goal::WeightedTardiness) {
      return one.weight *
             static_cast<double>(std::max<Ticks>(0, start + one.duration - one.deadline));
    }
    return static_cast<double>(start + one.duration);
  }

  /// Its worker and some others that it may have, with their tasks.
  void choose_around(uint32_t task) {
    chosen_workers_.assign(1, best_.tasks[task].worker);
    size_t tasks = tasks_of_[chosen_workers_.front()].size();
    const std::span<const uint32_t> allowed = problem_.tasks[task].workers.all();
    const size_t among = allowed.empty() ? problem_.workers.size() : allowed.size();
    for (int tries = 0; tries < 64 && tasks < kPartTasks; ++tries) {
      const auto drawn = static_cast<uint32_t>(rng_.below(among));
      const uint32_t worker = allowed.empty() ? drawn : allowed[drawn];
      if (std::ranges::find(chosen_workers_, worker) != chosen_workers_.end()) continue;
      if (tasks + tasks_of_[worker].size() > 2 * kPartTasks) continue;
      chosen_workers_.push_back(worker);
      tasks += tasks_of_[worker].size();
    }
    std::ranges::sort(chosen_workers_);
    for (uint32_t worker : chosen_workers_)
      chosen_tasks_.insert(chosen_tasks_.end(), tasks_of_[worker].begin(), tasks_of_[worker].end());
    left_ = kPartSteps;
  }

  /// The chosen tasks on the chosen workers; all others there are busy.
  void cut_out() {
    part_ = {};
    seed_ = {};
    part_.goal = problem_.goal;
    part_.leftovers = problem_.leftovers;
    part_.resources = problem_.resources;
    for (uint32_t i = 0; i < chosen_workers_.size(); ++i)
      place_[chosen_workers_[i]] = i;
    for (uint32_t task : chosen_tasks_)
      free_[task] = 1;
    for (uint32_t worker : chosen_workers_) {
      part_.workers.push_back(problem_.workers[worker]);
      for (uint32_t i : busy_of_[worker]) {
        part_.busy.push_back(problem_.busy[i]);
        part_.busy.back().worker = place_[worker];
      }
      for (uint32_t task : tasks_of_[worker]) {
        if (free_[task] != 0) continue;
        const Problem::Task& one = problem_.tasks[task];
        const Ticks start = best_.tasks[task].start;
        part_.busy.push_back({place_[worker], start + one.duration, one.demand, start});
      }
    }
    allowed_.clear();
    for (uint32_t task : chosen_tasks_) {
      Problem::Task& one = part_.tasks.emplace_back(problem_.tasks[task]);
      if (!one.workers.empty()) one.workers = allowed_here(one.workers);
      seed_.tasks.push_back({place_[best_.tasks[task].worker], best_.tasks[task].start});
    }
    set_cost(part_, seed_);
  }

  /// One list for all who share one: what looks for places counts on that.
  const WorkerList& allowed_here(const WorkerList& whole) {
    const auto [found, fresh] = allowed_.try_emplace(whole.identity());
    if (!fresh) return found->second;
    std::vector<uint32_t> here;
    for (uint32_t worker : whole.all()) {
      if (place_[worker] != kElsewhere) here.push_back(place_[worker]);
    }
    return found->second = WorkerList(std::move(here));
  }

  int64_t moves_of(const std::vector<Assigned>& tasks) const {
    int64_t moves = 0;
    for (uint32_t task : chosen_tasks_)
      moves += homes_[task] != Standing::kNoHome && homes_[task] != tasks[task].worker ? 1 : 0;
    return moves;
  }

  /// The whole with what was found for the part; nothing: it does not pay. What a part costs need
  /// not be what it adds to the whole: of the makespan it is not.
  std::optional<Schedule> with_part() const {
    const Schedule* found = search_->best();
    if (found == nullptr || found->cost >= seed_.cost) return std::nullopt;
    Schedule whole = best_;
    for (size_t i = 0; i < chosen_tasks_.size(); ++i) {
      const auto& [worker, start] = found->tasks[i];
      whole.tasks[chosen_tasks_[i]] = {chosen_workers_[worker], start};
    }
    set_cost(problem_, whole);
    const auto more = static_cast<double>(moves_of(whole.tasks) - moves_of(best_.tasks));
    if (whole.cost + move_price_ * more >= best_.cost) return std::nullopt;
    return whole;
  }

  void end_part() {
    if (std::optional<Schedule> better = with_part()) put_back(std::move(*better));
    search_.reset();
    for (uint32_t worker : chosen_workers_)
      place_[worker] = kElsewhere;
    for (uint32_t task : chosen_tasks_)
      free_[task] = 0;
  }

  void put_back(Schedule&& whole) {
    for (uint32_t task : chosen_tasks_)
      std::erase(tasks_of_[best_.tasks[task].worker], task);
    for (uint32_t task : chosen_tasks_)
      tasks_of_[whole.tasks[task].worker].push_back(task);
    best_ = std::move(whole);
    found_any_ = true;
  }

  const Problem& problem_;
  Rng rng_;
  const std::vector<uint32_t> homes_;
  const double move_price_;
  Schedule best_;
  const double bound_;
  std::vector<uint32_t> touched_;  // without a home
  std::vector<std::vector<uint32_t>> tasks_of_;
  std::vector<std::vector<uint32_t>> busy_of_;  // in `problem_.busy`

  size_t alone_ = 0;        // of the touched: were searched alone
  size_t next_ = 0;         // of them: the next to be searched around
  uint32_t rounds_ = 0;     // of those
  bool found_any_ = false;  // in this round

  // The part under way.
  std::vector<uint32_t> chosen_workers_;  // ascending
  std::vector<uint32_t> chosen_tasks_;
  std::vector<uint32_t> place_;  // of each worker among the chosen
  std::vector<char> free_;       // of each task: it is chosen
  absl::flat_hash_map<const void*, WorkerList> allowed_;
  Problem part_;
  Schedule seed_;
  std::unique_ptr<Engine> search_;  // null: none is under way
  uint64_t left_ = 0;
  mutable std::optional<Schedule> so_far_;  // what `best` points to meanwhile
};

}  // namespace

std::unique_ptr<Engine> make_repair_search(const Problem& problem, Rng rng, Standing standing) {
  return std::make_unique<RepairSearch>(problem, rng, std::move(standing));
}

}  // namespace berth::core
