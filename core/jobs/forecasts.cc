#include <algorithm>
#include <cmath>

#include "core/base/hash.h"
#include "core/jobs/ledger_state.h"
#include "core/placement/demand_hash.h"

// What jobs will take, as those before them did.
namespace berth::core {

namespace {

using wire::JobState;

/// A group that changes all the time is written once in so long; a server that crashes forgets so
/// much of what it learned.
constexpr Duration kSavedEvery = Duration::seconds(2);
constexpr size_t kSavedAtOnce = 1'024;

/// What is asked for is far off when it is so many times what nearly all of such runs used, or when
/// they used so much of it; said only after some have been seen, and of more than a trifle.
constexpr double kFarAbove = 4;
constexpr double kNearly = 0.95;
constexpr double kPeaksMin = 2.5;
constexpr int64_t kTrifleMib = 256;

constexpr double kBytesOfAMib = 1024.0 * 1024.0;

double seconds(Duration length) {
  return static_cast<double>(length.ns) / 1e9;
}

Duration duration_of(double seconds) {
  constexpr double kLongest = 1e9;  // thirty years
  return {static_cast<int64_t>(std::clamp(seconds, 1e-3, kLongest) * 1e9)};
}

uint64_t hash_of(const NodeState& node, const Names& names) {
  uint64_t hash = hash_amounts(3, node.capacity);
  for (size_t i = 0; i < node.gpu_count; ++i)
    hash = hash_step(hash, hash_text(names.text(node.gpu_model[i])));
  for (size_t i = 0; i < node.custom_count; ++i) {
    const CustomAmount& custom = node.custom_capacity[i];
    hash = hash_step(hash, hash_text(names.text(custom.name)));
    hash = hash_step(hash, static_cast<uint32_t>(custom.amount));
  }
  return hash | 1;
}

uint64_t ms_of(double seconds) {
  return static_cast<uint64_t>(std::max(1.0, std::round(std::min(seconds, 1e12) * 1e3)));
}

wire::MemoryAdvice advice(int64_t asked_mib, double top_bytes) {
  const double asked = static_cast<double>(asked_mib) * kBytesOfAMib;
  if (asked_mib == 0) return wire::MemoryAdvice::None;  // it asks for none, and has no limit
  if (top_bytes >= kNearly * asked) return wire::MemoryAdvice::AskMore;
  const bool far = asked_mib >= kTrifleMib && asked >= kFarAbove * top_bytes;
  return far ? wire::MemoryAdvice::AskLess : wire::MemoryAdvice::None;
}

}  // namespace

uint64_t JobLedger::State::worker_kind(const Job& job) const {
  const Attempt* last = edges::last_attempt(job);
  return last == nullptr ? 0 : workers.at(last->worker).kind;
}

void JobLedger::State::note_kind(WorkerEntry& worker, WorkerIndex row, uint32_t generation) {
  if (worker.kind != 0 && worker.kind_of == generation) return;
  NodeState node;
  uint32_t flags = 0;
  uint32_t is_now = 0;
  if (!tables.fleet.read_node(row, node, flags, is_now) || is_now != generation) return;
  worker.kind = hash_of(node, tables.names);
  worker.kind_of = generation;
}

Belief JobLedger::State::believed_run(const Job& job) {
  const bool placed = job.state == JobState::Running || job.state == JobState::Assigned;
  return experience.run_s(job.likeness, placed ? worker_kind(job) : 0, job.estimated_ms / 1e3);
}

double JobLedger::State::ran_for_s(Now now, const Job& job) {
  if (job.state != JobState::Running) return 0;
  return static_cast<double>(now.wall_ms - edges::last_attempt(job)->started_at_ms) / 1e3;
}

Forecast JobLedger::State::expected_run(Now now, const Job& job) {
  Forecast run = believed_run(job).forecast();
  if (job.state == JobState::Running) run = beyond(run, ran_for_s(now, job));
  if (job.timeout_ms == 0 || !run.known) return run;
  for (double* part : {&run.median, &run.mean, &run.low, &run.high})
    *part = std::min(*part, job.timeout_ms / 1e3);
  return run;
}

double JobLedger::State::expected_median(Now now, const Job& job) {
  const double median = believed_run(job).median(ran_for_s(now, job));
  return job.timeout_ms == 0 ? median : std::min(median, job.timeout_ms / 1e3);
}

Duration JobLedger::State::expected_duration(Now now, const Job& job) {
  const double run_s = expected_median(now, job);
  return duration_of((run_s > 0 ? run_s : seconds(kUnknownRun)) - ran_for_s(now, job));
}

wire::JobForecast JobLedger::State::forecast_of(
    Now now, const Job& job, const wire::JobSpec& spec) {
  wire::JobForecast to;
  if (is_terminal(job.state)) return to;
  const Forecast run = expected_run(now, job);
  if (run.known) {
    to.run_ms = ms_of(run.median);
    to.run_short_ms = ms_of(run.low);
    to.run_long_ms = ms_of(run.high);
    to.runs_seen = static_cast<uint32_t>(std::lround(experience.runs_seen(job.likeness)));
  }
  if (experience.peaks_seen(job.likeness) < kPeaksMin) return to;
  const double top = experience.memory_bytes(job.likeness, 0).forecast().top();
  to.memory_top_bytes = static_cast<uint64_t>(std::min(top, 1e18));
  to.memory_advice = advice(spec.demand.memory_mib, top);
  return to;
}

/// From how an attempt ended: completed, or killed by its memory limit, of which it had too little.
void JobLedger::State::learn_from(const Job& job, const edges::Ending& ending) {
  const Attempt& attempt = *edges::last_attempt(job);
  auto memory = static_cast<double>(ending.usage.memory_peak_bytes);
  double run_s = 0;
  if (attempt.state == JobState::Completed) {
    const auto seen_ms = attempt.finished_at_ms - attempt.started_at_ms;
    run_s = ending.usage.wall_ms > 0 ? static_cast<double>(ending.usage.wall_ms) / 1e3
                                     : static_cast<double>(std::max<int64_t>(seen_ms, 1)) / 1e3;
  } else {
    const int64_t limit = classes.read_other(job.spec.bytes()).demand.memory_mib;
    memory = std::max(memory, static_cast<double>(limit) * kBytesOfAMib);
  }
  experience.learn(job.likeness, worker_kind(job), run_s, memory);
}

void JobLedger::State::save_experience(Now now) {
  if (now.mono < experience_due || experience.changed() == 0) return;
  experience_due = now.mono + kSavedEvery;
  for (const ExperienceRecord& record : experience.take_changed(kSavedAtOnce))
    outbox.rows().experience.push_back(record);
}

}  // namespace berth::core
