#include "tests/core/jobs/store_model.h"

#include <cstring>

#include <gtest/gtest.h>

namespace berth::core {

void StoreModel::put(JobRow& row, const JobProgress& progress) {
  row.record.progress = progress;
  row.worker = progress.worker;
  row.message = progress.last_error.message;
  row.gpus.assign(progress.gpus.begin(), progress.gpus.end());
}

void StoreModel::commit(const StoreBatch& batch) {
  EXPECT_EQ(batch.sequence, sequence_ + 1);
  sequence_ = batch.sequence;
  for (const ArrayRest& rest : batch.arrays) {
    auto was = jobs_.find(rest.was.value);
    ASSERT_NE(was, jobs_.end()) << "rest " << rest.was.value;
    EXPECT_EQ(was->second.record.array, rest.array);
    JobRow row = was->second;
    jobs_.erase(was);
    if (rest.count == 0) continue;
    row.record.array_index += static_cast<uint32_t>(rest.first.value - rest.was.value);
    row.record.id = rest.first;
    row.record.count = rest.count;
    EXPECT_TRUE(jobs_.emplace(rest.first.value, row).second);
  }
  for (const JobRecord& job : batch.jobs) {
    JobRow row;
    row.record = job;
    row.spec.assign(job.spec.begin(), job.spec.end());
    if (job.array.value != 0) {
      if (!row.spec.empty()) array_specs_[job.array.value] = row.spec;
      EXPECT_TRUE(array_specs_.contains(job.array.value)) << "array " << job.array.value;
      row.spec.clear();
    } else {
      EXPECT_FALSE(row.spec.empty()) << "job " << job.id.value;
    }
    put(row, job.progress);
    EXPECT_TRUE(jobs_.emplace(job.id.value, row).second) << "job " << job.id.value;
  }
  for (const JobChange& change : batch.changes) {
    auto job = jobs_.find(change.id.value);
    ASSERT_NE(job, jobs_.end()) << "change of job " << change.id.value;
    put(job->second, change.progress);
  }
  for (const AttemptRecord& attempt : batch.attempts) {
    AttemptRow& row = attempts_[{attempt.id.job.value, attempt.id.epoch}];
    row.record = attempt;
    row.record.outputs = {};
    row.worker = attempt.worker;
    row.message = attempt.error.message;
  }
  for (const SubmitRecord& submit : batch.submits)
    submits_[std::string(submit.request)] = {
        submit.at_ms, {submit.jobs.begin(), submit.jobs.end()}, submit.digest};
  for (const WorkerRecord& worker : batch.workers)
    workers_[std::string(worker.worker)] = {worker};
  for (const wire::JobEvent& event : batch.events)
    events_.push_back({event, std::string(event.worker), std::string(event.reason)});
  for (const ExperienceRecord& record : batch.experience)
    experience_[record.slot] = record;
  for (wire::JobId job : batch.dropped_jobs) {
    EXPECT_EQ(jobs_.erase(job.value), 1u) << "dropped job " << job.value;
    attempts_.erase(
        attempts_.lower_bound({job.value, 0}), attempts_.lower_bound({job.value + 1, 0}));
  }
  for (std::string_view submit : batch.dropped_submits)
    submits_.erase(std::string(submit));
}

void StoreModel::load(StoreReader& reader) {
  sequence_ = 0;
  reader.on_start(epoch_floor(++starts_));
  for (auto& [id, row] : jobs_) {
    JobRecord record = row.record;
    record.spec = record.array.value == 0 ? row.spec : array_specs_.at(record.array.value);
    record.progress.worker = row.worker;
    record.progress.last_error.message = row.message;
    record.progress.gpus = row.gpus;
    reader.on_job(record);
  }
  for (auto& [id, row] : attempts_) {
    AttemptRecord record = row.record;
    record.worker = row.worker;
    record.error.message = row.message;
    reader.on_attempt(record);
  }
  for (const auto& [request, row] : submits_)
    reader.on_submit({request, row.at_ms, row.jobs, row.digest});
  for (const auto& [name, row] : workers_) {
    WorkerRecord record = row.record;
    record.worker = name;
    reader.on_worker(record);
  }
  for (const EventRow& row : events_) {
    if (is_in_passing(row.event)) continue;
    wire::JobEvent event = row.event;
    event.worker = row.worker;
    event.reason = row.reason;
    reader.on_event(event);
  }
  for (const auto& [slot, record] : experience_)
    reader.on_experience(record);
}

void StoreModel::forget_digests() {
  for (auto& [request, row] : submits_)
    row.digest = 0;
}

}  // namespace berth::core
