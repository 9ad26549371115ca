#include "core/jobs/outlook.h"

#include <algorithm>
#include <cmath>

namespace berth::core {

namespace {

/// Errors of many runs cancel, but those of like jobs err alike: an interval is never narrower than
/// this part of a single run's.
constexpr double kNarrowest = 0.4;
constexpr double kShortest = 1e-3;

/// `part` of it, drawn towards the middle.
double drawn(const Forecast& run, double Forecast::*part, double narrowed) {
  const double middle = std::max(run.median, kShortest);
  return middle * std::pow(std::max(run.*part, kShortest) / middle, narrowed);
}

}  // namespace

void Outlook::begin(double running, size_t turns, wire::JobId last) {
  *this = {};
  running_ = running;
  turns_ = turns;
  last_ = last;
}

void Outlook::add_waiting(const JobTurn& turn, double jobs, const Forecast& run) {
  front_.push_back({turn, all_jobs_});
  all_jobs_ += jobs;
  jobs_ += jobs;
  ++looked_at_;
  runs_.low += jobs * run.low;
  runs_.median += jobs * run.median;
  runs_.high += jobs * run.high;
}

void Outlook::add_waiting(const JobTurn& turn) {
  front_.push_back({turn, all_jobs_});
  all_jobs_ += looked_at_ > 0 ? jobs_ / looked_at_ : 1;
}

/// Behind the first few thousand it is told from how far its id is from theirs to the youngest.
double Outlook::jobs_before(const JobTurn& turn) const {
  const auto found = std::lower_bound(
      front_.begin(), front_.end(), turn, [](const Front& front, const JobTurn& wanted) {
        return front.turn < wanted;
      });
  if (found != front_.end()) return found->jobs;
  if (turns_ <= front_.size() || front_.empty()) return all_jobs_;
  const uint64_t from = front_.back().turn.id.value;
  const double ids = last_.value > from ? static_cast<double>(last_.value - from) : 1;
  const double way = turn.id.value > from ? static_cast<double>(turn.id.value - from) / ids : 0;
  const auto behind = static_cast<double>(turns_ - front_.size());
  const double per_turn = looked_at_ > 0 ? jobs_ / looked_at_ : 1;
  return all_jobs_ + std::min(way, 1.0) * behind * per_turn;
}

/// When so many places will have become free, by bisection.
double Outlook::at(double jobs, double Forecast::*part, double narrowed) const {
  double ends[2 * kPlaces];
  const size_t count = std::min(left_.size(), 2 * kPlaces);
  double longest = 0;
  for (size_t i = 0; i < count; ++i) {
    ends[i] = drawn(left_[i], part, narrowed);
    longest = std::max(longest, ends[i]);
  }
  Forecast mean = runs_;
  for (double* sum : {&mean.low, &mean.median, &mean.high})
    *sum /= std::max(jobs_, 1.0);
  const double run = std::max(drawn(mean, part, narrowed), kShortest);
  const double each = running_ / static_cast<double>(count);
  const auto freed = [&](double by) {
    double places = 0;
    for (size_t i = 0; i < count; ++i) {
      if (ends[i] <= by) places += 1 + std::floor((by - ends[i]) / run);
    }
    return places * each;
  };
  double early = 0;
  double late = longest + run * (jobs / running_ + 1);
  while (late - early > std::max(1e-3, 2e-3 * late)) {
    const double middle = (early + late) / 2;
    (freed(middle) >= jobs ? late : early) = middle;
  }
  return late;
}

std::optional<Outlook::Start> Outlook::start_of(const JobTurn& turn, double within) const {
  if (left_.empty() || running_ <= 0) return std::nullopt;
  const double jobs = jobs_before(turn) + within + 1;
  const double narrowed = std::max(kNarrowest, 1 / std::sqrt(jobs));
  Start start;
  start.at_s = at(jobs, &Forecast::median, 1);
  start.early_s = std::min(start.at_s, at(jobs, &Forecast::low, narrowed));
  start.late_s = std::max(start.at_s, at(jobs, &Forecast::high, narrowed));
  return start;
}

}  // namespace berth::core
