#include "net/store/row_writer.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "net/store/row_binding.h"
#include "net/store/row_text.h"
#include "wire/tokens.h"

namespace berth::net {
namespace {

constexpr const char* kInsert =
    "INSERT OR REPLACE INTO jobs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
    " ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31,"
    " ?32, ?33)";
// Of what was never assigned: nearly every insert, with half of the columns.
constexpr const char* kInsertPending =
    "INSERT OR REPLACE INTO jobs (id, array_of, array_index, count, name, queue, tenant, labels,"
    " priority, attempts_max, submitted_at_ms, scheduled_at_ms, deadline_at_ms, state,"
    " attempt_count, queued_at_ms, ready_at_ms, spec)";
constexpr const char* kChange =
    "UPDATE jobs SET state = ?2, attempt_count = ?3, queued_at_ms = ?4, assigned_at_ms = ?5,"
    " started_at_ms = ?6, finished_at_ms = ?7, ready_at_ms = ?8, worker = ?9, epoch = ?10,"
    " attempt = ?11, expires_at_ms = ?12, gpus = ?13, error = ?14, exit_code = ?15, signal = ?16,"
    " message = ?17, cpu_ms = ?18, memory_peak_bytes = ?19, wall_ms = ?20 WHERE id = ?1";
// The two that nearly every job has, with half of the parameters: it was accepted, and it
// completed. The first leaves the index of what has finished alone, so it is for rows that are not
// in it.
constexpr const char* kAccepted =
    "UPDATE jobs SET state = ?2, attempt_count = ?3, queued_at_ms = ?4, assigned_at_ms = ?5,"
    " started_at_ms = NULL, ready_at_ms = NULL, worker = ?6, epoch = ?7, attempt = ?8,"
    " expires_at_ms = ?9, gpus = NULL, error = NULL, exit_code = NULL, signal = NULL,"
    " message = NULL, cpu_ms = NULL, memory_peak_bytes = NULL, wall_ms = NULL"
    " WHERE id = ?1 AND finished_at_ms IS NULL";
constexpr const char* kCompleted =
    "UPDATE jobs SET state = ?2, attempt_count = ?3, queued_at_ms = ?4, assigned_at_ms = ?5,"
    " started_at_ms = ?6, finished_at_ms = ?7, ready_at_ms = NULL, worker = ?8, epoch = ?9,"
    " attempt = ?10, expires_at_ms = NULL, gpus = NULL, error = NULL, exit_code = NULL,"
    " signal = NULL, message = NULL, cpu_ms = ?11, memory_peak_bytes = ?12, wall_ms = ?13"
    " WHERE id = ?1";
constexpr const char* kMove =
    "UPDATE jobs SET id = ?2, array_index = array_index + ?2 - ?1, count = ?3 WHERE id = ?1";
bool is_aligned(std::span<const std::byte> bytes) {
  return reinterpret_cast<uintptr_t>(bytes.data()) % sizeof(uint64_t) == 0;
}

/// Never assigned, so that kInsertPending has all there is.
bool is_fresh(const core::JobProgress& p) {
  return p.state == wire::JobState::Pending && p.assignment.epoch == 0 && p.worker.empty() &&
         p.assigned_at_ms == 0 && p.started_at_ms == 0 && p.finished_at_ms == 0 &&
         p.expires_at_ms == 0 && p.gpus.empty() && p.last_error.kind == wire::ErrorClass::None &&
         p.last_error.message.empty() && p.last_error.exit_code == 0 && p.last_error.signal == 0 &&
         p.usage.cpu_ms == 0 && p.usage.memory_peak_bytes == 0 && p.usage.wall_ms == 0;
}

/// Nothing went wrong, nothing is to be waited for, and no device is held.
bool is_plain(const core::JobProgress& p) {
  return p.ready_at_ms == 0 && p.gpus.empty() && p.last_error.kind == wire::ErrorClass::None &&
         p.last_error.message.empty() && p.last_error.exit_code == 0 && p.last_error.signal == 0;
}

bool is_accepted(const core::JobProgress& p) {
  return is_plain(p) && p.started_at_ms == 0 && p.finished_at_ms == 0 && p.usage.cpu_ms == 0 &&
         p.usage.memory_peak_bytes == 0 && p.usage.wall_ms == 0;
}

bool is_completed(const core::JobProgress& p) {
  return is_plain(p) && p.expires_at_ms == 0;
}

/// A later batch of the same transaction writes the same row.
bool is_superseded(const absl::flat_hash_map<uint64_t, size_t>& last, uint64_t key, size_t batch) {
  if (last.empty()) return false;
  const auto at = last.find(key);
  return at != last.end() && at->second > batch;
}

}  // namespace

bool RowWriter::prepare(Database& database) {
  database_ = &database;
  return insert_.prepare(database, kInsert) &&
         insert_pending_.prepare(database, kInsertPending, kPendingColumns) &&
         change_.prepare(database, kChange) && accepted_.prepare(database, kAccepted) &&
         completed_.prepare(database, kCompleted) && move_.prepare(database, kMove) &&
         drop_job_.prepare(database, "DELETE FROM jobs WHERE id BETWEEN ?1 AND ?2") &&
         drop_attempts_.prepare(database, "DELETE FROM attempts WHERE job BETWEEN ?1 AND ?2") &&
         attempts_.prepare(database, "INSERT OR REPLACE INTO attempts", kAttemptColumns) &&
         submit_.prepare(
             database,
             "INSERT INTO submits (at_ms, jobs, request, digest) VALUES (?1, ?2, ?3, ?4)") &&
         oldest_submit_.prepare(database, "SELECT id, request FROM submits ORDER BY id LIMIT 1") &&
         drop_submit_.prepare(database, "DELETE FROM submits WHERE id = ?1") &&
         find_submit_.prepare(database, "DELETE FROM submits WHERE request = ?1") &&
         worker_.prepare(database, "INSERT OR REPLACE INTO workers VALUES (?1, ?2, ?3, ?4)") &&
         experience_.prepare(
             database,
             "INSERT OR REPLACE INTO experience VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)") &&
         events_.prepare(database, "INSERT OR REPLACE INTO events", kEventColumns) &&
         forget_events_.prepare(database, "DELETE FROM events WHERE sequence <= ?1");
}

void RowWriter::finalize() {
  for (Statement* statement :
       {&insert_,
        &change_,
        &accepted_,
        &completed_,
        &move_,
        &drop_job_,
        &drop_attempts_,
        &submit_,
        &oldest_submit_,
        &drop_submit_,
        &find_submit_,
        &worker_,
        &experience_,
        &forget_events_}) {
    statement->finalize();
  }
  for (BulkInsert* insert : {&insert_pending_, &attempts_, &events_})
    insert->finalize();
}

bool RowWriter::write(std::span<const core::StoreBatch> batches) {
  find_last(batches);
  for (size_t i = 0; i < batches.size(); ++i) {
    if (!write_batch(batches[i], i)) return false;
  }
  return specs_.sweep();
}

void RowWriter::find_last(std::span<const core::StoreBatch> batches) {
  last_change_.clear();
  last_attempt_.clear();
  latest_.clear();
  if (batches.size() < 2) return;
  for (size_t i = 0; i < batches.size(); ++i) {
    for (const core::JobChange& change : batches[i].changes) {
      last_change_[change.id.value] = i;
      latest_[change.id.value] = &change.progress;
    }
    for (const core::AttemptRecord& attempt : batches[i].attempts)
      last_attempt_[attempt.id.epoch] = i;
  }
  // One id, two records: that of the rest before it moved, then that of an element.
  for (const core::StoreBatch& batch : batches) {
    for (const core::ArrayRest& rest : batch.arrays) {
      last_change_.erase(rest.was.value);
      latest_.erase(rest.was.value);
    }
  }
}

bool RowWriter::write_batch(const core::StoreBatch& batch, size_t number) {
  if (!shrink(batch.arrays)) return false;
  // Before any of their jobs: the one that brings the spec need not be the first.
  for (const core::JobRecord& job : batch.jobs) {
    if (job.array.value != 0 && !job.spec.empty() && !keep_spec(job)) return false;
  }
  if (!insert(batch.jobs)) return false;
  for (const core::JobChange& each : batch.changes) {
    if (!is_superseded(last_change_, each.id.value, number) && !change(each)) return false;
  }
  if (!write(batch.attempts, number)) return false;
  for (const core::SubmitRecord& submit : batch.submits) {
    if (!write(submit)) return false;
  }
  for (const core::WorkerRecord& worker : batch.workers) {
    if (!write(worker)) return false;
  }
  for (const core::ExperienceRecord& record : batch.experience) {
    if (!write(record)) return false;
  }
  if (!write(batch.events)) return false;
  if (!batch.events.empty() && !forget_old_events(as_signed(batch.events.back().sequence))) {
    return false;
  }
  if (!drop(batch.dropped_jobs)) return false;
  for (const std::string_view request : batch.dropped_submits) {
    if (!drop_submit(request)) return false;
  }
  return true;
}

// An array that runs shrinks with every element; one statement for the whole chain of it.
bool RowWriter::shrink(std::span<const core::ArrayRest> rests) {
  pending_.clear();
  for (size_t i = 0; i < rests.size();) {
    core::ArrayRest rest = rests[i++];
    while (i < rests.size() && rest.count > 0 && rests[i].was == rest.first) {
      rest.first = rests[i].first;
      rest.count = rests[i++].count;
    }
    if (!shrink(rest)) return false;
  }
  return true;
}

bool RowWriter::shrink(const core::ArrayRest& rest) {
  if (rest.count == 0) {
    drop_job_.number(1, as_signed(rest.was.value));
    drop_job_.number(2, as_signed(rest.was.value));
    if (!drop_job_.run()) return false;
  } else {
    move_.number(1, as_signed(rest.was.value));
    move_.number(2, as_signed(rest.first.value));
    move_.number(3, rest.count);
    if (!move_.run()) return false;
  }
  // Its record may be in this same batch, with what it was before.
  if (sqlite3_changes(database_->raw()) == 0) pending_.push_back(rest);
  return true;
}

bool RowWriter::keep_spec(const core::JobRecord& of_array) {
  // Ids of an array have no gap; its spec says how many there are.
  decode_spec(of_array.spec);
  decoded_ = {};
  const uint32_t elements = spec_.array_last - spec_.array_first;
  return specs_.keep(of_array.array, {of_array.array.value + elements}, of_array.spec);
}

// Jobs of a batch have ids of their own, so that it does not matter which one is first.
bool RowWriter::insert(std::span<const core::JobRecord> jobs) {
  fresh_.clear();
  for (const core::JobRecord& job : jobs) {
    if (is_simple(job)) {
      fresh_.push_back(&job);
    } else if (!insert(job)) {
      return false;
    }
  }
  return insert_pending_.run(fresh_.size(), [this](Statement& to, int at, size_t i) {
    bind_fresh(to, at, *fresh_[i], i);
  });
}

bool RowWriter::is_simple(const core::JobRecord& job) const {
  return job.array.value == 0 && is_fresh(job.progress) && !latest_.contains(job.id.value) &&
         job.spec.size() <= SpecBook::kLong && is_aligned(job.spec);
}

void RowWriter::bind_fresh(Statement& to, int at, const core::JobRecord& job, size_t number) {
  decode_spec(job.spec);
  decoded_ = {};
  std::string& labels = texts_[number % BulkInsert::kRowsMax];
  labels_text(spec_.labels, labels);
  bind_job(to, at, job, spec_, labels);
  to.text(at + 13, wire::job_state_token(job.progress.state));
  to.number(at + 14, job.progress.attempt_count);
  to.number_or_null(at + 15, job.progress.queued_at_ms);
  to.number_or_null(at + 16, job.progress.ready_at_ms);
  to.blob(at + 17, job.spec);
}

bool RowWriter::insert(core::JobRecord job) {
  const auto moved = std::find_if(pending_.begin(), pending_.end(), [&](const auto& rest) {
    return job.count > 1 && rest.was == job.id;
  });
  if (moved != pending_.end()) {
    job.array_index += static_cast<uint32_t>(moved->first.value - job.id.value);
    job.id = moved->first;
    job.count = moved->count;
    pending_.erase(moved);
    if (job.count == 0) return true;
  }
  if (job.array.value != 0) {
    std::span<const std::byte> spec;
    return specs_.find(job.array, spec) && insert_row(job, spec, true);
  }
  catch_up(job);
  const bool apart = job.spec.size() > SpecBook::kLong;
  if (apart && !specs_.keep(job.id, job.id, job.spec)) return false;
  return insert_row(job, job.spec, apart);
}

// Most jobs are accepted by a worker before the transaction that they came with has begun. One
// insert with all of it costs half of an insert and an update.
void RowWriter::catch_up(core::JobRecord& job) {
  const auto latest = latest_.find(job.id.value);
  if (latest == latest_.end()) return;
  job.progress = *latest->second;
  last_change_[job.id.value] = std::numeric_limits<size_t>::max();  // every change is past
}

bool RowWriter::insert_row(
    const core::JobRecord& job, std::span<const std::byte> spec, bool apart) {
  if (job.array.value == 0 || decoded_ != job.array) decode_spec(spec);
  decoded_ = job.array;
  labels_text(spec_.labels, labels_);
  bind_job(insert_, 1, job, spec_, labels_);
  bind_progress(insert_, 14, job.progress);
  if (apart) {
    insert_.null(33);
  } else {
    insert_.blob(33, spec);
  }
  return insert_.run();
}

void RowWriter::decode_spec(std::span<const std::byte> bytes) {
  if (!is_aligned(bytes)) {
    words_.resize((bytes.size() + 7) / 8);
    std::memcpy(words_.data(), bytes.data(), bytes.size());
    bytes = std::as_bytes(std::span(words_)).first(bytes.size());
  }
  // The ledger has read it already. Were it unreadable, its columns would be empty and nothing
  // lost.
  if (decoder_.decode(bytes, spec_) != wire::DecodeStatus::Ok) spec_ = {};
}

void RowWriter::bind_progress(Statement& to, int at, const core::JobProgress& progress) {
  gpus_text(progress.gpus, gpus_);
  to.text(at, wire::job_state_token(progress.state));
  to.number(at + 1, progress.attempt_count);
  to.number_or_null(at + 2, progress.queued_at_ms);
  to.number_or_null(at + 3, progress.assigned_at_ms);
  to.number_or_null(at + 4, progress.started_at_ms);
  to.number_or_null(at + 5, progress.finished_at_ms);
  to.number_or_null(at + 6, progress.ready_at_ms);
  to.text_or_null(at + 7, progress.worker);
  to.number_or_null(at + 8, as_signed(progress.assignment.epoch));
  to.number_or_null(at + 9, progress.assignment.attempt);
  to.number_or_null(at + 10, progress.expires_at_ms);
  to.text_or_null(at + 11, gpus_);
  bind_error(to, at + 12, progress.last_error);
  bind_usage(to, at + 16, progress.usage);
}

bool RowWriter::change(const core::JobChange& change) {
  const core::JobProgress& p = change.progress;
  const bool accepted = is_accepted(p);
  Statement& to = accepted ? accepted_ : is_completed(p) ? completed_ : change_;
  to.number(1, as_signed(change.id.value));
  if (&to == &change_) {
    bind_progress(to, 2, p);
    return to.run();
  }
  to.text(2, wire::job_state_token(p.state));
  to.number(3, p.attempt_count);
  to.number_or_null(4, p.queued_at_ms);
  to.number_or_null(5, p.assigned_at_ms);
  if (!accepted) {
    to.number_or_null(6, p.started_at_ms);
    to.number_or_null(7, p.finished_at_ms);
    bind_usage(to, 11, p.usage);
  }
  const int at = accepted ? 6 : 8;
  to.text_or_null(at, p.worker);
  to.number_or_null(at + 1, as_signed(p.assignment.epoch));
  to.number_or_null(at + 2, p.assignment.attempt);
  if (!accepted) return to.run();
  to.number_or_null(9, p.expires_at_ms);
  if (!to.run()) return false;
  if (sqlite3_changes(database_->raw()) > 0) return true;
  change_.number(1, as_signed(change.id.value));  // one that had finished
  bind_progress(change_, 2, p);
  return change_.run();
}

bool RowWriter::write(std::span<const core::AttemptRecord> attempts, size_t batch) {
  ended_.clear();
  for (const core::AttemptRecord& attempt : attempts) {
    if (!is_superseded(last_attempt_, attempt.id.epoch, batch)) ended_.push_back(&attempt);
  }
  return attempts_.run(ended_.size(), [this](Statement& to, int at, size_t i) {
    std::string& outputs = texts_[i % BulkInsert::kRowsMax];
    outputs_text(ended_[i]->outputs, outputs);
    bind_attempt(to, at, *ended_[i], outputs);
  });
}

bool RowWriter::write(const core::SubmitRecord& submit) {
  ranges_text(submit.jobs, list_);
  submit_.number(1, submit.at_ms);
  submit_.text_or_null(2, list_);
  submit_.text(3, submit.request);
  submit_.number_or_null(4, as_signed(submit.digest));
  return submit_.run();
}

bool RowWriter::write(const core::WorkerRecord& worker) {
  worker_.text(1, worker.worker);
  worker_.number_or_null(2, as_signed(worker.nonce));
  worker_.number(3, worker.failures);
  worker_.number_or_null(4, worker.cooldown_until_ms);
  return worker_.run();
}

bool RowWriter::write(const core::ExperienceRecord& record) {
  experience_.number(1, record.slot);
  experience_.number(2, as_signed(record.key));
  int at = 3;
  for (const core::Moments& moments : {record.run, record.memory}) {
    experience_.real(at++, moments.weight);
    experience_.real(at++, moments.mean);
    experience_.real(at++, moments.variance);
  }
  return experience_.run();
}

// Of each job how it began and ended, and what delayed it: that it was assigned and ran says its
// row, and its attempts, and would double what events cost.
bool RowWriter::write(std::span<const wire::JobEvent> events) {
  told_.clear();
  for (const wire::JobEvent& event : events) {
    if (!core::is_in_passing(event)) told_.push_back(&event);
  }
  return events_.run(
      told_.size(), [this](Statement& to, int at, size_t i) { bind_event(to, at, *told_[i]); });
}

// As many as have come, so that no commit has to pay for all of them.
bool RowWriter::forget_old_events(int64_t newest) {
  if (newest <= kEventsKept) return true;
  forget_events_.number(1, newest - kEventsKept);
  return forget_events_.run();
}

// Jobs that ended one after the other were mostly submitted so, too: one statement for each run of
// ids without a gap.
bool RowWriter::drop(std::span<const wire::JobId> jobs) {
  dropped_.assign(jobs.begin(), jobs.end());
  std::sort(dropped_.begin(), dropped_.end());
  for (size_t i = 0; i < dropped_.size();) {
    const size_t first = i;
    do {
      specs_.on_dropped(dropped_[i++]);
    } while (i < dropped_.size() && dropped_[i].value == dropped_[i - 1].value + 1);
    for (Statement* each : {&drop_job_, &drop_attempts_}) {
      each->number(1, as_signed(dropped_[first].value));
      each->number(2, as_signed(dropped_[i - 1].value));
      if (!each->run()) return false;
    }
  }
  return true;
}

// An index of random ids would cost every submit a page of its own. They are dropped in the order
// in which they came, so the one in question is the oldest; if not, all are looked at.
bool RowWriter::drop_submit(std::string_view request) {
  const Statement::Row row = oldest_submit_.step();
  const bool is_oldest = row == Statement::Row::Here && oldest_submit_.text(1) == request;
  const int64_t id = is_oldest ? oldest_submit_.number(0) : 0;
  oldest_submit_.reset();
  if (row == Statement::Row::Failed) return false;
  if (is_oldest) {
    drop_submit_.number(1, id);
    return drop_submit_.run();
  }
  find_submit_.text(1, request);
  return find_submit_.run();
}

}  // namespace berth::net
