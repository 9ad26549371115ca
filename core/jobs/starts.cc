#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/jobs/ledger_state.h"
#include "core/placement/demand_hash.h"

// When those that wait will start.
namespace berth::core {

namespace {

using wire::JobState;

constexpr Duration kOutlookAge = Duration::seconds(1);
/// Of the first that wait, those whose run times are asked for.
constexpr size_t kLookedAt = 1'024;
/// Workers whose leases are counted, evenly among all: a millisecond.
constexpr size_t kWorkersMax = 16'384;

double seconds(Duration length) {
  return static_cast<double>(length.ns) / 1e9;
}

Forecast known_or_usual(const Forecast& run, Duration usual) {
  if (run.known) return run;
  const double middle = seconds(usual);
  return {middle, middle, middle / 4, middle * 4, false};
}

Forecast left_of(const Forecast& run, double so_far_s) {
  const auto left = [&](double whole) {
    return std::max(whole - so_far_s, 1e-3);
  };
  return {left(run.median), left(run.mean), left(run.low), left(run.high), run.known};
}

}  // namespace

/// Which jobs are in the sample is decided by their ids: the leases of a worker have no order.
void JobLedger::State::sample_running(Now now) {
  const size_t step = workers.size() / kWorkersMax + 1;
  size_t leases = 0;
  for (size_t i = 0; i < workers.size(); i += step)
    leases += workers.at(static_cast<WorkerNumber>(i)).leases.size();
  const size_t every = leases / Outlook::kPlaces + 1;
  std::vector<std::pair<uint64_t, const Job*>> chosen;
  for (size_t i = 0; i < workers.size(); i += step) {
    for (const auto& [id, job] : workers.at(static_cast<WorkerNumber>(i)).leases) {
      if (every == 1 || hash_step(1, id) % every == 0) chosen.emplace_back(id, job);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  for (const auto& [id, job] : chosen) {
    const Forecast run = known_or_usual(expected_run(now, *job), kUnknownRun);
    const bool runs = job->state == JobState::Running;
    const int64_t since_ms = runs ? edges::last_attempt(*job)->started_at_ms : now.wall_ms;
    outlook.add_running(left_of(run, static_cast<double>(now.wall_ms - since_ms) / 1e3));
  }
}

void JobLedger::State::sample_waiting(Now now) {
  size_t looked_at = 0;
  for (const auto& [like, turn] : queue.first(Outlook::kFront)) {
    const Job* job = ++looked_at <= kLookedAt ? jobs.find(turn.id) : nullptr;
    if (job == nullptr) {
      outlook.add_waiting(turn);
      continue;
    }
    // What no worker could run is in nobody's way, as far as it has been found out.
    uint32_t no_look = 0;
    const bool never = classes.unsatisfiable(now, classes.read_other(job->spec.bytes()), no_look);
    outlook.add_waiting(
        turn,
        never ? 0 : static_cast<double>(job->count),
        known_or_usual(expected_run(now, *job), kUnknownRun));
  }
}

void JobLedger::State::look_ahead(Now now) {
  if (now.mono < outlook_due) return;
  outlook_due = now.mono + kOutlookAge;
  const uint64_t running = census.in(JobState::Running) + census.in(JobState::Assigned);
  outlook.begin(static_cast<double>(running), queue.size(), {next_job});
  sample_running(now);
  sample_waiting(now);
}

void JobLedger::State::add_start(
    Now now, const Job& job, wire::JobId element, wire::JobForecast& forecast) {
  const bool waits = job.state == JobState::Pending || job.state == JobState::Retrying;
  if (!waits || job.unmet > 0) return;
  Outlook::Start start;
  if (!job.queued || queue.is_blocked(job.like)) {
    look_ahead(now);
    const auto within = static_cast<double>(element.value - job.id.value);
    const std::optional<Outlook::Start> found = outlook.start_of(turn_of(job), within);
    // With nothing in its way it starts when it may.
    if (!found && queue.blocked() > 0) return;
    if (found && queue.blocked() > 0) {
      const double age_s = seconds(now.mono - (outlook_due - kOutlookAge));
      start = {found->at_s - age_s, found->early_s - age_s, found->late_s - age_s};
    }
  }
  // What the planner has promised is told; the queue says how far off that may be.
  if (const Promise* promise = promises.find(element)) {
    start.at_s = std::max(0.0, seconds(promise->start - now.mono));
    start.early_s = std::min(start.early_s, start.at_s);
    start.late_s = std::max(start.late_s, start.at_s);
    forecast.planned = true;
  }
  const double ready_s = std::max(0.0, seconds(job.ready_at - now.mono));
  const auto at = [&](double seconds) {
    constexpr double kFarAway = 1e9;  // thirty years
    const double then = std::min(std::max(seconds, ready_s), kFarAway);
    return now.wall_ms + static_cast<int64_t>(std::llround(then * 1e3));
  };
  forecast.start_at_ms = at(start.at_s);
  forecast.start_early_ms = at(start.early_s);
  forecast.start_late_ms = at(start.late_s);
}

}  // namespace berth::core
