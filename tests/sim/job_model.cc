#include "tests/sim/job_model.h"

#include <algorithm>
#include <utility>

#include "wire/spec.h"
#include "wire/tokens.h"

namespace berth::sim {

namespace {

using wire::JobState;

std::string name(uint64_t job) {
  return "job " + std::to_string(job);
}

std::string name(JobState state) {
  return std::string(wire::job_state_token(state));
}

bool is_live(JobState state) {
  return state == JobState::Assigned || state == JobState::Running;
}

}  // namespace

bool is_over(JobState state) {
  return state == JobState::Completed || state == JobState::Failed || state == JobState::Aborted;
}

bool is_legal(JobState from, JobState to) {
  switch (from) {
    case JobState::Pending: return to == JobState::Assigned || to == JobState::Aborted;
    case JobState::Assigned:
      return to == JobState::Running || to == JobState::Pending || to == JobState::Lost ||
             to == JobState::Aborted;
    case JobState::Running: return to != JobState::Assigned && to != JobState::Running;
    case JobState::Lost: return to == JobState::Retrying || to == JobState::Failed;
    case JobState::Retrying: return to == JobState::Pending || to == JobState::Aborted;
    case JobState::Completed: return false;
    case JobState::Failed:
    case JobState::Aborted: return to == JobState::Pending;  // somebody asks for it again
  }
  return false;
}

void JobModel::read_spec(std::span<const std::byte> bytes) {
  wire::SpecDecoder decoder;
  wire::JobSpec spec;
  if (decoder.decode(bytes, spec) != wire::DecodeStatus::Ok) return;
  attempts_max = spec.attempts_max;
  checkpointable = spec.checkpointable;
  slots = spec.demand.slots;
  cpu_milli = spec.demand.cpu_milli;
  memory_mib = spec.demand.memory_mib;
  gpu_milli = spec.demand.gpu_count > 0 ? spec.demand.gpu_milli : 0;
  depends_on.assign(spec.depends_on.begin(), spec.depends_on.end());
  const auto tags = spec.requirements.all_tags;
  impossible = std::ranges::find(tags, "absent") != tags.end();
}

JobModel* JobModels::find(uint64_t job) {
  auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second;
}

void JobModels::rebuild(const SimDisk& disk) {
  jobs_.clear();
  records_.clear();
  array_specs_.clear();
  for (const auto& [first, stored] : disk.jobs()) {
    records_[first] = stored.count;
    JobModel job;
    job.array = stored.array;
    const core::JobProgress& progress = stored.progress.plain;
    job.state = progress.state;
    job.attempts = progress.attempt_count;
    std::vector<std::byte> spec = disk.spec_of(stored);
    job.read_spec(spec);
    if (stored.array != 0) array_specs_[stored.array] = std::move(spec);
    if (is_live(job.state)) {
      job.epoch = progress.assignment.epoch;
      job.accepted = true;
    }
    if (job.epoch != 0) {
      job.leases[job.epoch] = {0, 0, JobState::Assigned, true, false, stored.progress.worker, {}};
    }
    for (uint64_t id = first; id < first + stored.count; ++id)
      jobs_[id] = job;
  }
  for (const auto& [key, attempt] : disk.attempts()) {
    JobModel* job = find(key.first);
    if (job == nullptr) continue;
    job->leases[key.second] = {0, 1, attempt.plain.state, true, false, attempt.worker, {}};
  }
}

void JobModels::add(const core::StoreBatch& group) {
  for (const core::JobRecord& record : group.jobs) {
    if (record.array.value == 0 || record.spec.empty()) continue;
    array_specs_[record.array.value].assign(record.spec.begin(), record.spec.end());
  }
  for (const core::ArrayRest& rest : group.arrays) {
    records_.erase(rest.was.value);
    if (rest.count > 0) records_[rest.first.value] = rest.count;
  }
  for (const core::JobRecord& record : group.jobs) {
    records_[record.id.value] = record.count;
    for (uint64_t id = record.id.value; id < record.id.value + record.count; ++id) {
      auto [at, fresh] = jobs_.try_emplace(id);
      if (!fresh) continue;  // an element that was taken out of its array
      at->second.array = record.array.value;
      const bool alone = record.array.value == 0;
      at->second.read_spec(alone ? record.spec : std::span(array_specs_[record.array.value]));
    }
  }
}

void JobModels::drop(uint64_t job) {
  for (uint64_t id = job; id < job + records_[job]; ++id)
    jobs_.erase(id);
  records_.erase(job);
}

std::string JobModels::apply(const wire::JobEvent& event, uint64_t turn) {
  for (uint64_t id = event.job.value; id < event.job.value + event.count; ++id) {
    std::string problem = apply(event, id, turn);
    if (!problem.empty()) return problem;
  }
  return {};
}

std::string JobModels::apply(const wire::JobEvent& event, uint64_t id, uint64_t turn) {
  JobModel* found = find(id);
  if (found == nullptr) return name(id) + " is said to be " + name(event.state) + ", and unknown";
  JobModel& job = *found;
  const JobState from = std::exchange(job.state, event.state);
  const bool is_new = from == JobState::Pending && event.state == JobState::Pending;
  const bool odd =
      !is_legal(from, event.state) ||
      (from == JobState::Running && event.state == JobState::Pending && !job.checkpointable);
  if (odd && !is_new) return name(id) + " went from " + name(from) + " to " + name(event.state);
  if (is_live(from) && !is_live(event.state)) {
    Lease& lease = job.leases[job.epoch];
    lease.ended = turn;
    lease.how = event.state;
    job.epoch = 0;
    if (event.state == JobState::Lost) ++lost;
    if (event.state == JobState::Completed) ++completed;
    if (from == JobState::Running && event.state == JobState::Pending) {
      ++checkpointed;
      lease.how = JobState::Completed;
      --job.attempts;
    }
  }
  if (is_over(from) && event.state == JobState::Pending) {
    job.attempts = 0;
    job.revived = turn;
  }
  if (event.state != JobState::Assigned) return {};
  job.accepted = false;
  job.epoch = 0;
  return check_start(id, job);
}

std::string JobModels::check_start(uint64_t id, const JobModel& job) {
  for (uint64_t on : job.depends_on) {
    if (!has_completed(on)) {
      return name(id) + " was assigned before " + name(on) + " has completed, which it depends on";
    }
  }
  return {};
}

/// Of an array, named by its first element: all of it. What was dropped had completed.
bool JobModels::has_completed(uint64_t on) {
  auto first = jobs_.find(on);
  if (first == jobs_.end()) return true;
  if (first->second.array != on) return first->second.state == JobState::Completed;
  for (auto at = first; at != jobs_.end() && at->second.array == on; ++at) {
    if (at->second.state != JobState::Completed) return false;
  }
  return true;
}

std::string JobModels::apply(const core::AttemptRecord& attempt, uint64_t turn) {
  const uint64_t id = attempt.id.job.value;
  JobModel* job = find(id);
  if (job == nullptr) return "an attempt of " + name(id) + ", unknown";
  auto found = job->leases.find(attempt.id.epoch);
  if (found == job->leases.end()) {
    return name(id) + " has an attempt that was never assigned, epoch " +
           std::to_string(attempt.id.epoch);
  }
  if (is_live(attempt.state)) return name(id) + " lives, and an attempt of it is stored as ended";
  // One that was aborted may not have been accepted before.
  if (attempt.state == JobState::Aborted) return {};
  return accept(id, attempt.id.epoch, turn);
}

/// As far as it was not known: an attempt that counts.
std::string JobModels::accept(uint64_t id, uint64_t epoch, uint64_t turn) {
  JobModel& job = jobs_[id];
  if (std::exchange(job.leases[epoch].accepted, true)) return {};
  if (job.epoch == epoch) job.accepted = true;
  if (job.revived == turn || ++job.attempts <= job.attempts_max) return {};
  return name(id) + " is tried for the " + std::to_string(job.attempts) + "th time, of at most " +
         std::to_string(job.attempts_max);
}

std::string JobModels::check_row(uint64_t id, const core::JobProgress& progress, uint64_t turn) {
  JobModel* job = find(id);
  if (job == nullptr) return "a row of " + name(id) + ", unknown";
  if (is_live(job->state) && is_live(progress.state) && progress.assignment.epoch == job->epoch) {
    // A live lease is stored from its ack on.
    if (std::string problem = accept(id, job->epoch, turn); !problem.empty()) return problem;
  }
  const bool wish = job->state == JobState::Assigned && !job->accepted;
  const JobState due = wish ? JobState::Pending : job->state;
  if (progress.state != due) {
    return name(id) + " is " + name(job->state) + " and its row says " + name(progress.state);
  }
  if (progress.attempt_count > job->attempts_max) {
    return name(id) + " counts " + std::to_string(progress.attempt_count) +
           " attempts of at most " + std::to_string(job->attempts_max);
  }
  if (is_live(due) && progress.assignment.epoch != job->epoch) {
    return name(id) + " is leased as " + std::to_string(job->epoch) + " and its row says " +
           std::to_string(progress.assignment.epoch);
  }
  return {};
}

std::string JobModels::assign(
    const wire::Assignment& assignment, const std::string& worker, uint64_t turn) {
  const wire::AssignmentId id = assignment.id;
  JobModel* job = find(id.job.value);
  if (job == nullptr) return name(id.job.value) + " was assigned, and is unknown";
  if (id.epoch <= last_epoch) return "epoch " + std::to_string(id.epoch) + " was used before";
  last_epoch = id.epoch;
  if (job->state != JobState::Assigned || job->epoch != 0) {
    return name(id.job.value) + " is " + name(job->state) + " and was assigned to " + worker +
           " under a second lease";
  }
  job->epoch = id.epoch;
  Lease& lease = job->leases[id.epoch];
  lease.begun = turn;
  lease.of_this_life = true;
  lease.worker = worker;
  lease.gpus.assign(assignment.gpus.begin(), assignment.gpus.end());
  return {};
}

std::string JobModels::check_disk(const SimDisk& disk) {
  size_t elements = 0;
  for (const auto& [first, stored] : disk.jobs()) {
    elements += stored.count;
    for (uint64_t id = first; id < first + stored.count; ++id) {
      JobModel* job = find(id);
      if (job == nullptr) return name(id) + " is on the disk and nobody submitted it";
      const bool wish = job->state == JobState::Assigned && !job->accepted;
      const JobState due = wish ? JobState::Pending : job->state;
      const JobState is = stored.progress.plain.state;
      // That it has started may be stored later.
      if (is == due || (is == JobState::Assigned && due == JobState::Running)) continue;
      return name(id) + " is " + name(job->state) + " and the disk says " +
             name(stored.progress.plain.state);
    }
  }
  if (elements == jobs_.size()) return {};
  return "the disk has " + std::to_string(elements) + " jobs of " + std::to_string(jobs_.size());
}

}  // namespace berth::sim
