#include "core/plan/engine/decoder.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace berth::core {

Decoder::Decoder(const Problem& problem) : problem_(problem), fragmentation_(problem) {
  followers_.resize(problem.tasks.size());
  for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
    for (uint32_t before : problem.tasks[task].after)
      followers_[before].push_back(task);
  }
  // Workers that some task tells apart are of kinds of their own.
  std::vector<char> told_apart(problem.workers.size());
  std::set<const void*> seen;
  for (const Problem::Task& task : problem.tasks) {
    if (!task.durations.empty()) std::fill(told_apart.begin(), told_apart.end(), 1);
    if (!seen.insert(task.workers.identity()).second) continue;
    for (uint32_t worker : task.workers.all())
      told_apart[worker] = 1;
  }
  std::map<std::vector<Amount>, uint32_t> kinds;
  for (uint32_t worker = 0; worker < problem.workers.size(); ++worker) {
    const std::vector<Amount>& capacity = problem.workers[worker].capacity;
    timelines_.emplace_back(capacity);
    uint32_t kind = worker;
    if (told_apart[worker] == 0) kind = kinds.try_emplace(capacity, worker).first->second;
    kind_of_.push_back(kind);
  }
  rank_.resize(problem.tasks.size());
  uint32_t rank = 0;
  for (uint32_t task : topological_order(problem))
    rank_[task] = rank++;
  busy_of_.resize(problem.workers.size());
  for (uint32_t i = 0; i < problem.busy.size(); ++i)
    busy_of_[problem.busy[i].worker].push_back(i);
  used_.resize(problem.workers.size());
  for (uint32_t worker = 0; worker < problem.workers.size(); ++worker)
    reset(worker);
  for (uint32_t worker = 0; fragmentation_.counts() && worker < problem.workers.size(); ++worker) {
    at_first_.push_back(fragmentation_.mean(worker, timelines_[worker]));
    all_at_first_ += at_first_.back();
  }
  changed_.resize(problem.workers.size());
  tried_empty_.resize(problem.workers.size());
  ends_.resize(problem.tasks.size());
  const auto ask = [this](uint32_t task, uint32_t worker, Ticks duration) {
    ++tried_;
    return timelines_[worker].earliest(0, duration, problem_.tasks[task].demand);
  };
  StartIndex::Rank by_leftovers;
  if (fragmentation_.counts()) {
    by_leftovers = [this](uint32_t task, uint32_t worker, Ticks start) {
      return rank_of(task, worker, start);
    };
  }
  index_ = std::make_unique<StartIndex>(problem, ask, by_leftovers);
}

int64_t Decoder::rank_of(uint32_t task, uint32_t worker, Ticks start) const {
  const std::span<const Amount> free = timelines_[worker].free_at(start);
  return fragmentation_.rank(worker, free, problem_.tasks[task].demand);
}

/// Workers that were given nothing are as they were at first.
int64_t Decoder::fragmentation() const {
  int64_t all = all_at_first_;
  if (!fragmentation_.counts()) return all;
  for (uint32_t worker : dirty_)
    all += fragmentation_.mean(worker, timelines_[worker]) - at_first_[worker];
  return all;
}

void Decoder::reset(uint32_t worker) {
  timelines_[worker].reset(problem_.workers[worker].capacity);
  for (uint32_t at : busy_of_[worker]) {
    const Problem::Busy& busy = problem_.busy[at];
    timelines_[worker].take(busy.from, busy.until - busy.from, busy.demand);
  }
  // One that runs something is not like the empty ones of its kind.
  used_[worker] = busy_of_[worker].empty() ? 0 : 1;
}

void Decoder::clear() {
  for (uint32_t worker : dirty_)
    reset(worker);
  for (uint32_t worker : dirty_)
    changed_[worker] = 0;
  dirty_.clear();
  index_->clear();
  late_ = 0;
}

uint64_t Decoder::take_tried() {
  return std::exchange(tried_, 0);
}

Decoder::Place Decoder::place_on(uint32_t task, uint32_t worker, Ticks from) {
  ++tried_;
  const Ticks duration = problem_.duration_on(task, worker);
  if (duration >= kNever) return {};
  const Ticks start = timelines_[worker].earliest(from, duration, problem_.tasks[task].demand);
  return start >= kNever ? Place{} : Place{worker, start, start + duration};
}

// Of workers of one kind that hold nothing yet, one stands for all.
Decoder::Place Decoder::best_place(uint32_t task, Ticks from) {
  if (index_->covers(task)) {
    const Assigned first = index_->best(task);
    if (first.start >= kNever) return {};
    return {first.worker, first.start, first.start + problem_.tasks[task].duration};
  }
  Place best;
  alike_.clear();
  ++empty_round_;
  auto look = [&](uint32_t worker) {
    if (used_[worker] == 0) {
      if (tried_empty_[kind_of_[worker]] == empty_round_) return;
      tried_empty_[kind_of_[worker]] = empty_round_;
    }
    const Place place = place_on(task, worker, from);
    if (place.end < best.end) alike_.clear();
    if (place.end <= best.end && place.end < kNever) alike_.push_back(place);
    if (place.end < best.end) best = place;
  };
  const Problem::Task& one = problem_.tasks[task];
  // Where every worker takes as long, nobody beats one that can begin at once.
  const size_t enough = fragmentation_.counts() ? StartIndex::kAlikeMax : 1;
  auto perfect = [&] {
    return best.start == from && one.durations.empty() && alike_.size() >= enough;
  };
  for (uint32_t worker : one.workers.all()) {
    if (perfect()) break;
    look(worker);
  }
  for (uint32_t worker = 0; one.workers.empty() && worker < timelines_.size() && !perfect();
       ++worker)
    look(worker);
  return fragmentation_.counts() && alike_.size() > 1 ? best_of_alike(task) : best;
}

Decoder::Place Decoder::best_of_alike(uint32_t task) const {
  std::pair<int64_t, size_t> best{INT64_MAX, 0};
  for (size_t i = 0; i < alike_.size(); ++i)
    best = std::min(best, {rank_of(task, alike_[i].worker, alike_[i].start), i});
  return alike_[best.second];
}

void Decoder::take(uint32_t task, const Place& place) {
  used_[place.worker] = 1;
  if (changed_[place.worker] == 0) dirty_.push_back(place.worker);
  changed_[place.worker] = 1;
  timelines_[place.worker].take(place.start, place.end - place.start, problem_.tasks[task].demand);
  ends_[task] = place.end;
}

bool Decoder::decode(
    std::span<const uint32_t> order, std::span<const uint32_t> where, Schedule& schedule) {
  clear();
  schedule.tasks.resize(problem_.tasks.size());
  for (uint32_t task : order) {
    const Problem::Task& one = problem_.tasks[task];
    Ticks from = one.release;
    for (uint32_t before : one.after)
      from = std::max(from, ends_[before]);
    const uint32_t wanted = where.empty() ? kAny : where[task];
    const Place place = wanted == kAny ? best_place(task, from) : place_on(task, wanted, from);
    take(task, place);
    schedule.tasks[task] = {place.worker, place.start};
    late_ += std::max<Ticks>(0, place.start - problem_.latest_start(task, place.worker));
  }
  schedule.leftovers = fragmentation_cost(problem_, fragmentation());
  schedule.cost = goal_cost(problem_, schedule.tasks) + schedule.leftovers;
  return late_ == 0;
}

std::span<const uint32_t> Decoder::justified(const Schedule& schedule) {
  const auto count = static_cast<uint32_t>(problem_.tasks.size());
  by_time_.resize(count);
  std::iota(by_time_.begin(), by_time_.end(), 0);
  auto end_of = [&](uint32_t task) {
    const Assigned& at = schedule.tasks[task];
    return at.start + problem_.duration_on(task, at.worker);
  };
  Ticks makespan = 0;
  for (uint32_t task : by_time_)
    makespan = std::max(makespan, end_of(task));
  // Backwards in time, so that what follows a task comes before it.
  std::sort(by_time_.begin(), by_time_.end(), [&](uint32_t a, uint32_t b) {
    const Ticks a_end = end_of(a);
    const Ticks b_end = end_of(b);
    if (a_end != b_end) return a_end > b_end;
    return rank_[a] > rank_[b];
  });
  clear();
  for (uint32_t task : by_time_) {
    Ticks from = 0;  // counted back from the makespan
    for (uint32_t next : followers_[task])
      from = std::max(from, ends_[next]);
    take(task, place_on(task, schedule.tasks[task].worker, from));
  }
  std::sort(by_time_.begin(), by_time_.end(), [&](uint32_t a, uint32_t b) {
    return ends_[a] != ends_[b] ? ends_[a] > ends_[b] : rank_[a] < rank_[b];
  });
  return by_time_;
}

}  // namespace berth::core
