#include "tests/e2e/job_frames.h"

#include <cstring>
#include <stdexcept>
#include <vector>

#include "wire/spec.h"

namespace berth::e2e {

namespace {

using Bytes = std::span<const std::byte>;

wire::AssignmentId assignment_of(const json& one) {
  return {{one[0].get<uint64_t>()}, one[2].get<uint64_t>(), one[1].get<uint32_t>()};
}

wire::JobRange range_of(const json& one) {
  return {{one[0].get<uint64_t>()}, {one[1].get<uint64_t>()}};
}

wire::JobSpec spec_fields(Fields f) {
  wire::JobSpec spec;
  spec.name = f.text("name");
  spec.queue = f.text("queue");
  spec.tenant = f.text("tenant");
  spec.labels = f.labels("labels");
  spec.command = f.texts("command");
  spec.image = f.text("image");
  spec.env = f.labels("env");
  spec.working_dir = f.text("working_dir");
  spec.stdin_text = f.text("stdin_text");
  spec.runner = static_cast<wire::Runner>(f.number<int>("runner", 0));
  spec.policy = static_cast<wire::Policy>(f.number<int>("policy", 0));
  spec.demand = demand_of(f.inside("demand"));
  spec.requirements = requirements_of(f);
  spec.priority = f.number<int32_t>("priority", 0);
  spec.scheduled_at_ms = f.number<int64_t>("scheduled_at_ms", 0);
  spec.deadline_at_ms = f.number<int64_t>("deadline_at_ms", 0);
  spec.timeout_ms = f.number<uint32_t>("timeout_ms", 0);
  spec.attempts_max = f.number<uint32_t>("attempts_max", 1);
  spec.retry_base_ms = f.number<uint32_t>("retry_base_ms", 1'000);
  spec.retry_cap_ms = f.number<uint32_t>("retry_cap_ms", 300'000);
  spec.kill_grace_ms = f.number<uint32_t>("kill_grace_ms", 5'000);
  spec.depends_on = f.numbers("depends_on");
  spec.depends_on_items = f.numbers<uint32_t>("depends_on_items");
  spec.is_array = f.flag("is_array");
  spec.array_first = f.number<uint32_t>("array_first", 0);
  spec.array_last = f.number<uint32_t>("array_last", 0);
  spec.artifacts = f.texts("artifacts");
  spec.meta = f.labels("meta");
  return spec;
}

/// In words: specs travel aligned.
Bytes keep_bytes(Fields& f, Bytes bytes) {
  std::vector<uint64_t> words((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
  return std::as_bytes(f.keep_all(std::move(words))).first(bytes.size());
}

Bytes spec_of(Fields& f, const json& one) {
  if (one.contains("hex")) {
    const std::string bytes = from_hex(one["hex"].get<std::string>());
    return keep_bytes(f, std::as_bytes(std::span(bytes)));
  }
  wire::SpecEncoder encoder;
  return keep_bytes(f, encoder.encode(spec_fields(Fields(one))));
}

wire::OutputFile output_of(const json& one) {
  Fields f(one);
  return {
      f.text("name"),
      f.text("path"),
      f.number<uint64_t>("bytes", 0),
      f.text("sha256"),
      f.flag("truncated")};
}

wire::ReportItem report_item_of(const json& one) {
  Fields f(one);
  Fields error = f.inside("error");
  return {
      .kind = static_cast<wire::ReportKind>(f.number<int>("report", 0)),
      .assignment = assignment_of(one["assignment"]),
      .error =
          {static_cast<wire::ErrorClass>(error.number<int>("class", 0)),
           error.number<int32_t>("exit_code", 0),
           error.number<int32_t>("signal", 0),
           error.text("message")},
      .outputs = f.all<wire::OutputFile>("outputs", output_of)};
}

wire::LogPiece log_piece_of(Fields f) {
  wire::LogPiece piece;
  piece.ticket = f.number<uint64_t>("ticket", 0);
  piece.refusal = static_cast<wire::Refusal>(f.number<int>("refusal", 0));
  piece.message = f.text("message");
  const wire::Text data = f.text("data");
  piece.chunk.data = std::as_bytes(std::span(data));
  piece.chunk.offset = f.number<uint64_t>("offset", 0);
  piece.chunk.size = f.number<uint64_t>("size", 0);
  piece.chunk.complete = f.flag("complete");
  piece.chunk.sha256 = f.text("sha256");
  return piece;
}

json assignment_json(const wire::AssignmentId& id) {
  return json::array({id.job.value, id.attempt, id.epoch});
}

json row_json(const wire::JobRow& row) {
  return {
      {"id", row.id.value},
      {"state", static_cast<int>(row.state)},
      {"attempt_count", row.attempt_count},
      {"worker", row.worker}};
}

json plan_json(const wire::PlanRow& row) {
  return {
      {"id", row.id},
      {"previous", row.previous},
      {"cause", static_cast<int>(row.cause)},
      {"outcome", static_cast<int>(row.outcome)},
      {"engine", row.engine},
      {"pending", row.pending},
      {"planned", row.planned},
      {"started", row.started},
      {"kept", row.diff.kept},
      {"moved", row.diff.moved},
      {"cost", row.cost.total},
      {"greedy", row.cost.greedy},
      {"bound", row.cost.bound},
      {"note", row.note}};
}

template <typename T>
json numbers_json(std::span<const T> numbers) {
  return std::vector<T>(numbers.begin(), numbers.end());
}

}  // namespace

wire::Request job_request_of(const std::string& kind, Fields f) {
  const wire::JobId job = {f.number<uint64_t>("job", 0)};
  if (kind == "SubmitJobs") {
    return wire::SubmitJobs{
        .request = f.text("request"),
        .specs = f.all<Bytes>("specs", [&f](const json& one) { return spec_of(f, one); }),
        .refuse_unsatisfiable = f.flag("refuse_unsatisfiable"),
        .digest = f.number<uint64_t>("digest", 0)};
  }
  if (kind == "ListJobs") {
    return wire::ListJobs{
        .states = f.number<uint32_t>("states", 0),
        .worker = f.text("worker"),
        .name = f.text("name"),
        .cursor = f.number<uint64_t>("cursor", 0),
        .limit = f.number<uint32_t>("limit", 0),
        .newest_first = f.flag("newest_first")};
  }
  if (kind == "ShowJob") return wire::ShowJob{job};
  if (kind == "ExplainJob") return wire::ExplainJob{job};
  if (kind == "ChangeJobs") {
    return wire::ChangeJobs{
        .action = static_cast<wire::JobAction>(f.number<int>("action", 0)),
        .jobs = f.all<wire::JobRange>("jobs", range_of),
        .worker = f.text("worker"),
        .reason = f.text("reason")};
  }
  if (kind == "WaitJobs") {
    return wire::WaitJobs{
        .jobs = f.all<wire::JobRange>("jobs", range_of),
        .wait_ms = f.number<uint32_t>("wait_ms", 0)};
  }
  if (kind == "WatchJobs") {
    return wire::WatchJobs{
        .enable = f.flag("enable", true),
        .after = f.number<uint64_t>("after", 0),
        .jobs = f.all<wire::JobRange>("jobs", range_of)};
  }
  if (kind == "ReadLog") {
    return wire::ReadLog{
        .job = job,
        .attempt = f.number<uint32_t>("attempt", 0),
        .stream = static_cast<wire::OutputStream>(f.number<int>("stream", 0)),
        .offset = f.number<uint64_t>("offset", 0),
        .bytes_max = f.number<uint32_t>("bytes_max", 0),
        .wait_ms = f.number<uint32_t>("wait_ms", 0)};
  }
  if (kind == "BackUp") return wire::BackUp{f.text("path")};
  if (kind == "AttachWorker") {
    return wire::AttachWorker{
        .worker = f.text("worker"),
        .life = f.number<uint64_t>("life", 1),
        .nonce = f.number<uint64_t>("nonce", 0),
        .pull = f.flag("pull"),
        .running = f.all<wire::AssignmentId>("running", assignment_of)};
  }
  if (kind == "NextJobs") {
    return wire::NextJobs{
        .worker = f.text("worker"),
        .jobs_max = f.number<uint32_t>("jobs_max", 1),
        .wait_ms = f.number<uint32_t>("wait_ms", 0)};
  }
  if (kind == "Report") {
    return wire::Report{f.text("worker"), f.all<wire::ReportItem>("items", report_item_of)};
  }
  if (kind == "LogPiece") return log_piece_of(f);
  if (kind == "ListPlans") {
    return wire::ListPlans{f.number<uint64_t>("before", 0), f.number<uint32_t>("limit", 0)};
  }
  if (kind == "GetPlan") {
    return wire::GetPlan{
        f.number<uint64_t>("plan", 0),
        job,
        f.number<uint32_t>("cursor", 0),
        f.number<uint32_t>("limit", 0)};
  }
  throw std::invalid_argument("no such request kind: " + kind);
}

json job_reply_json(const wire::JobsSubmitted& m) {
  json jobs = json::array();
  for (const wire::SubmittedJob& job : m.jobs)
    jobs.push_back({{"first", job.first.value}, {"count", job.count}});
  return {{"kind", "JobsSubmitted"}, {"jobs", jobs}, {"repeated", m.repeated}};
}

json job_reply_json(const wire::JobPage& m) {
  json rows = json::array();
  for (const wire::JobRow& row : m.rows)
    rows.push_back(row_json(row));
  return {{"kind", "JobPage"}, {"rows", rows}, {"next_cursor", m.next_cursor}};
}

json job_reply_json(const wire::JobDetails& m) {
  return {{"kind", "JobDetails"}, {"row", row_json(m.row)}, {"attempts", m.attempts.size()}};
}

json job_reply_json(const wire::JobExplanation& m) {
  return {{"kind", "JobExplanation"}, {"row", row_json(m.row)}, {"hold", static_cast<int>(m.hold)}};
}

json job_reply_json(const wire::JobsChanged& m) {
  return {
      {"kind", "JobsChanged"},
      {"changed", m.changed},
      {"unchanged", m.unchanged},
      {"unknown", m.unknown}};
}

json job_reply_json(const wire::JobCounts& m) {
  return {
      {"kind", "JobCounts"},
      {"by_state", std::vector<uint64_t>(m.by_state.begin(), m.by_state.end())},
      {"unknown", m.unknown},
      {"done", m.done}};
}

json job_reply_json(const wire::JobEvents& m) {
  json events = json::array();
  for (const wire::JobEvent& event : m.events) {
    events.push_back(
        {{"sequence", event.sequence},
         {"job", event.job.value},
         {"state", static_cast<int>(event.state)}});
  }
  return {{"kind", "JobEvents"}, {"events", events}};
}

json job_reply_json(const wire::LogChunk& m) {
  return {
      {"kind", "LogChunk"},
      {"bytes", m.data.size()},
      {"offset", m.offset},
      {"size", m.size},
      {"complete", m.complete},
      {"attempt", m.attempt}};
}

json job_reply_json(const wire::Attached& m) {
  return {{"kind", "Attached"}, {"lease_ms", m.lease_ms}, {"verdicts", numbers_json(m.verdicts)}};
}

json job_reply_json(const wire::Assignments& m) {
  json items = json::array();
  for (const wire::Assignment& item : m.items)
    items.push_back(assignment_json(item.id));
  return {{"kind", "Assignments"}, {"items", items}};
}

json job_reply_json(const wire::Reported& m) {
  return {{"kind", "Reported"}, {"verdicts", numbers_json(m.verdicts)}};
}

json job_reply_json(const wire::StopTasks& m) {
  json items = json::array();
  for (const wire::StopTask& item : m.items)
    items.push_back(assignment_json(item.assignment));
  return {{"kind", "StopTasks"}, {"items", items}};
}

json job_reply_json(const wire::WantLog& m) {
  return {
      {"kind", "WantLog"},
      {"ticket", m.ticket},
      {"assignment", assignment_json(m.assignment)},
      {"offset", m.offset}};
}

json job_reply_json(const wire::PlanPage& m) {
  json rows = json::array();
  for (const wire::PlanRow& row : m.rows)
    rows.push_back(plan_json(row));
  return {
      {"kind", "PlanPage"},
      {"rows", rows},
      {"next_before", m.next_before},
      {"state", static_cast<int>(m.planner.state)},
      {"reason", m.planner.reason},
      {"fallbacks", m.planner.fallbacks}};
}

json job_reply_json(const wire::PlanDetails& m) {
  json jobs = json::array();
  for (const wire::PlannedJob& job : m.jobs) {
    jobs.push_back(
        {{"job", job.job.value},
         {"worker", job.worker},
         {"start_at_ms", job.start_at_ms},
         {"duration_ms", job.duration_ms},
         {"state", static_cast<int>(job.state)},
         {"change", static_cast<int>(job.change)},
         {"why", job.why},
         {"gpus", job.gpus}});
  }
  return {
      {"kind", "PlanDetails"},
      {"row", plan_json(m.row)},
      {"jobs", jobs},
      {"next_cursor", m.next_cursor}};
}

}  // namespace berth::e2e
