#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/planted.h"
#include "core/jobs/ledger_state.h"

// What a job depends on has to be COMPLETED first. The id of an array stands for all its elements.
namespace berth::core {

using wire::JobState;

namespace {

std::vector<uint64_t> distinct(std::span<const uint64_t> ids) {
  std::vector<uint64_t> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

const char* what_became(JobState state) {
  return state == JobState::Failed ? ", which failed" : ", which was aborted";
}

}  // namespace

std::optional<JobState> JobLedger::State::outcome_of(wire::JobId on) {
  Job* job = jobs.find(on);
  if (job == nullptr) return std::nullopt;
  if (job->array != on) return is_terminal(job->state) ? job->state : JobState::Pending;
  uint64_t left = 0;
  for (; job != nullptr && job->array == on; job = jobs.at_or_after({job->id.value + job->count})) {
    if (job->state == JobState::Failed || job->state == JobState::Aborted) return job->state;
    if (job->state != JobState::Completed) left += job->count;
  }
  if (left == 0) return JobState::Completed;
  dependencies.expect(on, left);
  return JobState::Pending;
}

bool JobLedger::State::hold_back(Now, Job& job, const wire::JobSpec& spec) {
  job.unmet = 0;
  if (BERTH_PLANTED(DependencyIgnored)) return true;
  bool possible = true;
  for (uint64_t on : distinct(spec.depends_on)) {
    // What is not known any more has completed: had it not, this one would have been aborted.
    const JobState outcome = outcome_of({on}).value_or(JobState::Completed);
    if (outcome == JobState::Completed) continue;
    ++job.unmet;
    if (outcome == JobState::Pending) {
      dependencies.add({on}, job.id);
    } else {
      resolved.push_back({job.id, {on}, outcome});
      possible = false;
    }
  }
  return possible;
}

void JobLedger::State::forget_dependencies(Job& job) {
  for (uint64_t on : distinct(classes.read_other(job.spec.bytes()).depends_on))
    dependencies.remove({on}, job.id);
  job.unmet = 0;
}

void JobLedger::State::tell_dependants(const Job& job) {
  if (dependencies.empty()) return;
  const bool completed = job.state == JobState::Completed;
  const auto tell_all = [&](wire::JobId on) {
    for (uint64_t waiting : dependencies.take(on))
      resolved.push_back({{waiting}, on, job.state});
  };
  for (uint64_t id = job.id.value; id < job.id.value + job.count; ++id) {
    if (id != job.array.value) tell_all({id});
  }
  if (job.array.value == 0 || !dependencies.expects(job.array)) return;
  if (!completed || dependencies.adjust(job.array, -1)) tell_all(job.array);
}

bool JobLedger::State::settle_dependants(Now now, size_t limit) {
  for (; limit > 0 && !resolved.empty(); --limit) {
    const Resolved one = resolved.front();
    resolved.pop_front();
    Job* job = jobs.find(one.job);
    if (job == nullptr || job->id != one.job || job->unmet == 0) continue;
    if (one.how != JobState::Completed) {
      abort(now, *job, "it depends on job " + std::to_string(one.on.value) + what_became(one.how));
    } else if (--job->unmet == 0) {
      enqueue(now, *job);
    }
  }
  return !resolved.empty();
}

}  // namespace berth::core
