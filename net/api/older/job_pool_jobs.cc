#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "net/api/older/job_pool.h"
#include "net/api/services.h"
#include "net/loop_clock.h"
#include "wire/tokens.h"

// The job pool: its jobs.
namespace berth::net::job_pool {

namespace {

using wire::JobState;

constexpr double kCpuDefault = 1;
constexpr double kRamDefault = 256;
constexpr int64_t kTimeoutDefault = 300'000;
constexpr int64_t kRetriesDefault = 3;
constexpr size_t kErrorBytesMax = 1'024;

// Where a job keeps what only the job pool knows of it.
constexpr std::string_view kFileUrl = "job-pool.fileUrl";
constexpr std::string_view kFilename = "job-pool.filename";

constexpr std::string_view kShell[] = {"/bin/sh", "-c"};

std::string_view meta_of(const wire::JobSpec& spec, std::string_view key) {
  for (const wire::Label& pair : spec.meta)
    if (pair.key == key) return pair.value;
  return {};
}

/// The command line, as it was given or as a shell takes it.
std::string command_of(const wire::JobSpec& spec) {
  const wire::TextList words = spec.command;
  const bool was_line = words.size() == 3 && words[0] == kShell[0] && words[1] == kShell[1];
  if (was_line) return std::string(words[2]);
  return older::shell_line(words);
}

/// Ours in theirs.
std::string_view status_of(JobState state) {
  switch (state) {
    case JobState::Assigned: return "ASSIGNED";
    case JobState::Running: return "RUNNING";
    case JobState::Completed: return "COMPLETED";
    case JobState::Failed:
    case JobState::Aborted: return "FAILED";
    default: return "QUEUED";
  }
}

}  // namespace

void on_create(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  const std::string_view line = body.text("command");
  if (older::trimmed(line).empty()) return fail(exchange, 400, "command is required");
  const std::string_view words[] = {kShell[0], kShell[1], line};
  const std::string_view url = body.text("fileUrl");
  const std::string_view tags[] = {older::kJobPoolTag};
  const wire::Label meta[] = {{kFileUrl, url}, {kFilename, body.text("filename")}};
  const auto number = [&](std::string_view name, double otherwise) {
    const double given = body.number(name);
    return given > 0 ? given : otherwise;
  };
  wire::JobSpec spec;
  spec.command = words;
  spec.policy = wire::Policy::BestFit;
  spec.demand.cpu_milli = std::llround(number("requiredCpu", kCpuDefault) * 1000);
  spec.demand.memory_mib = std::llround(number("requiredRamMb", kRamDefault));
  const int64_t timeout = body.integer("timeoutMs");
  spec.timeout_ms = static_cast<uint32_t>(timeout > 0 ? timeout : kTimeoutDefault);
  spec.attempts_max = static_cast<uint32_t>(body.integer("maxRetries", kRetriesDefault) + 1);
  if (!url.empty()) {
    // The archive is fetched by whoever knows how: the workers of this API.
    spec.meta = meta;
    spec.requirements.all_tags = tags;
  }
  older::submit(exchange, spec, [&exchange](wire::JobId job) {
    exchange.json()
        .object()
        .field("success", true)
        .field("jobId", std::to_string(job.value))
        .field("message", "Job created successfully")
        .end();
    exchange.answer();
  });
}

// ---- Workers ask, and report ----------------------------------------------------------------

namespace {

/// What a worker is told of its job, kept until the ledger knows that it runs.
struct Given {
  wire::AssignmentId assignment;
  std::string command;
  std::string file_url;
  std::string filename;
  uint32_t timeout_ms = 0;
};

void answer_none(Exchange& exchange) {
  exchange.json()
      .object()
      .field("success", false)
      .field("message", "No assigned jobs for this worker")
      .key("job")
      .null()
      .end();
  exchange.answer(202);
}

void answer_given(Exchange& exchange, const Given& given) {
  JsonOut& json = exchange.json();
  json.object().field("success", true).key("job").object();
  json.field("jobId", std::to_string(given.assignment.job.value))
      .field("command", given.command)
      .field("fileUrl", given.file_url)
      .field("filename", given.filename)
      .field("timeoutMs", given.timeout_ms)
      .end()
      .end();
  exchange.answer();
}

/// A worker gets nothing more while it says that its processors are busier than this.
constexpr double kCpuUsageMax = 90;

bool is_overloaded(const wire::WorkerRow& row) {
  const double cpu_milli = static_cast<double>(row.capacity.cpu_milli);
  // To a thousandth, as exact as it is kept.
  return cpu_milli > 0 && std::round(1e5 * row.usage.cpu_milli / cpu_milli) > 1e3 * kCpuUsageMax;
}

/// There is no ack in this API: who is told of a job runs it.
void start(Exchange& exchange, const std::string& worker, const std::shared_ptr<Given>& given) {
  wire::ReportItem items[2];
  items[0].kind = wire::ReportKind::Accepted;
  items[1].kind = wire::ReportKind::Started;
  for (wire::ReportItem& item : items)
    item.assignment = given->assignment;
  older::report(exchange, worker, items, [&exchange, given](std::span<const uint8_t> verdicts) {
    const bool stale = verdicts[0] == static_cast<uint8_t>(wire::Verdict::Stale);
    if (stale) return answer_none(exchange);
    answer_given(exchange, *given);
  });
}

}  // namespace

void on_get_job(Exchange& exchange) {
  const std::string worker(older::trimmed(exchange.parameter("workerId")));
  if (worker.empty()) return fail(exchange, 400, "workerId is required");
  const auto ask = [&exchange, worker] {
    older::claim(
        exchange,
        worker,
        [&exchange, worker](const wire::Assignment* job, const wire::JobSpec* spec) {
          if (job == nullptr) return answer_none(exchange);
          const auto given = std::make_shared<Given>();
          given->assignment = job->id;
          given->command = command_of(*spec);
          given->file_url = meta_of(*spec, kFileUrl);
          given->filename = meta_of(*spec, kFilename);
          given->timeout_ms = spec->timeout_ms;
          start(exchange, worker, given);
        });
  };
  exchange.ask(wire::ShowWorker{worker}, [&exchange, worker, ask](const wire::Reply& reply) {
    const auto* page = std::get_if<wire::WorkerPage>(&reply);
    if (page == nullptr || page->rows.empty()) return fail(exchange, 404, "Worker not found");
    if (is_overloaded(page->rows[0])) return answer_none(exchange);
    older::join(exchange, worker, terms_of(exchange), ask);
  });
}

namespace {

/// How a job ended, as its worker says.
struct Result {
  std::string worker;
  wire::JobId job;
  bool completed = true;
  int64_t exit_code = 0;
  std::string error;
  std::string stdout_text;
  std::string stderr_text;
};

void answer_taken(Exchange& exchange, const Result& result) {
  exchange.json()
      .object()
      .field("success", true)
      .field("jobId", std::to_string(result.job.value))
      .field(
          "message",
          result.completed ? "Job result submitted successfully"
                           : "Job failure recorded successfully")
      .end();
  exchange.answer();
}

void send_result(
    Exchange& exchange, const std::shared_ptr<Result>& result, wire::AssignmentId assignment) {
  wire::ReportItem item;
  item.kind = result->completed ? wire::ReportKind::Completed : wire::ReportKind::Failed;
  item.assignment = assignment;
  const auto code = static_cast<int32_t>(result->exit_code);
  item.error = {
      result->completed ? wire::ErrorClass::None : wire::ErrorClass::Exit, code, 0, result->error};
  const auto told = [&exchange, result, assignment](std::span<const uint8_t> verdicts) {
    if (verdicts[0] == static_cast<uint8_t>(wire::Verdict::Stale)) {
      return fail(exchange, 403, "Worker is not assigned to this job");
    }
    exchange.services().workers.keep_output(assignment, result->stdout_text, result->stderr_text);
    answer_taken(exchange, *result);
  };
  older::join(exchange, result->worker, terms_of(exchange), [&exchange, result, item, told] {
    older::report(exchange, result->worker, {&item, 1}, told);
  });
}

void take_result(Exchange& exchange, bool completed) {
  const JsonObject body = exchange.body().object();
  const auto result = std::make_shared<Result>();
  result->worker = older::trimmed(body.text("workerId"));
  result->job = older::job_from(body.text("jobId"));
  const std::string_view error = body.text("errorMessage");
  result->completed = completed && error.empty();
  result->exit_code = body.integer("exitCode");
  result->error = error.substr(0, kErrorBytesMax);
  result->stdout_text = body.text("stdout");
  result->stderr_text = body.text("stderr");
  if (result->worker.empty() || older::trimmed(body.text("jobId")).empty()) {
    return fail(exchange, 400, "jobId and workerId are required");
  }
  if (!result->completed && error.empty()) result->error = "Worker reported failure";
  exchange.ask(wire::ShowJob{result->job}, [&exchange, result](const wire::Reply& reply) {
    const auto* details = std::get_if<wire::JobDetails>(&reply);
    if (details == nullptr) return fail(exchange, 404, "Job not found");
    if (details->row.worker != result->worker) {
      return fail(exchange, 403, "Worker is not assigned to this job");
    }
    send_result(exchange, result, details->row.assignment);
  });
}

}  // namespace

void on_result(Exchange& exchange) {
  take_result(exchange, true);
}

void on_failure(Exchange& exchange) {
  take_result(exchange, false);
}

// ---- Clients look, and cancel ---------------------------------------------------------------

namespace {

void write_moment(JsonOut& json, std::string_view name, int64_t at_ms) {
  json.key(name);
  if (at_ms == 0) {
    json.null();
  } else {
    json.value(at_ms);
  }
}

void write_text_or_null(JsonOut& json, std::string_view name, std::string_view text) {
  json.key(name);
  if (text.empty()) {
    json.null();
  } else {
    json.value(text);
  }
}

void write_status(
    JsonOut& json, const wire::JobDetails& job, std::string_view out, std::string_view err) {
  const wire::JobRow& row = job.row;
  const wire::JobSpec& spec = older::spec_of(job.spec);
  const bool over = row.finished_at_ms != 0;
  const bool failed = row.state == JobState::Failed || row.state == JobState::Aborted;
  json.object().field("jobId", std::to_string(row.id.value)).field("status", status_of(row.state));
  write_text_or_null(json, "assignedAgentId", row.worker);
  json.field("command", command_of(spec))
      .field("fileUrl", meta_of(spec, kFileUrl))
      .field("filename", meta_of(spec, kFilename))
      .field("stdout", out)
      .field("stderr", err)
      .key("exitCode");
  if (over && !job.attempts.empty()) {
    json.value(job.attempts.back().error.exit_code);
  } else {
    json.null();
  }
  write_text_or_null(json, "errorMessage", failed ? row.last_error.message : std::string_view());
  write_moment(json, "createdAt", row.submitted_at_ms);
  write_moment(json, "queuedAt", row.queued_at_ms);
  write_moment(json, "assignedAt", row.assigned_at_ms);
  write_moment(json, "startedAt", row.started_at_ms);
  write_moment(json, "completedAt", row.finished_at_ms);
  json.field("attempts", row.attempt_count)
      .field("maxRetries", row.attempts_max - 1)
      .field("requiredCpu", static_cast<double>(spec.demand.cpu_milli) / 1000)
      .field("requiredRamMb", spec.demand.memory_mib)
      .field("timeoutMs", spec.timeout_ms)
      .field("cancelRequested", row.state == JobState::Aborted)
      .end();
}

std::string_view text_of(const wire::Reply& reply) {
  const auto* chunk = std::get_if<wire::LogChunk>(&reply);
  if (chunk == nullptr) return {};
  return {reinterpret_cast<const char*>(chunk->data.data()), chunk->data.size()};
}

}  // namespace

void on_status(Exchange& exchange) {
  const wire::JobId job = older::job_from(exchange.parameter("jobId"));
  if (!exchange.has("jobId")) return fail(exchange, 400, "jobId is required");
  const auto show = [&exchange, job](const std::string& out, const std::string& err) {
    exchange.ask(wire::ShowJob{job}, [&exchange, out, err](const wire::Reply& reply) {
      const auto* details = std::get_if<wire::JobDetails>(&reply);
      if (details == nullptr) return fail(exchange, 404, "Job not found");
      write_status(exchange.json(), *details, out, err);
      exchange.answer();
    });
  };
  // The output is with the worker, or was sent along with its result.
  wire::ReadLog read;
  read.job = job;
  exchange.ask(read, [&exchange, read, show](const wire::Reply& reply) {
    if (!std::holds_alternative<wire::LogChunk>(reply)) return show({}, {});
    const std::string out(text_of(reply));
    wire::ReadLog second = read;
    second.stream = wire::OutputStream::Stderr;
    exchange.ask(second, [show, out](const wire::Reply& errors) {
      show(out, std::string(text_of(errors)));
    });
  });
}

void on_cancel(Exchange& exchange) {
  const std::string id(older::trimmed(exchange.body().object().text("jobId")));
  if (id.empty()) return fail(exchange, 400, "Missing jobId");
  const wire::JobId job = older::job_from(id);
  exchange.ask(wire::ShowJob{job}, [&exchange, job, id](const wire::Reply& reply) {
    const auto* details = std::get_if<wire::JobDetails>(&reply);
    if (details == nullptr) return fail(exchange, 404, "Job not found");
    const bool running = details->row.state == JobState::Running;
    const wire::JobRange range{job, job};
    wire::ChangeJobs change;
    change.jobs = {&range, 1};
    change.reason = "Job cancelled by user";
    exchange.ask(change, [&exchange, id, running](const wire::Reply& changed) {
      if (!std::holds_alternative<wire::JobsChanged>(changed)) {
        return fail_with(exchange, changed);
      }
      exchange.json()
          .object()
          .field("success", true)
          .field(
              "message",
              running ? "Cancellation requested. Worker will stop it shortly."
                      : "Job cancelled successfully")
          .field("jobId", id)
          .end();
      exchange.answer();
    });
  });
}

/// Asked by workers while they run a job: is it still wanted?
void on_check_cancel(Exchange& exchange) {
  const wire::JobId job = older::job_from(exchange.parameter("jobId"));
  exchange.ask(wire::ShowJob{job}, [&exchange, job](const wire::Reply& reply) {
    const auto* details = std::get_if<wire::JobDetails>(&reply);
    if (details == nullptr) return fail(exchange, 404, "Job not found");
    const auto stops = exchange.services().workers.stops(details->row.worker);
    const bool told = std::any_of(stops.begin(), stops.end(), [&](const wire::AssignmentId& stop) {
      return stop == details->row.assignment;
    });
    exchange.json()
        .object()
        .field("success", true)
        .field("jobId", std::to_string(job.value))
        .field("cancelRequested", told || details->row.state == JobState::Aborted)
        .end();
    exchange.answer();
  });
}

}  // namespace berth::net::job_pool
