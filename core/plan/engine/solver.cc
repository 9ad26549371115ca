#include "core/plan/engine/solver.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/plan/engine/bin_search.h"
#include "core/plan/engine/exact_search.h"
#include "core/plan/engine/load_search.h"
#include "core/plan/engine/machine_search.h"
#include "core/plan/engine/order_search.h"
#include "core/plan/engine/partition_search.h"

namespace berth::core {

namespace {

using MakeSearch = std::unique_ptr<Engine> (*)(const Problem&, Rng, const Schedule*);

constexpr size_t kWholeTasksMax = 400;  // beyond it the order of all tasks is too much to search

struct Search {
  std::string_view name;
  bool (*suits)(const Problem&);
  MakeSearch make;
};

bool is_large(const Problem& problem) {
  return problem.tasks.size() > kWholeTasksMax && problem.workers.size() > 1;
}

/// The first that suits. Those for few problems count nothing but the goal.
const Search kSearches[] = {
    {"loads", is_load_problem, make_load_search},
    {"bins", is_bin_problem, make_bin_search},
    {"machines", is_machine_problem, make_machine_search},
    {"parts", is_large, make_partition_search},
    {"order", [](const Problem&) { return true; }, make_order_search},
};
constexpr size_t kForGoalsAlone = 3;

const Search& search_for(const Problem& problem) {
  const Search* search = kSearches + (problem.leftovers.typical.empty() ? 0 : kForGoalsAlone);
  while (!search->suits(problem))
    ++search;
  return *search;
}

std::unique_ptr<Engine> make_exact(const Problem& problem, const Schedule* known) {
  if (known != nullptr && is_release_problem(problem)) return make_exact_loads(problem, *known);
  return make_exact_times(problem, known);
}

/// What a search begins with, and nothing more.
class Greedy final : public Engine {
 public:
  explicit Greedy(std::unique_ptr<Engine> search) : search_(std::move(search)) {}
  bool advance(uint64_t) override { return false; }
  const Schedule* best() const override { return search_->best(); }
  double bound() const override { return search_->bound(); }

 private:
  std::unique_ptr<Engine> search_;
};

/// A search first, then branch and bound with what it has found.
class ThenExact final : public Engine {
 public:
  ThenExact(const Problem& problem, uint64_t search_steps, Rng rng, const Schedule* seed)
      : problem_(problem), search_steps_(search_steps), search_(make_search(problem, rng, seed)) {}

  bool advance(uint64_t steps) override {
    if (exact_ != nullptr) return exact_->advance(steps);
    const uint64_t now = std::min(steps, search_steps_);
    search_steps_ -= now;
    if (!search_->advance(now) && search_->proved()) return false;
    if (search_steps_ > 0) return true;
    exact_ = make_exact(problem_, search_->best());
    return steps == now || exact_->advance(steps - now);
  }
  const Schedule* best() const override {
    return exact_ != nullptr ? exact_->best() : search_->best();
  }
  double bound() const override {
    // What the search knows of bounds stays true.
    return exact_ != nullptr ? std::max(exact_->bound(), search_->bound()) : search_->bound();
  }

 private:
  const Problem& problem_;
  uint64_t search_steps_;
  std::unique_ptr<Engine> search_;
  std::unique_ptr<Engine> exact_;
};

// Some tenths of a second for Auto: what the search does not find by then for so few tasks, it
// hardly will.
constexpr uint64_t kSearchSteps = 4'000'000;
constexpr uint64_t kSearchStepsOfExact = 100'000;

}  // namespace

std::unique_ptr<Engine> make_search(const Problem& problem, Rng rng, const Schedule* seed) {
  return search_for(problem).make(problem, rng, seed);
}

std::string_view search_name(const Problem& problem) {
  return search_for(problem).name;
}

std::unique_ptr<Engine> make_engine(
    const Problem& problem, EngineChoice choice, Rng rng, const Schedule* seed) {
  const bool small = problem.tasks.size() <= kExactTasksMax && problem.busy.empty() &&
                     problem.goal != Goal::BoundedSlowdown && problem.leftovers.typical.empty();
  switch (choice) {
    case EngineChoice::Greedy: return std::make_unique<Greedy>(make_search(problem, rng, seed));
    case EngineChoice::Anytime: return make_search(problem, rng, seed);
    case EngineChoice::Exact:
      BERTH_CHECK(small);
      return std::make_unique<ThenExact>(problem, kSearchStepsOfExact, rng, seed);
    case EngineChoice::Auto: break;
  }
  if (!small) return make_search(problem, rng, seed);
  return std::make_unique<ThenExact>(problem, kSearchSteps, rng, seed);
}

}  // namespace berth::core
