#include "core/plan/problem.h"

#include <algorithm>
#include <cstdio>

#include "core/plan/fragmentation.h"

namespace berth::core {

namespace {

constexpr uint32_t kNobody = UINT32_MAX;

std::string seconds(Ticks ticks) {
  std::string text = std::to_string(static_cast<double>(ticks) / kTicksPerSecond);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " s";
}

/// The earliest end of each task if there were no other tasks but those it comes after.
std::vector<Ticks> earliest_ends(const Problem& problem) {
  std::vector<Ticks> ends(problem.tasks.size());
  for (uint32_t task : topological_order(problem)) {
    Ticks start = problem.tasks[task].release;
    for (uint32_t before : problem.tasks[task].after)
      start = std::max(start, ends[before]);
    const Ticks shortest = problem.shortest_duration(task);
    ends[task] = shortest == kNever ? kNever : std::min(kNever, start + shortest);
  }
  return ends;
}

bool hard_deadlines(Goal goal) {
  return goal == Goal::Makespan || goal == Goal::WorkersUsed;
}

/// The end of any schedule that wastes no time, at the latest: kNever if it is that or more.
Ticks horizon(const Problem& problem) {
  Ticks latest = 0;
  for (const Problem::Task& task : problem.tasks)
    latest = std::max(latest, task.release);
  for (const Problem::Busy& busy : problem.busy)
    latest = std::max(latest, busy.until);
  for (const Problem::Task& task : problem.tasks) {
    Ticks longest = task.duration;
    for (Ticks duration : task.durations)
      longest = std::max(longest, duration < kNever ? duration : 0);
    latest = std::min(kNever, std::min(kNever, latest) + std::min(kNever, longest));
  }
  return latest;
}

}  // namespace

bool Problem::has_room_for(uint32_t worker, uint32_t task) const {
  const std::vector<Amount>& capacity = workers[worker].capacity;
  const std::vector<Amount>& demand = tasks[task].demand;
  for (size_t r = 0; r < demand.size(); ++r) {
    if (demand[r] > capacity[r]) return false;
  }
  return true;
}

Ticks Problem::duration_on(uint32_t task, uint32_t worker) const {
  const Task& one = tasks[task];
  if (!one.workers.empty() && !one.workers.contains(worker)) return kNever;
  const Ticks duration = one.durations.empty() ? one.duration : one.durations[worker];
  return duration != kNever && has_room_for(worker, task) ? duration : kNever;
}

Ticks Problem::shortest_duration(uint32_t task) const {
  const Task& one = tasks[task];
  Ticks shortest = kNever;
  // Where all workers take as long, the first that can is as good as any.
  const auto enough = [&] {
    return shortest < kNever && one.durations.empty();
  };
  for (uint32_t worker : one.workers.all()) {
    if (enough()) break;
    shortest = std::min(shortest, duration_on(task, worker));
  }
  for (uint32_t worker = 0; one.workers.empty() && worker < workers.size() && !enough(); ++worker)
    shortest = std::min(shortest, duration_on(task, worker));
  return shortest;
}

// To need few workers by letting everything wait is no answer: where nothing says until when a task
// may wait, it does not.
Ticks Problem::latest_start(uint32_t task, uint32_t worker) const {
  const Task& one = tasks[task];
  if (!hard_deadlines(goal)) return kNever;
  if (one.deadline != kNever) return one.deadline - duration_on(task, worker);
  return goal == Goal::WorkersUsed && one.after.empty() ? one.release : kNever;
}

double slowdown(const Problem::Task& task, Ticks start, Ticks duration) {
  const auto all = static_cast<double>(task.waited + start + duration);
  return task.weight * std::max(1.0, all / static_cast<double>(std::max(duration, kShortRun)));
}

double goal_cost(const Problem& problem, const std::vector<Assigned>& tasks) {
  double cost = 0;
  std::vector<char> used(problem.workers.size());
  for (uint32_t i = 0; i < tasks.size(); ++i) {
    const Ticks end = tasks[i].start + problem.duration_on(i, tasks[i].worker);
    const Problem::Task& task = problem.tasks[i];
    switch (problem.goal) {
      case Goal::Makespan: cost = std::max(cost, static_cast<double>(end)); break;
      case Goal::WeightedTardiness:
        if (end > task.deadline) cost += task.weight * static_cast<double>(end - task.deadline);
        break;
      case Goal::BoundedSlowdown:
        cost += slowdown(task, tasks[i].start, end - tasks[i].start);
        break;
      case Goal::WorkersUsed: cost += used[tasks[i].worker] == 0 ? 1 : 0; break;
    }
    used[tasks[i].worker] = 1;
  }
  return cost;
}

double cost_of(const Problem& problem, const std::vector<Assigned>& tasks) {
  return goal_cost(problem, tasks) + fragmentation_cost(problem, fragmentation_of(problem, tasks));
}

void set_cost(const Problem& problem, Schedule& schedule) {
  schedule.leftovers = fragmentation_cost(problem, fragmentation_of(problem, schedule.tasks));
  schedule.cost = goal_cost(problem, schedule.tasks) + schedule.leftovers;
}

std::vector<uint32_t> topological_order(const Problem& problem) {
  const auto count = static_cast<uint32_t>(problem.tasks.size());
  std::vector<uint32_t> missing(count);
  std::vector<std::vector<uint32_t>> next(count);
  for (uint32_t task = 0; task < count; ++task) {
    missing[task] = static_cast<uint32_t>(problem.tasks[task].after.size());
    for (uint32_t before : problem.tasks[task].after)
      next[before].push_back(task);
  }
  std::vector<uint32_t> order;
  order.reserve(count);
  for (uint32_t task = 0; task < count; ++task) {
    if (missing[task] == 0) order.push_back(task);
  }
  for (size_t at = 0; at < order.size(); ++at) {
    for (uint32_t task : next[order[at]]) {
      if (--missing[task] == 0) order.push_back(task);
    }
  }
  return order;
}

bool all_at_once(const Problem& problem) {
  for (uint32_t task = 0; task < problem.tasks.size(); ++task) {
    const Problem::Task& one = problem.tasks[task];
    if (one.release != problem.tasks.front().release || !one.after.empty()) return false;
    for (uint32_t worker = 0; worker < problem.workers.size(); ++worker) {
      const Ticks duration = problem.duration_on(task, worker);
      if (duration == 0) return false;
      if (duration < kNever && problem.latest_start(task, worker) != one.release) return false;
    }
  }
  return true;
}

std::string problem_fault(const Problem& problem) {
  for (const Problem::Worker& worker : problem.workers) {
    for (Amount amount : worker.capacity) {
      if (amount < 0) return "worker " + worker.id + " has a negative capacity";
    }
  }
  for (const Problem::Busy& busy : problem.busy) {
    if (busy.worker >= problem.workers.size() || busy.until < busy.from || busy.from < 0) {
      return "something runs nowhere, or ends before it begins";
    }
  }
  for (const Problem::Task& task : problem.tasks) {
    for (Amount amount : task.demand) {
      if (amount < 0) return "task " + task.id + " has a negative demand";
    }
    if (task.duration < 0) return "task " + task.id + " has a negative duration";
    for (Ticks duration : task.durations) {
      if (duration < 0) return "task " + task.id + " has a negative duration";
    }
    if (task.release < 0) return "task " + task.id + " has a negative release";
    if (!(task.weight >= 0)) return "task " + task.id + " has a negative weight";
    for (uint32_t before : task.after) {
      if (before >= problem.tasks.size()) return "task " + task.id + " comes after no task";
    }
  }
  if (horizon(problem) >= kNever) {
    return "the tasks take more than " + seconds(kNever) + " one after the other: give less";
  }
  const std::vector<uint32_t> order = topological_order(problem);
  if (order.size() == problem.tasks.size()) return {};
  std::vector<char> ordered(problem.tasks.size());
  for (uint32_t task : order)
    ordered[task] = 1;
  const auto stuck = std::find(ordered.begin(), ordered.end(), 0) - ordered.begin();
  return "task " + problem.tasks[static_cast<size_t>(stuck)].id +
         " comes after itself, by way of the tasks it is after";
}

namespace {

std::string amount_text(Amount amount) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(amount) / kAmountUnit);
  return text;
}

/// Of what it asks for more than any worker has that may run it; empty: that is not the reason.
std::string too_little(const Problem& problem, const Problem::Task& task) {
  for (size_t r = 0; r < task.demand.size(); ++r) {
    Amount most = 0;
    for (uint32_t w = 0; w < problem.workers.size(); ++w) {
      if (task.workers.empty() || task.workers.contains(w))
        most = std::max(most, problem.workers[w].capacity[r]);
    }
    if (task.demand[r] <= most) continue;
    return "it asks for " + problem.resources[r] + " " + amount_text(task.demand[r]) +
           ", and the most that a worker has which may run it is " + amount_text(most);
  }
  return {};
}

std::string why_nobody(const Problem& problem, uint32_t i) {
  const Problem::Task& task = problem.tasks[i];
  const std::string too_much = too_little(problem, task);
  if (!too_much.empty()) return "no worker can run task " + task.id + ": " + too_much;
  for (const uint32_t before : task.after) {
    if (problem.shortest_duration(before) >= kNever) return why_nobody(problem, before);
  }
  return "no worker can run task " + task.id +
         ": none that may has enough of all it asks for at once, and a duration for it";
}

}  // namespace

std::string unschedulable(const Problem& problem) {
  const std::vector<Ticks> ends = earliest_ends(problem);
  for (uint32_t i = 0; i < problem.tasks.size(); ++i) {
    const Problem::Task& task = problem.tasks[i];
    if (ends[i] >= kNever) return why_nobody(problem, i);
    if (hard_deadlines(problem.goal) && ends[i] > task.deadline) {
      return "task " + task.id + " cannot end before " + seconds(ends[i]) + ", its deadline is " +
             seconds(task.deadline);
    }
  }
  return {};
}

std::string schedule_fault(const Problem& problem, const std::vector<Assigned>& tasks) {
  if (tasks.size() != problem.tasks.size()) {
    return std::to_string(tasks.size()) + " of " + std::to_string(problem.tasks.size()) +
           " tasks are assigned";
  }
  struct Change {
    uint32_t worker;
    Ticks at;
    bool begins;
    uint32_t task;
    const std::vector<Amount>* demand;
  };
  std::vector<Change> changes;
  for (uint32_t i = 0; i < tasks.size(); ++i) {
    const Problem::Task& task = problem.tasks[i];
    const auto [worker, start] = tasks[i];
    const std::string who = "task " + task.id;
    if (worker >= problem.workers.size()) return who + " is on no worker";
    const std::string& where = problem.workers[worker].id;
    const Ticks duration = problem.duration_on(i, worker);
    if (duration >= kNever) return who + " may not run on " + where;
    if (start < task.release) return who + " starts before its release";
    if (start > problem.latest_start(i, worker)) return who + " starts too late for its deadline";
    for (uint32_t before : task.after) {
      const Ticks end = tasks[before].start + problem.duration_on(before, tasks[before].worker);
      if (start < end) return who + " starts before " + problem.tasks[before].id + " has ended";
    }
    if (duration == 0) continue;
    changes.push_back({worker, start, true, i, &task.demand});
    changes.push_back({worker, start + duration, false, i, &task.demand});
  }
  for (const Problem::Busy& busy : problem.busy) {
    if (busy.until == busy.from) continue;
    changes.push_back({busy.worker, busy.from, true, kNobody, &busy.demand});
    changes.push_back({busy.worker, busy.until, false, kNobody, &busy.demand});
  }
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    if (a.worker != b.worker) return a.worker < b.worker;
    if (a.at != b.at) return a.at < b.at;
    return a.begins < b.begins;  // what ends makes room for what begins at the same time
  });
  std::vector<Amount> used(problem.resources.size());
  for (const Change& change : changes) {
    for (size_t r = 0; r < used.size(); ++r) {
      used[r] += change.begins ? (*change.demand)[r] : -(*change.demand)[r];
      if (used[r] > problem.workers[change.worker].capacity[r]) {
        return "worker " + problem.workers[change.worker].id + " has too little " +
               problem.resources[r] + " when " +
               (change.task == kNobody ? "what runs already"
                                       : "task " + problem.tasks[change.task].id) +
               " starts";
      }
    }
  }
  return {};
}

}  // namespace berth::core
