#include "core/plan/plan_part.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <utility>

#include "core/plan/bounds.h"
#include "core/plan/engine/decoder.h"
#include "core/plan/engine/repair_search.h"
#include "core/plan/engine/solver.h"

namespace berth::core {

PlanPart::PlanPart(
    const JobSnapshot& snapshot,
    const JobProblem& whole,
    const std::vector<Problem::Busy>& decided,
    const JobRange& jobs)
    : snapshot_(snapshot),
      whole_(whole),
      begin_(jobs.begin),
      problem_(part_of(whole.problem, jobs, decided)) {
  Decoder decoder(problem_);
  make_greedy(decoder);
  make_standing(decoder, !jobs.search);
  if (is_searched(snapshot, whole, jobs)) begin_search(snapshot.seed + jobs.begin);
}

bool PlanPart::is_searched(
    const JobSnapshot& snapshot, const JobProblem& whole, const JobRange& jobs) {
  if (!jobs.search || !is_repair(snapshot.cause) || snapshot.previous_plan == 0) return jobs.search;
  const std::span<const uint32_t> tasks =
      std::span(whole.tasks).subspan(jobs.begin, jobs.end - jobs.begin);
  return std::ranges::any_of(
      tasks, [&](uint32_t at) { return snapshot.waiting[at].previous_host == kNoHost; });
}

void PlanPart::begin_search(uint64_t seed) {
  if (!is_repair(snapshot_.cause) || before_.tasks.empty()) {
    const Schedule& from = standing_ ? *standing_ : greedy_;
    engine_ = make_engine(problem_, EngineChoice::Auto, Rng(seed), &from);
    return;
  }
  Standing standing{before_, {}, price_of_move()};
  for (uint32_t task = 0; task < problem_.tasks.size(); ++task)
    standing.homes.push_back(home_of(task));
  engine_ = make_repair_search(problem_, Rng(seed), std::move(standing));
}

std::string_view PlanPart::engine_name() const {
  const bool repairs = is_repair(snapshot_.cause) && !before_.tasks.empty();
  return repairs ? "repair" : search_name(problem_);
}

/// kNoHome: the plan before has none that it could still have.
uint32_t PlanPart::home_of(uint32_t task) const {
  const uint32_t host = job(task).previous_host;
  const bool can = host != kNoHost && problem_.duration_on(task, host) < kNever;
  return can ? host : Standing::kNoHome;
}

const WaitingJob& PlanPart::job(uint32_t task) const {
  return snapshot_.waiting[whole_.tasks[begin_ + task]];
}

void PlanPart::make_greedy(Decoder& decoder) {
  std::vector<uint32_t> order(problem_.tasks.size());
  std::iota(order.begin(), order.end(), 0);
  (void)decoder.decode(order, {}, greedy_);
  if (problem_.goal == Goal::WorkersUsed) limit_waiting();
}

/// Who wants few workers may take as long as greedy does, or as the jobs' deadlines allow.
void PlanPart::limit_waiting() {
  const auto end_of = [&](uint32_t task) {
    return greedy_.tasks[task].start + problem_.tasks[task].duration;
  };
  Ticks last = 0;
  for (uint32_t task = 0; task < problem_.tasks.size(); ++task)
    last = std::max(last, end_of(task));
  for (uint32_t task = 0; task < problem_.tasks.size(); ++task)
    problem_.tasks[task].deadline = std::max(end_of(task), std::min(job(task).deadline, last));
}

/// The plan before, in the order of its starts unless that of the queue is to be kept, and what is
/// new behind it.
void PlanPart::make_standing(Decoder& decoder, bool in_queue_order) {
  std::vector<uint32_t> order(problem_.tasks.size());
  std::vector<uint32_t> where(problem_.tasks.size(), Decoder::kAny);
  std::iota(order.begin(), order.end(), 0);
  bool known = false;
  for (uint32_t task : order) {
    const uint32_t home = home_of(task);
    if (home == Standing::kNoHome) continue;
    where[task] = home;
    known = true;
  }
  if (!known) return;
  const auto start_before = [&](uint32_t task) {
    return where[task] == Decoder::kAny ? kNever : job(task).previous_start;
  };
  if (!in_queue_order) {
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return start_before(a) < start_before(b);
    });
  }
  // What misses a hard deadline, or costs more than greedy, is nothing to stand by.
  Schedule standing;
  if (!decoder.decode(order, where, standing)) return;
  order_alike(standing);
  before_ = std::move(standing);
  if (before_.cost <= greedy_.cost) standing_ = before_;
}

double PlanPart::price_of_move() const {
  return snapshot_.move_price * greedy_.cost / static_cast<double>(problem_.tasks.size());
}

double PlanPart::price_of(const Schedule& schedule) const {
  uint32_t moves = 0;
  for (uint32_t task = 0; task < problem_.tasks.size(); ++task) {
    const uint32_t host = job(task).previous_host;
    moves += host != kNoHost && host != schedule.tasks[task].worker ? 1 : 0;
  }
  return price_of_move() * moves;
}

/// Alike: wherever one of them can run, another can as well, for as long and as urgently.
void PlanPart::order_alike(Schedule& schedule, std::vector<GpuSet>* gpus) const {
  struct Kind {
    uint32_t query;
    Ticks duration;
    double weight;
    auto operator<=>(const Kind&) const = default;
  };
  std::map<Kind, std::vector<uint32_t>> kinds;
  for (uint32_t task = 0; task < problem_.tasks.size(); ++task) {
    const Problem::Task& one = problem_.tasks[task];
    if (!job(task).avoided.empty()) continue;
    kinds[{job(task).query, one.duration, one.weight}].push_back(task);
  }
  for (const auto& [kind, tasks] : kinds)
    start_in_turn(tasks, schedule, gpus);
  set_cost(problem_, schedule);
}

Schedule PlanPart::choose() const {
  Schedule best = greedy_;
  if (engine_ != nullptr && engine_->best() != nullptr) {
    best = *engine_->best();
    order_alike(best);
    if (best.cost > greedy_.cost) best = greedy_;
  }
  if (!standing_) return best;
  const bool moving_pays = best.cost + price_of(best) < standing_->cost + price_of(*standing_);
  return moving_pays ? best : *standing_;
}

double PlanPart::bound() const {
  return engine_ != nullptr ? engine_->bound() : lower_bound(problem_);
}

}  // namespace berth::core
