#include "core/plan/implied.h"

#include <algorithm>
#include <numeric>

namespace berth::core {

namespace {

constexpr size_t kTasksMax = 1'000;  // beyond it O(tasks²) is too much, and volume is what counts
constexpr size_t kThresholdsMax = 16;
constexpr Amount kPartsMax = 5;

class Implied {
 public:
  explicit Implied(const Problem& problem) : problem_(problem) {}

  std::vector<ImpliedResource> all() {
    for (size_t r = 0; r < problem_.resources.size(); ++r) {
      add_resource(r);
      if (problem_.tasks.size() > kTasksMax || !same_everywhere(r)) continue;
      add_thresholds(r);
      for (Amount parts = 2; parts <= kPartsMax; ++parts)
        add_parts(r, parts);
    }
    if (problem_.tasks.size() <= kTasksMax) add_cliques();
    return std::move(found_);
  }

 private:
  Amount capacity(size_t r) const { return problem_.workers.front().capacity[r]; }

  bool same_everywhere(size_t r) const {
    if (problem_.workers.empty() || capacity(r) == 0) return false;
    return std::all_of(problem_.workers.begin(), problem_.workers.end(), [&](const auto& worker) {
      return worker.capacity[r] == capacity(r);
    });
  }

  void add_resource(size_t r) {
    ImpliedResource one;
    for (const Problem::Task& task : problem_.tasks)
      one.demand.push_back(static_cast<double>(task.demand[r]));
    for (const Problem::Worker& worker : problem_.workers)
      one.capacity.push_back(static_cast<double>(worker.capacity[r]));
    found_.push_back(std::move(one));
  }

  template <typename Function>
  void add(double capacity, Function demand) {
    ImpliedResource one;
    for (uint32_t task = 0; task < problem_.tasks.size(); ++task)
      one.demand.push_back(demand(task));
    one.capacity.assign(problem_.workers.size(), capacity);
    found_.push_back(std::move(one));
  }

  /// What is larger than all but a little takes everything, that little takes nothing.
  void add_thresholds(size_t r) {
    const Amount all = capacity(r);
    std::vector<Amount> thresholds;
    for (const Problem::Task& task : problem_.tasks) {
      if (task.demand[r] > 0 && task.demand[r] * 2 <= all) thresholds.push_back(task.demand[r]);
      if (task.demand[r] * 2 > all && task.demand[r] <= all) {
        thresholds.push_back(all - task.demand[r] + 1);
      }
    }
    std::sort(thresholds.begin(), thresholds.end());
    thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
    const size_t every = thresholds.size() / kThresholdsMax + 1;
    for (size_t i = 0; i < thresholds.size(); i += every) {
      const Amount little = thresholds[i];
      if (little * 2 > all + 1) continue;
      add(static_cast<double>(all), [&](uint32_t task) {
        const Amount demand = problem_.tasks[task].demand[r];
        if (demand > all - little) return static_cast<double>(all);
        return demand < little ? 0.0 : static_cast<double>(demand);
      });
    }
  }

  /// Of tasks larger than one of `parts + 1` equal parts, a worker runs `parts` at a time.
  void add_parts(size_t r, Amount parts) {
    const Amount all = capacity(r);
    add(static_cast<double>(parts), [&](uint32_t task) {
      const Amount scaled = problem_.tasks[task].demand[r] * (parts + 1);
      if (scaled % all == 0) {
        return static_cast<double>(scaled) * static_cast<double>(parts) /
               (static_cast<double>(all) * static_cast<double>(parts + 1));
      }
      return static_cast<double>(scaled / all);
    });
  }

  bool clash(uint32_t a, uint32_t b) const {
    const std::vector<Amount>& x = problem_.tasks[a].demand;
    const std::vector<Amount>& y = problem_.tasks[b].demand;
    return std::all_of(problem_.workers.begin(), problem_.workers.end(), [&](const auto& worker) {
      for (size_t r = 0; r < x.size(); ++r) {
        if (x[r] + y[r] > worker.capacity[r]) return true;
      }
      return false;
    });
  }

  /// Tasks that all clash, gathered greedily around some of the long ones.
  void add_cliques() {
    if (problem_.resources.size() < 2 || problem_.workers.size() > 64) return;
    const auto count = static_cast<uint32_t>(problem_.tasks.size());
    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return problem_.tasks[a].duration > problem_.tasks[b].duration;
    });
    for (size_t first = 0; first < std::min<size_t>(8, order.size()); ++first) {
      std::vector<uint32_t> clique = {order[first]};
      for (uint32_t task : order) {
        if (task != order[first] && std::all_of(clique.begin(), clique.end(), [&](uint32_t other) {
              return clash(task, other);
            })) {
          clique.push_back(task);
        }
      }
      if (clique.size() < 3) continue;
      add(1, [&](uint32_t task) {
        return std::find(clique.begin(), clique.end(), task) != clique.end() ? 1.0 : 0.0;
      });
    }
  }

  const Problem& problem_;
  std::vector<ImpliedResource> found_;
};

}  // namespace

std::vector<ImpliedResource> implied_resources(const Problem& problem) {
  return Implied(problem).all();
}

}  // namespace berth::core
