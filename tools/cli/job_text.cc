#include "tools/cli/job_text.h"

#include <algorithm>
#include <ctime>

#include "net/forms/job_file.h"
#include "net/forms/times.h"
#include "net/text/units.h"
#include "tools/cli/selectors.h"
#include "tools/cli/worker_table.h"

namespace berth::cli {
namespace {

using client::JobState;
using client::JobStatus;

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : printable(text);
}

std::string duration_text(client::Milliseconds time) {
  return format_length(time.count());
}

/// Of a job that has not ended: so far.
std::string ran_text(const JobStatus& job, int64_t now_ms) {
  if (job.started_at_ms == 0) return "-";
  const int64_t end_ms = job.finished_at_ms != 0 ? job.finished_at_ms : now_ms;
  if (end_ms <= job.started_at_ms) return format_run(0);
  return format_age(job.started_at_ms, end_ms);
}

std::string bytes_text(uint64_t bytes) {
  constexpr uint64_t kMib = 1u << 20;
  return bytes < kMib ? std::to_string((bytes + 1023) / 1024) + "KiB"
                      : net::format_mib(static_cast<int64_t>((bytes + kMib - 1) / kMib));
}

std::string id_text(const JobStatus& job) {
  const client::JobId last = job.id + (job.array_count > 0 ? job.array_count - 1 : 0);
  return range_text({job.id, last});
}

std::string name_text(const JobStatus& job) {
  if (!job.is_array) return or_dash(job.name);
  const std::string from = std::to_string(job.array_index);
  const std::string to = std::to_string(job.array_index + job.array_count - 1);
  return job.name + "[" + (job.array_count > 1 ? from + "-" + to : from) + "]";
}

/// A column among others: the rest of it is for `job show`.
std::string command_text(const JobStatus& job) {
  constexpr size_t kWidth = 32;
  const std::string shown = or_dash(job.summary);
  size_t at = 0;
  for (size_t characters = 0; at < shown.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(shown[at]) & 0xC0) != 0x80;
    if (begins && ++characters > kWidth) break;
  }
  return at == shown.size() ? shown : shown.substr(0, at) + "…";
}

void add_line(std::string& text, const char* what, const std::string& value) {
  std::string name = what;
  name.resize(12, ' ');
  text += "  " + name + value + "\n";
}

void add_moment(std::string& text, const char* what, int64_t at_ms, int64_t now_ms) {
  if (at_ms == 0) return;
  const std::string ago = at_ms > now_ms ? "" : " ago";
  add_line(text, what, format_time(at_ms) + " (" + format_age(at_ms, now_ms) + ago + ")");
}

std::string span_text(int64_t from_ms, int64_t to_ms) {
  return format_length(from_ms) + " to " + format_length(to_ms);
}

/// `in 5m (3m to 12m)`; empty: not known.
std::string start_text(const client::JobForecast& forecast, int64_t now_ms) {
  if (forecast.start_at_ms == 0) return {};
  const auto left = [&](int64_t at_ms) {
    return std::max<int64_t>(at_ms - now_ms, 0);
  };
  if (left(forecast.start_late_ms) < 1'000) return "now";
  const std::string planned = forecast.planned ? ", as planned" : "";
  return "in " + format_length(left(forecast.start_at_ms)) + " (" +
         span_text(left(forecast.start_early_ms), left(forecast.start_late_ms)) + planned + ")";
}

std::string short_start_text(const client::JobForecast& forecast, int64_t now_ms) {
  if (forecast.start_at_ms == 0) return "-";
  if (forecast.start_at_ms <= now_ms) return "now";
  return "in " + format_length(forecast.start_at_ms - now_ms);
}

/// Who says so: what such jobs took, else its own estimate, else what others took.
std::string run_text(const client::JobForecast& forecast, bool has_estimate) {
  if (forecast.run.count() == 0) return {};
  const std::string from = forecast.runs_seen > 0 ? "as such jobs did before"
                           : has_estimate         ? "by its --estimate"
                                                  : "as other jobs do";
  return format_length(forecast.run.count()) + " (" +
         span_text(forecast.run_short.count(), forecast.run_long.count()) + "), " + from;
}

std::string short_error_text(const client::JobError& error) {
  switch (error.kind) {
    case client::ErrorClass::None: return "-";
    case client::ErrorClass::Exit: return "exit " + std::to_string(error.exit_code);
    case client::ErrorClass::Signal: return "signal " + std::to_string(error.signal);
    default: return std::string(client::error_class_token(error.kind));
  }
}

/// As it was measured; until it is, or where nobody could, by the clock.
std::string ran_text(const client::Attempt& attempt, int64_t now_ms) {
  if (attempt.usage.wall.count() > 0) return format_run(attempt.usage.wall.count());
  if (attempt.started_at_ms == 0) return "-";
  const int64_t end_ms = attempt.finished_at_ms != 0 ? attempt.finished_at_ms : now_ms;
  return format_run(std::max<int64_t>(end_ms - attempt.started_at_ms, 0));
}

std::string attempts_text(const std::vector<client::Attempt>& attempts, int64_t now_ms) {
  Table table(
      {{"ATTEMPT", Table::Align::Right},
       {"STATE"},
       {"WORKER"},
       {"RAN", Table::Align::Right},
       {"CPU", Table::Align::Right},
       {"MEMORY", Table::Align::Right},
       {"END"}});
  for (const client::Attempt& attempt : attempts) {
    table.add(
        {std::to_string(attempt.assignment.attempt),
         std::string(client::state_token(attempt.state)),
         or_dash(attempt.worker),
         ran_text(attempt, now_ms),
         duration_text(attempt.usage.cpu),
         bytes_text(attempt.usage.memory_peak_bytes),
         error_text(attempt.error)});
  }
  return table.text();
}

std::string outputs_text(const std::vector<client::OutputFile>& outputs) {
  Table table({{"FILE"}, {"BYTES", Table::Align::Right}, {"SHA-256"}, {"ON THE WORKER"}});
  for (const client::OutputFile& file : outputs) {
    table.add(
        {file.name + (file.truncated ? " (cut)" : ""),
         std::to_string(file.bytes),
         file.sha256,
         or_dash(file.path)});
  }
  return table.text();
}

std::string hold_text(const client::JobExplanation& explanation) {
  const JobStatus& job = explanation.job;
  switch (explanation.hold) {
    case client::JobHold::Queue: return "waits for its turn";
    case client::JobHold::Capacity:
      if (explanation.explanation.workers == 0) return "no worker is registered; start berth-agent";
      return job.unsatisfiable ? "no worker that is known could ever run it"
                               : "waits for a worker with room";
    case client::JobHold::Schedule:
      return "is not to start for another " + duration_text(explanation.hold_for);
    case client::JobHold::Dependency: {
      std::string ids;
      for (const client::JobId id : explanation.dependencies)
        ids += (ids.empty() ? "" : ", ") + std::to_string(id);
      return "waits for jobs " + ids + " to complete";
    }
    case client::JobHold::Backoff:
      return "failed (" + short_error_text(job.last_error) + ") and is tried again in " +
             duration_text(explanation.hold_for);
    case client::JobHold::None: break;
  }
  if (client::has_ended(job.state)) {
    const bool wrong =
        job.last_error.kind != client::ErrorClass::None && job.state != JobState::Completed;
    return "has ended" + (wrong ? ": " + error_text(job.last_error) : "");
  }
  return job.worker.empty() ? "waits for nothing" : "is on " + printable(job.worker);
}

}  // namespace

std::string error_text(const client::JobError& error) {
  const bool said = error.kind != client::ErrorClass::None && !error.message.empty();
  return short_error_text(error) + (said ? ": " + printable(error.message) : "");
}

std::string memory_text(const client::JobForecast& forecast) {
  if (forecast.memory_advice == client::MemoryAdvice::None) return {};
  const bool less = forecast.memory_advice == client::MemoryAdvice::AskLess;
  return std::string(less ? "asks for far more than it needs" : "asks for too little") +
         ": 95 % of such runs used " + (less ? "less than " : "up to ") +
         bytes_text(forecast.memory_top_bytes) + "; ask for " + (less ? "less" : "more") +
         " with --memory";
}

std::string unknown_text(uint64_t jobs) {
  const std::string many = jobs == 1 ? "1 job is" : std::to_string(jobs) + " jobs are";
  return "berth: " + many +
         " not known: never given, or ended too long ago; 'berth job list' shows what is kept\n";
}

Table job_table(const std::vector<JobStatus>& jobs, int64_t now_ms) {
  using Align = Table::Align;
  // Only where somebody waits is there anything to say in it.
  const bool starts = std::any_of(
      jobs.begin(), jobs.end(), [](const JobStatus& job) { return job.forecast.start_at_ms != 0; });
  std::vector<Table::Column> columns = {
      {"JOB", Align::Right},
      {"NAME"},
      {"COMMAND"},
      {"QUEUE"},
      {"STATE"},
      {"TRIES", Align::Right},
      {"WORKER"},
      {"AGE", Align::Right},
      {"RAN", Align::Right},
      {"LAST ERROR"}};
  if (starts) columns.insert(columns.end() - 1, {"STARTS", Align::Right});
  Table table(std::move(columns));
  for (const JobStatus& job : jobs) {
    std::vector<std::string> cells = {
        id_text(job),
        name_text(job),
        command_text(job),
        or_dash(job.queue),
        std::string(client::state_token(job.state)) + (job.unsatisfiable ? "!" : ""),
        std::to_string(job.attempt_count) + "/" + std::to_string(job.attempts_max),
        or_dash(job.worker),
        format_age(job.submitted_at_ms, now_ms),
        ran_text(job, now_ms),
        short_error_text(job.last_error)};
    if (starts) cells.insert(cells.end() - 1, short_start_text(job.forecast, now_ms));
    table.add(std::move(cells));
  }
  return table;
}

std::string job_details_text(const client::JobDetails& details, int64_t now_ms) {
  const JobStatus& job = details.job;
  std::string text = id_text(job) + (job.name.empty() ? "" : " " + name_text(job)) + "\n";
  add_line(text, "state", std::string(client::state_token(job.state)));
  if (!job.worker.empty()) add_line(text, "worker", printable(job.worker));
  if (job.assignment.epoch != 0) add_line(text, "assignment", client::to_text(job.assignment));
  const std::string tries =
      std::to_string(job.attempt_count) + " of " + std::to_string(job.attempts_max);
  add_line(text, "attempts", tries);
  if (job.last_error.kind != client::ErrorClass::None) {
    add_line(text, "last error", error_text(job.last_error));
  }
  if (job.unsatisfiable) add_line(text, "note", "no worker that is known could ever run it");
  const std::string start = start_text(job.forecast, now_ms);
  if (!start.empty()) add_line(text, "starts", start);
  const std::string run = run_text(job.forecast, details.spec.estimated.count() > 0);
  if (!run.empty()) add_line(text, "takes", run);
  const std::string memory = memory_text(job.forecast);
  if (!memory.empty()) add_line(text, "memory", memory);
  add_moment(text, "submitted", job.submitted_at_ms, now_ms);
  add_moment(text, "scheduled", job.scheduled_at_ms, now_ms);
  add_moment(text, "deadline", job.deadline_at_ms, now_ms);
  add_moment(text, "assigned", job.assigned_at_ms, now_ms);
  add_moment(text, "started", job.started_at_ms, now_ms);
  add_moment(text, "finished", job.finished_at_ms, now_ms);
  const Json keys = job_keys_json(details.spec);
  for (const auto& [key, value] : keys.items()) {
    if (key != "name") add_line(text, key.c_str(), printable(value.dump()));
  }
  if (!details.attempts.empty()) {
    text += "\n" + attempts_text(details.attempts, now_ms);
    const std::vector<client::OutputFile>& outputs = details.attempts.back().outputs;
    if (!outputs.empty()) text += "\n" + outputs_text(outputs);
  }
  return text;
}

std::string job_explanation_text(
    const client::JobExplanation& explanation, bool has_estimate, int64_t now_ms) {
  const JobStatus& job = explanation.job;
  std::string text = id_text(job) + " is " + std::string(client::state_token(job.state)) + " and " +
                     hold_text(explanation) + "\n";
  if (explanation.explanation.queue_position != 0) {
    text += "it is number " + std::to_string(explanation.explanation.queue_position) +
            " in the queue\n";
  }
  const std::string start = start_text(job.forecast, now_ms);
  if (!start.empty()) text += "it is expected to start " + start + "\n";
  const std::string run = run_text(job.forecast, has_estimate);
  if (!run.empty()) text += "it is expected to take " + run + "\n";
  const std::string memory = memory_text(job.forecast);
  if (!memory.empty()) text += memory + "\n";
  if (!explanation.avoided.empty()) {
    text += "it failed on " + printable(joined(explanation.avoided, ", ")) +
            ", which it avoids while others fit\n";
  }
  // Of a job that has ended nobody asks where else it might run.
  const bool live = !client::has_ended(job.state);
  if (live && explanation.explanation.workers > 0)
    text += explanation_text(explanation.explanation);
  return text;
}

std::string job_event_text(const client::JobEvent& event) {
  if (event.gap) return "-- events may be missing here --\n";
  char time[16] = "";
  const time_t seconds = event.at_ms / 1000;
  tm local{};
  localtime_r(&seconds, &local);
  std::strftime(time, sizeof(time), "%H:%M:%S", &local);
  std::string text = std::string(time) + "  " +
                     range_text({event.job, event.job + std::max(event.count, 1u) - 1}) + "  " +
                     std::string(client::state_token(event.state));
  if (event.attempt != 0) text += "  attempt " + std::to_string(event.attempt);
  if (!event.worker.empty()) text += "  on " + printable(event.worker);
  if (event.error != client::ErrorClass::None) {
    text += "  " + std::string(client::error_class_token(event.error));
  }
  if (!event.reason.empty()) text += "  (" + printable(event.reason) + ")";
  return text + "\n";
}

std::string progress_text(const client::JobCounts& counts, size_t columns) {
  uint64_t all = 0;
  for (const uint64_t each : counts.by_state)
    all += each;
  const uint64_t failed = counts.of(JobState::Failed) + counts.of(JobState::Aborted);
  const uint64_t ended = counts.of(JobState::Completed) + failed;
  std::string tail = " " + std::to_string(ended) + "/" + std::to_string(all);
  if (counts.of(JobState::Running) > 0) {
    tail += "  " + std::to_string(counts.of(JobState::Running)) + " running";
  }
  if (failed > 0) tail += "  " + std::to_string(failed) + " failed";
  if (columns < tail.size() + 12) return tail.substr(1, columns);
  const size_t width = std::min<size_t>(columns - tail.size() - 2, 60);
  const size_t full = all == 0 ? width : static_cast<size_t>(ended * width / all);
  return "[" + std::string(full, '#') + std::string(width - full, '-') + "]" + tail;
}

}  // namespace berth::cli
