#include "net/store/row_reader.h"

#include <cstring>
#include <optional>
#include <vector>

#include "net/store/row_text.h"
#include "wire/tokens.h"

namespace berth::net {
namespace {

using Row = Statement::Row;

/// Reads the rows of one table after the other.
class RowReader {
 public:
  RowReader(Database& database, SpecBook& specs, core::StoreReader& reader)
      : database_(database), specs_(specs), reader_(reader) {}

  bool jobs();
  bool attempts();
  bool submits();
  bool workers();
  bool events();
  bool experience();

  /// Of the function that returned false.
  std::string problem() const {
    if (!nonsense_.empty()) return "is damaged: " + nonsense_ + kRemedyForDamage;
    return "cannot be read: " + database_.why() + kRemedyForDamage;
  }

 private:
  /// Calls `one(row)` for every row of `sql`.
  template <typename One>
  bool each(const char* sql, One&& one) {
    Statement rows;
    if (!rows.prepare(database_, sql)) return false;
    Row row;
    while ((row = rows.step()) == Row::Here) {
      if (!one(rows)) return false;
    }
    return row == Row::End;
  }

  bool job(const Statement& row);
  bool spec_of(const Statement& row, int column, core::JobRecord& job);
  bool state(std::string_view text, wire::JobState& state);
  bool error_kind(std::string_view text, wire::ErrorClass& kind);
  bool error(const Statement& row, int at, wire::JobError& error);
  bool nonsense(const char* what, std::string_view text) {
    nonsense_ = std::string("it says '") + std::string(text) + "' for " + what;
    return false;
  }

  Database& database_;
  SpecBook& specs_;
  core::StoreReader& reader_;
  std::string nonsense_;
  std::vector<uint64_t> words_;  // a spec is read in place, so it has to be aligned
  std::vector<uint16_t> gpus_;
  std::vector<wire::JobRange> ranges_;
  OutputList outputs_;
};

uint64_t as_unsigned(int64_t value) {
  return static_cast<uint64_t>(value);
}

uint32_t as_count(int64_t value) {
  return static_cast<uint32_t>(value);
}

wire::TaskUsage usage(const Statement& row, int at) {
  return {
      as_unsigned(row.number(at)),
      as_unsigned(row.number(at + 1)),
      as_unsigned(row.number(at + 2))};
}

bool RowReader::state(std::string_view text, wire::JobState& state) {
  const std::optional<wire::JobState> known = wire::job_state_from(text);
  if (!known) return nonsense("a state", text);
  state = *known;
  return true;
}

bool RowReader::error_kind(std::string_view text, wire::ErrorClass& kind) {
  kind = wire::ErrorClass::None;
  if (text.empty()) return true;
  const std::optional<wire::ErrorClass> known = wire::error_class_from(text);
  if (!known) return nonsense("an error", text);
  kind = *known;
  return true;
}

bool RowReader::error(const Statement& row, int at, wire::JobError& error) {
  error.exit_code = static_cast<int32_t>(row.number(at + 1));
  error.signal = static_cast<int32_t>(row.number(at + 2));
  error.message = row.text(at + 3);
  return error_kind(row.text(at), error.kind);
}

bool RowReader::spec_of(const Statement& row, int column, core::JobRecord& job) {
  const std::span<const std::byte> bytes = row.blob(column);
  if (bytes.empty()) {
    return specs_.find(job.array.value == 0 ? job.id : job.array, job.spec);
  }
  words_.resize((bytes.size() + 7) / 8);
  std::memcpy(words_.data(), bytes.data(), bytes.size());
  job.spec = std::as_bytes(std::span(words_)).first(bytes.size());
  return true;
}

bool RowReader::job(const Statement& row) {
  core::JobRecord job;
  core::JobProgress& p = job.progress;
  job.id = {as_unsigned(row.number(0))};
  job.array = {as_unsigned(row.number(1))};
  job.array_index = as_count(row.number(2));
  job.count = as_count(row.number(3));
  job.submitted_at_ms = row.number(4);
  p.attempt_count = as_count(row.number(6));
  p.queued_at_ms = row.number(7);
  p.ready_at_ms = row.number(8);
  if (!state(row.text(5), p.state) || !spec_of(row, 9, job)) return false;
  if (job.spec.empty()) return nonsense("the spec of a job", std::to_string(job.id.value));
  p.assignment.epoch = as_unsigned(row.number(10));
  p.assignment.attempt = as_count(row.number(15));
  if (p.assignment.epoch != 0) p.assignment.job = job.id;
  p.assigned_at_ms = row.number(11);
  p.started_at_ms = row.number(12);
  p.finished_at_ms = row.number(13);
  p.worker = row.text(14);
  p.expires_at_ms = row.number(16);
  if (!read_gpus(row.text(17), gpus_)) return nonsense("GPUs", row.text(17));
  p.gpus = gpus_;
  if (!error(row, 18, p.last_error)) return false;
  p.usage = usage(row, 22);
  reader_.on_job(job);
  return true;
}

bool RowReader::jobs() {
  return each(
      "SELECT id, array_of, array_index, count, submitted_at_ms, state, attempt_count,"
      " queued_at_ms, ready_at_ms, spec, epoch, assigned_at_ms, started_at_ms, finished_at_ms,"
      " worker, attempt, expires_at_ms, gpus, error, exit_code, signal, message, cpu_ms,"
      " memory_peak_bytes, wall_ms FROM jobs ORDER BY id",
      [&](const Statement& row) { return job(row); });
}

bool RowReader::attempts() {
  return each(
      "SELECT job, epoch, attempt, worker, state, assigned_at_ms, started_at_ms, finished_at_ms,"
      " error, exit_code, signal, message, cpu_ms, memory_peak_bytes, wall_ms, outputs"
      " FROM attempts ORDER BY job, epoch",
      [&](const Statement& row) {
        core::AttemptRecord attempt;
        attempt.id.job = {as_unsigned(row.number(0))};
        attempt.id.epoch = as_unsigned(row.number(1));
        attempt.id.attempt = as_count(row.number(2));
        attempt.worker = row.text(3);
        attempt.assigned_at_ms = row.number(5);
        attempt.started_at_ms = row.number(6);
        attempt.finished_at_ms = row.number(7);
        attempt.usage = usage(row, 12);
        if (!state(row.text(4), attempt.state) || !error(row, 8, attempt.error)) return false;
        if (!read_outputs(row.text(15), outputs_)) return nonsense("outputs", row.text(15));
        attempt.outputs = outputs_.files;
        reader_.on_attempt(attempt);
        return true;
      });
}

bool RowReader::submits() {
  constexpr const char* kSubmits = "SELECT at_ms, jobs, request, digest FROM submits ORDER BY id";
  return each(kSubmits, [&](const Statement& row) {
    if (!read_ranges(row.text(1), ranges_)) return nonsense("the jobs of a submit", row.text(1));
    reader_.on_submit({row.text(2), row.number(0), ranges_, as_unsigned(row.number(3))});
    return true;
  });
}

bool RowReader::workers() {
  return each(
      "SELECT worker, nonce, failures, cooldown_until_ms FROM workers", [&](const Statement& row) {
        reader_.on_worker(
            {row.text(0), as_unsigned(row.number(1)), as_count(row.number(2)), row.number(3)});
        return true;
      });
}

bool RowReader::events() {
  const std::string sql =
      "SELECT sequence, at_ms, job, count, state, attempt, worker, error, reason FROM events"
      " WHERE sequence > (SELECT max(sequence) FROM events) - " +
      std::to_string(kEventsRead) + " ORDER BY sequence";
  return each(sql.c_str(), [&](const Statement& row) {
    wire::JobEvent event;
    event.sequence = as_unsigned(row.number(0));
    event.at_ms = row.number(1);
    event.job = {as_unsigned(row.number(2))};
    event.count = as_count(row.number(3));
    event.attempt = as_count(row.number(5));
    event.worker = row.text(6);
    event.reason = row.text(8);
    if (!state(row.text(4), event.state) || !error_kind(row.text(7), event.error)) return false;
    reader_.on_event(event);
    return true;
  });
}

bool RowReader::experience() {
  return each(
      "SELECT slot, key, run_weight, run_mean, run_variance, memory_weight, memory_mean,"
      " memory_variance FROM experience",
      [&](const Statement& row) {
        reader_.on_experience(
            {as_count(row.number(0)),
             as_unsigned(row.number(1)),
             {row.real(2), row.real(3), row.real(4)},
             {row.real(5), row.real(6), row.real(7)}});
        return true;
      });
}

}  // namespace

bool read_rows(
    Database& database, SpecBook& specs, core::StoreReader& reader, std::string& problem) {
  RowReader rows(database, specs, reader);
  if (rows.jobs() && rows.attempts() && rows.submits() && rows.workers() && rows.events() &&
      rows.experience()) {
    return true;
  }
  problem = rows.problem();
  return false;
}

}  // namespace berth::net
