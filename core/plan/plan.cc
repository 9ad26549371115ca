#include "core/plan/plan.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>

#include "core/placement/best_fit.h"
#include "core/placement/demand_hash.h"
#include "core/placement/score_cache.h"
#include "core/plan/look_ahead.h"

namespace berth::core {

namespace {

/// Of other orders for each batch. On the GPU trace, in batches of 20, thirty bring 0.4 % of all
/// devices, a hundred 0.5 %, and more than that nothing.
constexpr uint32_t kOrdersTried = 100;

constexpr size_t kSlots = static_cast<size_t>(Resource::Slots);

double used(const NodeState& node) {
  return static_cast<double>(node.capacity[kSlots] - node.free[kSlots]);
}

double load(const NodeState& node) {
  return node.capacity[kSlots] > 0 ? used(node) / node.capacity[kSlots] : 1;
}

uint64_t hash_of(const SnapshotTask& task) {
  const Query& query = task.query;
  uint64_t hash = hash_step(demand_hash(query.demand), static_cast<uint64_t>(query.policy));
  auto add = [&](const NameIds& names) {
    hash = hash_step(hash, names.size());
    for (NameId name : names)
      hash = hash_step(hash, name.value);
  };
  add(query.all);
  for (const NameIds& group : query.any)
    add(group);
  add(query.none);
  hash = hash_step(hash, uint64_t{query.spread} << 32 | query.spread_by.value);
  for (const std::string& worker : query.exclude)
    hash = hash_step(hash, std::hash<std::string>{}(worker));
  return hash;
}

bool holds(const std::vector<NameId>& names, NameId name) {
  return std::binary_search(names.begin(), names.end(), name);
}

/// Tasks that ask for the same thing. Capacity only shrinks while a plan is made: a worker that
/// does not fit one of them fits none of the later ones, and where one found no place, none will.
struct Alike {
  const SnapshotTask* first = nullptr;
  size_t tasks = 0;
  bool listed = false;
  bool hopeless = false;
  size_t checked_at = 0;          ///< how many assignments there were then
  std::vector<uint32_t> workers;  ///< that have the names, and fitted when last tried
};

class Planner {
 public:
  Planner(const Snapshot& snapshot, Rng& rng) : snapshot_(snapshot), rng_(rng) {
    nodes_.reserve(snapshot.workers.size());
    for (const SnapshotWorker& worker : snapshot.workers)
      nodes_.push_back(worker.node);
    taken_at_.resize(nodes_.size());
    if (!nodes_.empty()) first_ = static_cast<uint32_t>(rng.below(nodes_.size()));
    typical_.fix(snapshot.typical);
    group();
  }

  Plan run(Budget budget) {
    plan_.plan_id = snapshot_.plan_id;
    for (size_t i = 0; i < snapshot_.tasks.size(); i = plan_.tried) {
      const uint64_t left = budget.steps - std::min(budget.steps, plan_.steps);
      size_t end = batch_end(i);
      if (cost(i, end) > left) end = i + 1;
      if (cost(i, end) > left) {
        plan_.complete = false;
        return std::move(plan_);
      }
      if (end > i + 1) {
        place_together(i, end);
      } else if (!alike(i).hopeless) {
        place(snapshot_.tasks[i], alike(i));
      }
      plan_.tried = end;
    }
    return std::move(plan_);
  }

 private:
  struct Best {
    bool found = false;
    bool suspicious = false;
    uint32_t worker = 0;
    ScoredGpus scored;
  };

  void group() {
    absl::flat_hash_map<uint64_t, std::vector<uint32_t>> by_hash;
    for (const SnapshotTask& task : snapshot_.tasks) {
      std::vector<uint32_t>& same_hash = by_hash[hash_of(task)];
      auto same = [&](uint32_t at) {
        return alike_[at].first->query == task.query;
      };
      auto known = std::find_if(same_hash.begin(), same_hash.end(), same);
      if (known == same_hash.end()) {
        same_hash.push_back(static_cast<uint32_t>(alike_.size()));
        alike_.push_back({&task});
        known = std::prev(same_hash.end());
      }
      ++alike_[*known].tasks;
      alike_of_.push_back(*known);
    }
  }

  Alike& alike(size_t task) { return alike_[alike_of_[task]]; }

  /// Tasks that are placed together: neighbours of one priority with the policy that looks ahead.
  size_t batch_end(size_t begin) const {
    const std::vector<SnapshotTask>& tasks = snapshot_.tasks;
    const auto looks_ahead = [](const SnapshotTask& task) {
      return task.query.policy == wire::Policy::Fgd && !task.query.spread;
    };
    if (!looks_ahead(tasks[begin])) return begin + 1;
    const size_t limit = std::min(tasks.size(), begin + kLookAheadTasksMax);
    size_t end = begin + 1;
    while (end < limit && looks_ahead(tasks[end]) && tasks[end].priority == tasks[begin].priority)
      ++end;
    return end;
  }

  uint64_t cost(size_t begin, size_t end) {
    uint64_t steps = end > begin + 1 ? look_ahead_cost(end - begin) : 0;
    for (size_t i = begin; i < end; ++i)
      steps += alike(i).hopeless ? 0 : cost(alike(i));
    return steps;
  }

  /// An order followed tries each task on the workers that those before it went to.
  static uint64_t look_ahead_cost(size_t tasks) { return kOrdersTried * tasks * tasks / 2; }

  size_t cost(const Alike& alike) const {
    return alike.listed ? alike.workers.size() : nodes_.size();
  }

  void place(const SnapshotTask& task, Alike& alike) {
    refresh(task, alike);
    Best best = task.query.spread ? best_of_least_loaded_label(task, alike) : best_of(task, alike);
    if (best.found) assign(task, best.worker, best.scored.gpus);
    settle(alike, best.found);
  }

  void place_together(size_t begin, size_t end) {
    std::vector<uint32_t> hopeful;
    for (size_t i = begin; i < end; ++i) {
      if (!alike(i).hopeless) hopeful.push_back(static_cast<uint32_t>(i));
    }
    std::map<uint32_t, std::vector<Candidate>> best_of_alike;
    std::vector<BatchTask> batch;
    for (uint32_t i : hopeful) {
      auto [best, fresh] = best_of_alike.try_emplace(alike_of_[i]);
      if (fresh) best->second = best_workers(snapshot_.tasks[i], alike(i), hopeful.size());
      batch.push_back({&snapshot_.tasks[i].query.demand, best->second});
    }
    const auto allowed = [&](uint32_t task, uint32_t worker) {
      return may_go(snapshot_.tasks[hopeful[task]], snapshot_.workers[worker]);
    };
    plan_.steps += look_ahead_cost(hopeful.size());
    LookAhead look_ahead(nodes_, typical_, scores_);
    std::vector<char> placed(hopeful.size());
    for (const BatchPlace& to : look_ahead.place(batch, allowed, kOrdersTried, rng_)) {
      assign(snapshot_.tasks[hopeful[to.task]], to.worker, to.gpus);
      placed[to.task] = 1;
    }
    for (size_t i = 0; i < hopeful.size(); ++i)
      settle(alike(hopeful[i]), placed[i] != 0);
  }

  /// The `count` workers that the task likes best, best first.
  std::vector<Candidate> best_workers(const SnapshotTask& task, Alike& alike, size_t count) {
    refresh(task, alike);
    scores_.begin(task.query.demand, typical_);
    std::vector<Candidate> candidates;
    for (uint32_t at : alike.workers)
      candidates.push_back({at, snapshot_.workers[at].suspicious, scores_.fgd(nodes_[at])});
    return best_candidates(std::move(candidates), count);
  }

  void assign(const SnapshotTask& task, uint32_t at, GpuSet gpus) {
    const SnapshotWorker& worker = snapshot_.workers[at];
    take(nodes_[at], task.query.demand, gpus);
    plan_.assignments.push_back({task.ticket, worker.index, worker.generation, gpus});
    taken_at_[at] = plan_.assignments.size();
  }

  /// A list that nobody will read again is not kept: there may be as many as there are tasks.
  void settle(Alike& alike, bool placed) {
    alike.hopeless = alike.hopeless || !placed;
    if (--alike.tasks == 0 || alike.hopeless) std::vector<uint32_t>().swap(alike.workers);
  }

  void refresh(const SnapshotTask& task, Alike& alike) {
    plan_.steps += cost(alike);
    if (!alike.listed) list(task, alike);
    drop_misfits(task.query.demand, alike);
  }

  void list(const SnapshotTask& task, Alike& alike) {
    alike.listed = true;
    alike.checked_at = plan_.assignments.size();
    auto count = static_cast<uint32_t>(nodes_.size());
    for (uint32_t i = 0; i < count; ++i) {
      uint32_t at = first_ + i < count ? first_ + i : first_ + i - count;
      if (misfit(nodes_[at], task.query.demand) != Misfit::None) continue;
      if (may_go(task, snapshot_.workers[at])) alike.workers.push_back(at);
    }
  }

  static bool may_go(const SnapshotTask& task, const SnapshotWorker& worker) {
    return has_names(worker, task.query) &&
           !std::binary_search(task.excluded.begin(), task.excluded.end(), worker.index);
  }

  /// Only what was taken from since can have stopped fitting.
  void drop_misfits(const NodeDemand& demand, Alike& alike) {
    std::erase_if(alike.workers, [&](uint32_t at) {
      return taken_at_[at] > alike.checked_at && misfit(nodes_[at], demand) != Misfit::None;
    });
    alike.checked_at = plan_.assignments.size();
  }

  Best best_of(const SnapshotTask& task, const Alike& alike) {
    return best_where(task, alike, [](uint32_t) { return true; });
  }

  template <typename Allowed>
  Best best_where(const SnapshotTask& task, const Alike& alike, Allowed allowed) {
    const NodeDemand& demand = task.query.demand;
    if (task.query.policy == wire::Policy::Fgd) scores_.begin(demand, typical_);
    Best best;
    for (uint32_t at : alike.workers) {
      bool suspicious = snapshot_.workers[at].suspicious;
      if (best.found && suspicious && !best.suspicious) continue;
      if (!allowed(at)) continue;
      ScoredGpus scored = score(task.query, nodes_[at]);
      bool ahead = !best.found || (best.suspicious && !suspicious);
      if (ahead || scored.score < best.scored.score) best = {true, suspicious, at, scored};
    }
    if (best.found && task.query.policy != wire::Policy::Fgd) {
      best.scored.gpus = choose_gpus(nodes_[best.worker], demand);
    }
    return best;
  }

  ScoredGpus score(const Query& query, const NodeState& node) {
    switch (query.policy) {
      case wire::Policy::LeastLoaded: return {load(node), 0};
      case wire::Policy::BestFit: return {best_fit_leftover(node, query.demand), 0};
      case wire::Policy::Fgd: return scores_.fgd(node);
      case wire::Policy::Spread: return {used(node), 0};
      case wire::Policy::Pack: break;
    }
    return {-load(node), 0};
  }

  /// Among the workers with the label value whose workers together are least loaded.
  Best best_of_least_loaded_label(const SnapshotTask& task, const Alike& alike) {
    NameId least = least_loaded_label(task, alike);
    if (least == NameId{}) return {};
    return best_where(
        task, alike, [&](uint32_t at) { return holds(snapshot_.workers[at].names, least); });
  }

  NameId least_loaded_label(const SnapshotTask& task, const Alike& alike) {
    NameId least;
    double lowest = std::numeric_limits<double>::infinity();
    for (NameId label : task.spread_labels) {
      auto has_label = [&](uint32_t at) {
        return holds(snapshot_.workers[at].names, label);
      };
      if (std::none_of(alike.workers.begin(), alike.workers.end(), has_label)) continue;
      double load_of_label = load_of(task, label);
      if (load_of_label >= lowest) continue;
      lowest = load_of_label;
      least = label;
    }
    return least;
  }

  /// Of all workers with this label that have the names, whether the task fits them or not.
  double load_of(const SnapshotTask& task, NameId label) {
    double used_slots = 0;
    double slots = 0;
    plan_.steps += nodes_.size();
    for (size_t at = 0; at < nodes_.size(); ++at) {
      const SnapshotWorker& worker = snapshot_.workers[at];
      if (!holds(worker.names, label) || !has_names(worker, task.query)) continue;
      used_slots += used(nodes_[at]);
      slots += nodes_[at].capacity[kSlots];
    }
    return slots > 0 ? used_slots / slots : 1;
  }

  const Snapshot& snapshot_;
  Rng& rng_;
  uint32_t first_ = 0;
  std::vector<NodeState> nodes_;  ///< as the tasks before have left them
  std::vector<size_t> taken_at_;  ///< for each node the last assignment to it, counted from 1
  std::vector<Alike> alike_;
  std::vector<uint32_t> alike_of_;  ///< for each task its place in `alike_`
  TypicalTasks typical_;
  ScoreCache scores_;
  Plan plan_;
};

}  // namespace

bool has_names(const SnapshotWorker& worker, const Query& query) {
  auto has = [&](NameId name) {
    return holds(worker.names, name);
  };
  return std::all_of(query.all.begin(), query.all.end(), has) &&
         std::none_of(query.none.begin(), query.none.end(), has) &&
         std::all_of(query.any.begin(), query.any.end(), [&](const NameIds& group) {
           return std::any_of(group.begin(), group.end(), has);
         });
}

Plan make_plan(const Snapshot& snapshot, Budget budget, Rng& rng) {
  return Planner(snapshot, rng).run(budget);
}

}  // namespace berth::core
