#include "core/plan/look_ahead.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace berth::core {

namespace {

constexpr uint32_t kNobody = UINT32_MAX;

bool ahead(const Candidate& a, const Candidate& b) {
  return std::tie(a.suspicious, a.scored.score) < std::tie(b.suspicious, b.scored.score);
}

int64_t gpu_milli(const NodeDemand& demand) {
  return int64_t{demand.gpu_count} * demand.gpu_milli;
}

/// Takes one task out of the order and puts it in elsewhere, never before the first.
void move_one(std::vector<uint32_t>& order, Rng& rng) {
  const auto from = static_cast<ptrdiff_t>(1 + rng.below(order.size() - 1));
  const auto to = static_cast<ptrdiff_t>(1 + rng.below(order.size() - 1));
  const auto begin = order.begin();
  if (from < to) std::rotate(begin + from, begin + from + 1, begin + to + 1);
  if (to < from) std::rotate(begin + to, begin + from, begin + from + 1);
}

}  // namespace

std::vector<Candidate> best_candidates(std::vector<Candidate> candidates, size_t count) {
  // By place in the list last, as a stable sort does, but without sorting what is not wanted.
  std::vector<uint32_t> places(candidates.size());
  std::iota(places.begin(), places.end(), 0);
  const auto sooner = [&candidates](uint32_t a, uint32_t b) {
    if (ahead(candidates[a], candidates[b])) return true;
    return !ahead(candidates[b], candidates[a]) && a < b;
  };
  const size_t kept = std::min(count, places.size());
  std::partial_sort(
      places.begin(), places.begin() + static_cast<ptrdiff_t>(kept), places.end(), sooner);
  std::vector<Candidate> best;
  for (size_t i = 0; i < kept; ++i)
    best.push_back(candidates[places[i]]);
  return best;
}

bool LookAhead::Outcome::better_than(const Outcome& other) const {
  if (gpu_milli != other.gpu_milli) return gpu_milli > other.gpu_milli;
  if (places.size() != other.places.size()) return places.size() > other.places.size();
  return score < other.score;
}

std::vector<BatchPlace> LookAhead::place(
    std::span<const BatchTask> tasks, Allowed allowed, uint32_t tries, Rng& rng) {
  std::vector<uint32_t> order(tasks.size());
  std::iota(order.begin(), order.end(), 0);
  Outcome best;
  follow(order, tasks, allowed, best);
  if (tasks.size() < 3) return std::move(best.places);  // the first stays: nothing to exchange
  std::vector<uint32_t> other;
  Outcome outcome;
  for (uint32_t i = 0; i < tries; ++i) {
    other = order;
    move_one(other, rng);
    follow(other, tasks, allowed, outcome);
    if (best.better_than(outcome)) continue;
    // One that is as good is gone on from, too: better ones may lie behind it.
    std::swap(order, other);
    std::swap(best, outcome);
  }
  return std::move(best.places);
}

void LookAhead::follow(
    std::span<const uint32_t> order,
    std::span<const BatchTask> tasks,
    Allowed allowed,
    Outcome& outcome) {
  outcome.gpu_milli = 0;
  outcome.score = 0;
  outcome.places.clear();
  touched_.clear();
  for (uint32_t task : order) {
    size_t touched = touched_.size();
    const Candidate best = best_of(task, tasks[task], allowed, touched);
    if (best.worker == kNobody) continue;
    if (touched == touched_.size())
      touched_.push_back({best.worker, best.suspicious, nodes_[best.worker]});
    take(touched_[touched].node, *tasks[task].demand, best.scored.gpus);
    outcome.gpu_milli += gpu_milli(*tasks[task].demand);
    outcome.score += best.scored.score;
    outcome.places.push_back({task, best.worker, best.scored.gpus});
  }
}

/// Nobody else has changed: the best of those is the first on the list that is not touched.
Candidate LookAhead::best_of(
    uint32_t task, const BatchTask& batch_task, Allowed allowed, size_t& touched) {
  Candidate best{.worker = kNobody};
  const auto is_touched = [this](uint32_t worker) {
    return std::any_of(touched_.begin(), touched_.end(), [worker](const Touched& one) {
      return one.worker == worker;
    });
  };
  const auto untouched =
      std::find_if(batch_task.best.begin(), batch_task.best.end(), [&](const Candidate& candidate) {
        return !is_touched(candidate.worker);
      });
  if (untouched != batch_task.best.end()) best = *untouched;
  scores_.begin(*batch_task.demand, typical_);
  for (size_t i = 0; i < touched_.size(); ++i) {
    const auto& [worker, suspicious, node] = touched_[i];
    if (misfit(node, *batch_task.demand) != Misfit::None || !allowed(task, worker)) continue;
    const Candidate candidate{worker, suspicious, scores_.fgd(node)};
    if (best.worker != kNobody && !ahead(candidate, best)) continue;
    best = candidate;
    touched = i;
  }
  return best;
}

}  // namespace berth::core
