#include <memory>
#include <optional>
#include <vector>

#include "net/api/older/hdcf.h"
#include "net/api/services.h"
#include "net/loop_clock.h"
#include "wire/tokens.h"

// HDCF: a worker and its one job, from next-job to how it ended.
namespace berth::net::hdcf {

namespace {

using older::fail;
using older::trimmed;
using wire::JobState;
using wire::ReportKind;
using wire::Verdict;

constexpr std::string_view kThreeIds = "job_id, worker_id, and assignment_id required";

void write_assigned(
    Exchange& exchange, const wire::Assignment& assignment, const wire::JobSpec& spec) {
  JsonOut& json = exchange.json();
  json.object().field("job_id", std::to_string(assignment.id.job.value));
  write_command(json, spec);
  json.field("working_dir", spec.working_dir)
      .field("timeout_ms", spec.timeout_ms)
      .field("attempt_count", assignment.id.attempt)
      .field("max_attempts", spec.attempts_max)
      .field("assignment_id", wire::assignment_text(assignment.id))
      .field(
          "assignment_expires_at",
          (LoopClock::wall_ms() + int64_t{assignment.expires_in_ms}) / 1000)
      .end();
  exchange.answer();
}

/// What a worker says of an assignment, and what the ledger thinks of it.
struct Said {
  std::string worker;
  wire::JobId job;
  std::optional<wire::AssignmentId> assignment;
  // As the ledger has it, when it was asked.
  bool known = false;
  JobState state = JobState::Pending;
  std::string owner;
  wire::AssignmentId current;

  /// Why this worker may not speak of it; empty: it may.
  std::string_view mismatch() const {
    if (owner != worker) return "job worker mismatch";
    if (!assignment || *assignment != current) return "assignment_id mismatch";
    return {};
  }
};

/// Reads the three ids, and what has become of the job; the rest is up to `then`.
void with_job(Exchange& exchange, const JsonObject& body, std::function<void(const Said&)> then) {
  auto said = std::make_shared<Said>();
  const std::string_view job = trimmed(body.text("job_id"));
  const std::string_view assignment = trimmed(body.text("assignment_id"));
  said->worker = trimmed(body.text("worker_id"));
  said->job = older::job_from(job);
  said->assignment = wire::assignment_from(assignment);
  if (job.empty() || assignment.empty() || said->worker.empty()) {
    return fail(exchange, 400, kThreeIds);
  }
  if_registered(exchange, said->worker, [&exchange, said, then] {
    exchange.ask(wire::ShowJob{said->job}, [&exchange, said, then](const wire::Reply& reply) {
      const auto* details = std::get_if<wire::JobDetails>(&reply);
      if (details == nullptr) return fail(exchange, 409, "job not found");
      said->known = true;
      said->state = details->row.state;
      said->owner = details->row.worker;
      said->current = details->row.assignment;
      older::join(exchange, said->worker, terms_of(exchange), [said, then] { then(*said); });
    });
  });
}

void answer_status(Exchange& exchange, std::string_view status, wire::JobId job) {
  exchange.json().object().field("status", status).field("job_id", std::to_string(job.value)).end();
  exchange.answer();
}

/// Terminal states absorb: what is said again, or too late, changes nothing and is no mistake.
bool is_over(JobState state) {
  return state == JobState::Completed || state == JobState::Failed;
}

/// Answers a worker that has told of an end: why it does not count, or as what the job has ended.
/// `told` is what it said, which stays so unless the job was over before.
void answer_end(Exchange& exchange, const Said& said, JobState told, std::string_view problem) {
  if (!problem.empty()) return fail(exchange, 409, problem);
  const JobState ended = is_over(said.state) ? said.state : told;
  answer_status(exchange, wire::job_state_token(ended), said.job);
}

/// Reports the end of what `said` is about; `then` with what was wrong, or nothing.
void report_end(
    Exchange& exchange,
    const Said& said,
    const wire::ReportItem& item,
    std::string_view verb,
    std::function<void(std::string_view)> then) {
  if (is_over(said.state)) return then({});
  const std::string state(wire::job_state_token(said.state));
  const std::string not_now = "job state not " + std::string(verb) + ": " + state;
  // What was aborted while it ran has ended now: its lease is over, and that is all.
  const bool aborted = said.state == JobState::Aborted;
  if (said.state != JobState::Running && !aborted) return then(not_now);
  if (!said.mismatch().empty()) return then(said.mismatch());
  const auto told = [then, not_now, aborted](std::span<const uint8_t> verdicts) {
    const bool stale = verdicts[0] == static_cast<uint8_t>(Verdict::Stale);
    then(aborted ? not_now : stale ? "assignment_id mismatch" : std::string());
  };
  older::report(exchange, said.worker, {&item, 1}, told);
}

/// A completion's files, and why they are not as they must be.
void complete(
    Exchange& exchange,
    const Said& said,
    const Completion& done,
    std::function<void(std::string_view)> then) {
  if (!is_over(said.state)) {
    const std::string problem = problem_of(done);
    if (!problem.empty()) return then(problem);
  }
  const wire::OutputFile files[] = {
      {.name = "stdout", .path = done.stdout_path, .sha256 = done.stdout_sha256},
      {.name = "stderr", .path = done.stderr_path, .sha256 = done.stderr_sha256},
      {.name = "artifact_id", .path = done.artifact_id},
  };
  wire::ReportItem item;
  item.kind = ReportKind::Completed;
  item.assignment = said.current;
  item.outputs = files;
  report_end(exchange, said, item, "completable", std::move(then));
}

void failed(
    Exchange& exchange,
    const Said& said,
    int64_t exit_code,
    std::string_view error,
    std::function<void(std::string_view)> then) {
  wire::ReportItem item;
  item.kind = ReportKind::Failed;
  item.assignment = said.current;
  item.error = {wire::ErrorClass::Exit, static_cast<int32_t>(exit_code), 0, error};
  report_end(exchange, said, item, "fail-safe", std::move(then));
}

}  // namespace

void on_next_job(Exchange& exchange) {
  const std::string worker(trimmed(exchange.parameter("worker_id")));
  if (worker.empty()) return fail(exchange, 400, "worker_id required");
  if_registered(exchange, worker, [&exchange, worker] {
    older::join(exchange, worker, terms_of(exchange), [&exchange, worker] {
      older::claim(
          exchange, worker, [&exchange](const wire::Assignment* job, const wire::JobSpec* spec) {
            if (job != nullptr) return write_assigned(exchange, *job, *spec);
            exchange.answer(HttpResponse{.status = 204});
          });
    });
  });
}

void on_ack(Exchange& exchange) {
  with_job(exchange, exchange.body().object(), [&exchange](const Said& said) {
    if (said.state == JobState::Completed) return answer_status(exchange, "ok", said.job);
    if ((older::bit_of(said.state) & older::kLiveStates) == 0) {
      const std::string state(wire::job_state_token(said.state));
      return fail(exchange, 409, "job state not ackable: " + state);
    }
    if (!said.mismatch().empty()) return fail(exchange, 409, said.mismatch());
    // It starts at once: nobody says so in another message.
    wire::ReportItem items[2];
    items[0].kind = ReportKind::Accepted;
    items[1].kind = ReportKind::Started;
    for (wire::ReportItem& item : items)
      item.assignment = said.current;
    const auto told = [&exchange, job = said.job](std::span<const uint8_t> verdicts) {
      const bool stale = verdicts[0] == static_cast<uint8_t>(Verdict::Stale);
      if (stale) return fail(exchange, 409, "assignment expired");
      answer_status(exchange, "ok", job);
    };
    older::report(exchange, said.worker, items, told);
  });
}

void on_complete(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  const auto done = std::make_shared<Completion>(completion_of(body));
  with_job(exchange, body, [&exchange, done](const Said& said) {
    complete(exchange, said, *done, [&exchange, said](std::string_view problem) {
      answer_end(exchange, said, JobState::Completed, problem);
    });
  });
}

void on_fail(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  const int64_t exit_code = body.integer("exit_code");
  with_job(exchange, body, [&exchange, exit_code, error = error_of(body)](const Said& said) {
    const auto told = [&exchange, said](std::string_view problem) {
      answer_end(exchange, said, JobState::Failed, problem);
    };
    failed(exchange, said, exit_code, error, told);
  });
}

// ---- reconnect ------------------------------------------------------------------------------

namespace {

/// One entry of `completed_jobs`, and what came of it.
struct Replay {
  Said said;
  std::string status;
  int64_t exit_code = 0;
  std::string error;
  Completion done;
  std::string problem;
};

/// A worker that comes back: what it ran, what it has finished since, and what it is to do now.
struct Return {
  std::string worker;
  wire::JobId current;
  std::string current_text;
  bool keeps = false;
  std::string why_not;
  std::vector<wire::AssignmentId> running;
  std::vector<Replay> replays;
  size_t next = 0;
};

Replay replay_of(const JsonObject& entry, const std::string& worker) {
  Replay replay;
  replay.said.worker = worker;
  replay.said.job = older::job_from(entry.text("job_id"));
  replay.said.assignment = wire::assignment_from(trimmed(entry.text("assignment_id")));
  replay.status = trimmed(entry.text("status"));
  for (char& c : replay.status)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  replay.exit_code = entry.integer("exit_code");
  replay.error = error_of(entry);
  replay.done = completion_of(entry);
  if (trimmed(entry.text("job_id")).empty()) replay.problem = "job_id required";
  return replay;
}

void write_action(
    JsonOut& json,
    std::string_view job,
    std::string_view assignment,
    std::string_view action,
    bool accepted,
    std::string_view error) {
  json.object()
      .field("job_id", job)
      .field("assignment_id", assignment)
      .field("action", action)
      .field("result", accepted ? "ACCEPTED" : "REJECTED");
  if (!error.empty()) json.field("error", error);
  json.end();
}

void answer_return(Exchange& exchange, const Return& back) {
  JsonOut& json = exchange.json();
  json.object().field("status", "ok").key("actions").array();
  if (!back.current_text.empty()) {
    const std::string_view action = back.keeps ? "KEEP_CURRENT_JOB" : "CLEAR_CURRENT_JOB";
    const std::string id =
        back.running.empty() ? std::string() : wire::assignment_text(back.running[0]);
    write_action(json, back.current_text, id, action, true, back.why_not);
  }
  for (const Replay& replay : back.replays) {
    const std::string id =
        replay.said.assignment ? wire::assignment_text(*replay.said.assignment) : std::string();
    const std::string_view action =
        replay.status == "COMPLETED" ? "REPLAY_COMPLETED" : "REPLAY_FAILED";
    write_action(
        json,
        std::to_string(replay.said.job.value),
        id,
        action,
        replay.problem.empty(),
        replay.problem);
  }
  json.end().end();
  exchange.answer();
}

/// Reports the entries one after the other; then the session says what is left.
void replay_on(Exchange& exchange, const std::shared_ptr<Return>& back) {
  while (back->next < back->replays.size() && !back->replays[back->next].problem.empty())
    ++back->next;
  if (back->next == back->replays.size()) {
    // It runs one job at a time: whatever else it had is lost, and may run elsewhere.
    HttpWorkers::Terms terms = terms_of(exchange);
    terms.running = back->running;
    return older::join(
        exchange, back->worker, terms, [&exchange, back] { answer_return(exchange, *back); });
  }
  Replay& replay = back->replays[back->next];
  const auto told = [&exchange, back](std::string_view problem) {
    back->replays[back->next++].problem = problem;
    replay_on(exchange, back);
  };
  exchange.ask(
      wire::ShowJob{replay.said.job}, [&exchange, &replay, back, told](const wire::Reply& reply) {
        const auto* details = std::get_if<wire::JobDetails>(&reply);
        if (details == nullptr) return told("job not found");
        replay.said.state = details->row.state;
        replay.said.owner = details->row.worker;
        replay.said.current = details->row.assignment;
        if (replay.status == "COMPLETED") {
          return complete(exchange, replay.said, replay.done, told);
        }
        if (replay.status == "FAILED") {
          return failed(exchange, replay.said, replay.exit_code, replay.error, told);
        }
        told("unsupported completion status");
      });
}

void look_at_current(Exchange& exchange, const std::shared_ptr<Return>& back) {
  if (back->current_text.empty()) return replay_on(exchange, back);
  exchange.ask(wire::ShowJob{back->current}, [&exchange, back](const wire::Reply& reply) {
    const auto* details = std::get_if<wire::JobDetails>(&reply);
    if (details == nullptr) {
      back->why_not = "job not found";
    } else {
      const wire::JobRow& row = details->row;
      const bool live = (older::bit_of(row.state) & older::kLiveStates) != 0;
      back->keeps = live && row.worker == back->worker;
      if (back->keeps) back->running.push_back(row.assignment);
      if (live && !back->keeps) back->why_not = "ownership mismatch";
    }
    replay_on(exchange, back);
  });
}

}  // namespace

void on_reconnect(Exchange& exchange) {
  const JsonObject body = exchange.body().object();
  auto back = std::make_shared<Return>();
  back->worker = trimmed(body.text("worker_id"));
  if (back->worker.empty()) return fail(exchange, 400, "worker_id required");
  back->current_text = trimmed(body.text("current_job_id"));
  back->current = older::job_from(back->current_text);
  body.each<JsonObject>("completed_jobs", [&](const JsonObject& entry) {
    back->replays.push_back(replay_of(entry, back->worker));
  });
  beat(exchange, back->worker, [&exchange, back] {
    // First with all that the ledger believes it has, so that its reports count.
    older::join(exchange, back->worker, terms_of(exchange), [&exchange, back] {
      look_at_current(exchange, back);
    });
  });
}

}  // namespace berth::net::hdcf
