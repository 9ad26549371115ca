#include "tests/sim/sim_store.h"

#include <utility>

namespace berth::sim {

namespace {

std::string text(uint64_t number) {
  return std::to_string(number);
}

}  // namespace

void StoredProgress::keep(const core::JobProgress& progress) {
  plain = progress;
  worker = progress.worker;
  message = progress.last_error.message;
  gpus.assign(progress.gpus.begin(), progress.gpus.end());
}

core::JobProgress StoredProgress::view() const {
  core::JobProgress progress = plain;
  progress.worker = worker;
  progress.last_error.message = message;
  progress.gpus = gpus;
  return progress;
}

// ---- The disk -----------------------------------------------------------------------------------

void SimDisk::apply(const core::StoreBatch& group) {
  for (const core::ArrayRest& rest : group.arrays)
    shrink(rest);
  for (const core::JobRecord& job : group.jobs) {
    if (job.array.value == 0 || job.spec.empty()) continue;
    array_specs_[job.array.value].assign(job.spec.begin(), job.spec.end());
  }
  for (const core::JobRecord& job : group.jobs)
    insert(job);
  for (const core::JobChange& one : group.changes)
    change(one);
  for (const core::AttemptRecord& attempt : group.attempts)
    write(attempt);
  for (const core::SubmitRecord& submit : group.submits) {
    submits_[std::string(submit.request)] = {
        ++submits_taken_, submit.at_ms, {submit.jobs.begin(), submit.jobs.end()}, submit.digest};
  }
  for (const core::WorkerRecord& worker : group.workers) {
    workers_[std::string(worker.worker)] = {
        worker.nonce, worker.failures, worker.cooldown_until_ms};
  }
  for (const wire::JobEvent& event : group.events)
    write(event);
  for (const core::ExperienceRecord& record : group.experience)
    experience_[record.slot] = record;
  for (wire::JobId job : group.dropped_jobs)
    drop(job.value);
  for (std::string_view request : group.dropped_submits)
    submits_.erase(std::string(request));
}

void SimDisk::shrink(const core::ArrayRest& rest) {
  auto found = jobs_.find(rest.was.value);
  if (found == jobs_.end() || found->second.array != rest.array.value) {
    return fail("array " + text(rest.array.value) + " has no rest at " + text(rest.was.value));
  }
  StoredJob job = std::move(found->second);
  jobs_.erase(found);
  const uint64_t end = rest.was.value + job.count;
  if (rest.count == 0) return;
  if (rest.first.value < rest.was.value || rest.first.value + rest.count > end) {
    return fail("the rest at " + text(rest.was.value) + " has grown");
  }
  job.array_index += static_cast<uint32_t>(rest.first.value - rest.was.value);
  job.count = rest.count;
  if (!jobs_.emplace(rest.first.value, std::move(job)).second) {
    fail("two rests begin at " + text(rest.first.value));
  }
}

void SimDisk::insert(const core::JobRecord& record) {
  StoredJob job;
  job.count = record.count;
  job.array = record.array.value;
  job.array_index = record.array_index;
  job.submitted_at_ms = record.submitted_at_ms;
  job.progress.keep(record.progress);
  if (job.array == 0) {
    job.spec.assign(record.spec.begin(), record.spec.end());
    if (job.spec.empty()) return fail("job " + text(record.id.value) + " has no spec");
  } else if (!array_specs_.contains(job.array)) {
    return fail("nobody brought the spec of array " + text(job.array));
  }
  auto before = jobs_.upper_bound(record.id.value + record.count - 1);
  if (before != jobs_.begin()) {
    --before;
    if (before->first + before->second.count > record.id.value) {
      return fail(
          "job " + text(record.id.value) + " (" + text(record.count) + ") overlaps the record at " +
          text(before->first));
    }
  }
  jobs_.emplace(record.id.value, std::move(job));
}

void SimDisk::change(const core::JobChange& change) {
  auto found = jobs_.find(change.id.value);
  if (found == jobs_.end()) return fail("a change of job " + text(change.id.value) + ", unknown");
  found->second.progress.keep(change.progress);
}

void SimDisk::write(const core::AttemptRecord& attempt) {
  if (!jobs_.contains(attempt.id.job.value)) {
    return fail("an attempt of job " + text(attempt.id.job.value) + ", unknown");
  }
  StoredAttempt& stored = attempts_[{attempt.id.job.value, attempt.id.epoch}];
  stored.plain = attempt;
  stored.worker = attempt.worker;
  stored.message = attempt.error.message;
  stored.plain.outputs = {};
}

void SimDisk::write(const wire::JobEvent& event) {
  if (!events_.empty() && events_.rbegin()->first >= event.sequence) {
    return fail("event " + text(event.sequence) + " comes after a later one");
  }
  events_[event.sequence] = {event, std::string(event.worker), std::string(event.reason)};
}

void SimDisk::drop(uint64_t job) {
  auto found = jobs_.find(job);
  if (found == jobs_.end()) return fail("job " + text(job) + " is dropped, unknown");
  for (uint64_t id = job; id < job + found->second.count; ++id)
    dropped_.insert(id);
  jobs_.erase(found);
  attempts_.erase(attempts_.lower_bound({job, 0}), attempts_.lower_bound({job + 1, 0}));
}

const StoredJob* SimDisk::find(uint64_t job) const {
  auto next = jobs_.upper_bound(job);
  if (next == jobs_.begin()) return nullptr;
  --next;
  return job < next->first + next->second.count ? &next->second : nullptr;
}

std::vector<std::byte> SimDisk::spec_of(const StoredJob& job) const {
  return job.array == 0 ? job.spec : array_specs_.at(job.array);
}

const StoredAttempt* SimDisk::attempt(uint64_t job, uint64_t epoch) const {
  auto found = attempts_.find({job, epoch});
  return found == attempts_.end() ? nullptr : &found->second;
}

bool SimDisk::knows(wire::AssignmentId id) const {
  if (attempt(id.job.value, id.epoch) != nullptr) return true;
  const StoredJob* job = find(id.job.value);
  return job != nullptr && job->progress.plain.assignment.epoch == id.epoch;
}

void SimDisk::load(core::StoreReader& reader) {
  reader.on_start(core::epoch_floor(++starts_));
  for (const auto& [id, job] : jobs_) {
    std::vector<std::byte> spec = spec_of(job);
    core::JobRecord record;
    record.id = {id};
    record.count = job.count;
    record.array = {job.array};
    record.array_index = job.array_index;
    record.submitted_at_ms = job.submitted_at_ms;
    record.spec = spec;
    record.progress = job.progress.view();
    reader.on_job(record);
  }
  for (const auto& [id, attempt] : attempts_) {
    core::AttemptRecord record = attempt.plain;
    record.worker = attempt.worker;
    record.error.message = attempt.message;
    reader.on_attempt(record);
  }
  std::map<uint64_t, const std::string*> in_order;
  for (const auto& [request, submit] : submits_)
    in_order[submit.order] = &request;
  for (const auto& [order, request] : in_order) {
    const StoredSubmit& submit = submits_.at(*request);
    reader.on_submit({*request, submit.at_ms, submit.jobs, submit.digest});
  }
  for (const auto& [name, worker] : workers_)
    reader.on_worker({name, worker.nonce, worker.failures, worker.cooldown_until_ms});
  for (const auto& [sequence, event] : events_) {
    if (core::is_in_passing(event.plain)) continue;
    wire::JobEvent record = event.plain;
    record.worker = event.worker;
    record.reason = event.reason;
    reader.on_event(record);
  }
  for (const auto& [slot, record] : experience_)
    reader.on_experience(record);
}

// ---- The store ----------------------------------------------------------------------------------

void SimStore::commit(core::StoreBatch&& group) {
  if (group.sequence != ++last_sequence_) {
    world_.fail(
        "the store was given group " + text(group.sequence) + " after " + text(last_sequence_ - 1));
  }
  waiting_.push_back(std::move(group));
  if (syncing_.empty()) sync();
}

void SimStore::sync() {
  // Mostly all that waits, sometimes a part: the thread took it before the rest came.
  size_t groups = world_.one_in(4) ? 1 + world_.rng.below(waiting_.size()) : waiting_.size();
  for (; groups > 0; --groups) {
    syncing_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  const bool slow = world_.one_in(50);
  process_.timer(world_.between(Duration{100'000}, Duration::milliseconds(slow ? 400 : 4)), [this] {
    finish();
  });
}

void SimStore::finish() {
  if (disk_.full) return on_failed();
  const uint64_t sequence = syncing_.back().sequence;
  apply();
  on_durable(sequence);
  if (!waiting_.empty()) sync();
}

void SimStore::apply() {
  for (const core::StoreBatch& group : syncing_) {
    disk_.apply(group);
    if (on_applied) on_applied(group);
  }
  syncing_.clear();
}

void SimStore::crash() {
  if (!syncing_.empty() && !disk_.full && world_.one_in(2)) apply();
  syncing_.clear();
  waiting_.clear();
}

}  // namespace berth::sim
