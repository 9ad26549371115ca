#include <algorithm>

#include "net/api/older/hdcf.h"
#include "wire/tokens.h"

// HDCF: what it reads and writes.
namespace berth::net::hdcf {

namespace {

constexpr std::string_view kTmp = ".tmp";
constexpr size_t kErrorBytesMax = 1'024;
constexpr std::string_view kGpu = "gpu";

/// Whether a file that was `tmp` while it was written is `final_path` now: the same name with
/// `.tmp` behind it, or before its extension (`out.tmp.txt`, `out.txt`).
bool corresponds(std::string_view tmp, std::string_view final_path) {
  const size_t at = tmp.rfind(kTmp);
  if (at == tmp.npos || final_path.size() + kTmp.size() != tmp.size()) return false;
  const std::string_view behind = tmp.substr(at + kTmp.size());
  if (!behind.empty() && (behind[0] != '.' || behind.find('/') != behind.npos)) return false;
  return final_path.starts_with(tmp.substr(0, at)) && final_path.ends_with(behind);
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

std::string problem_of_file(
    const std::string& name, std::string_view path, std::string_view tmp, std::string_view sha256) {
  if (path.empty()) return name + "_path required";
  if (tmp.empty()) return name + "_tmp_path required";
  if (tmp == path) return name + " tmp path must differ from final path";
  if (path.ends_with(kTmp)) {
    return name + " final path should not be a temp path: " + std::string(path);
  }
  if (!corresponds(tmp, path)) {
    return name + " temp path " + std::string(tmp) + " does not correspond to final path " +
           std::string(path) + ": it is the final path with .tmp behind it";
  }
  if (!sha256.empty() && !is_sha256(sha256)) return name + "_sha256 must be 64 hex digits";
  return {};
}

}  // namespace

Completion completion_of(const JsonObject& body) {
  const auto text = [&](std::string_view name) {
    return std::string(older::trimmed(body.text(name)));
  };
  return {
      text("artifact_id"),
      text("stdout_path"),
      text("stderr_path"),
      text("stdout_tmp_path"),
      text("stderr_tmp_path"),
      text("stdout_sha256"),
      text("stderr_sha256")};
}

std::string problem_of(const Completion& done) {
  if (done.artifact_id.empty()) return "artifact_id required";
  std::string problem =
      problem_of_file("stdout", done.stdout_path, done.stdout_tmp_path, done.stdout_sha256);
  if (!problem.empty()) return problem;
  return problem_of_file("stderr", done.stderr_path, done.stderr_tmp_path, done.stderr_sha256);
}

std::string error_of(const JsonObject& body) {
  const std::string_view error = body.text("error");
  size_t bytes = std::min(error.size(), kErrorBytesMax);
  // Not in the middle of a character.
  while (bytes > 0 && bytes < error.size() && (error[bytes] & 0xC0) == 0x80)
    --bytes;
  return std::string(error.substr(0, bytes));
}

std::string capability_of(std::string_view text) {
  std::string word(older::trimmed(text));
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return word;
}

void write_command(JsonOut& json, const wire::JobSpec& spec) {
  json.field("command", spec.command.empty() ? std::string_view() : spec.command[0]);
  json.key("args").array();
  for (size_t i = 1; i < spec.command.size(); ++i)
    json.value(spec.command[i]);
  json.end();
}

namespace {

void write_start(
    JsonOut& json, const wire::JobRow& row, const wire::JobSpec& spec, const Clock& clock) {
  json.object()
      .field("job_id", std::to_string(row.id.value))
      .field("status", wire::job_state_token(row.state));
  write_command(json, spec);
  const wire::TextList tags = spec.requirements.all_tags;
  const bool needs_gpu =
      spec.demand.gpu_count > 0 || std::find(tags.begin(), tags.end(), kGpu) != tags.end();
  json.field("working_dir", spec.working_dir)
      .field("timeout_ms", spec.timeout_ms)
      .field("priority", row.priority)
      .field("scheduled_at", row.scheduled_at_ms / 1000)
      .field("needs_gpu", needs_gpu);
  json.key("requirements").array();
  for (const std::string_view tag : tags)
    if (tag != kGpu) json.value(tag);
  json.end();
  const int64_t updated_ms =
      std::max({row.submitted_at_ms, row.assigned_at_ms, row.started_at_ms, row.finished_at_ms});
  json.field("created_at", row.submitted_at_ms / 1000)
      .field("updated_at", updated_ms / 1000)
      .field("attempt_count", row.attempt_count)
      .field("max_attempts", row.attempts_max)
      .field("worker_id", row.worker);
  const bool live = (older::bit_of(row.state) & older::kLiveStates) != 0;
  if (live) json.field("assignment_id", wire::assignment_text(row.assignment));
  const int64_t expires_ms = clock.wall_ms + row.expires_in_ms;
  json.field("assignment_expires_at", live ? expires_ms / 1000 : int64_t{0})
      .field("last_error", row.last_error.message)
      .field("updated_by", row.worker);
  if (live && clock.age_ms) json.field("heartbeat_age_sec", *clock.age_ms / 1000);
}

}  // namespace

void write_job(JsonOut& json, const wire::JobRow& row, Clock clock) {
  write_start(json, row, older::spec_of(row.spec), clock);
  json.field("result_path", "").end();
}

void write_job(JsonOut& json, const wire::JobDetails& job, Clock clock) {
  write_start(json, job.row, older::spec_of(job.spec), clock);
  std::string_view result;
  if (!job.attempts.empty() && job.row.state == wire::JobState::Completed) {
    for (const wire::OutputFile& file : job.attempts.back().outputs)
      if (file.name == "stdout") result = file.path;
  }
  json.field("result_path", result).end();
}

void write_worker(JsonOut& json, const wire::WorkerRow& row, uint64_t job, int64_t now_ms) {
  const bool offline = row.status == wire::WorkerStatus::Offline;
  json.object()
      .field("worker_id", row.id)
      .field("status", offline ? "OFFLINE" : "ONLINE")
      .field("current_job_id", job == 0 ? std::string() : std::to_string(job));
  json.key("capabilities").array();
  for (const std::string_view tag : row.tags)
    if (!older::is_own_tag(tag)) json.value(tag);
  json.end();
  json.field("last_seen", (now_ms - row.heartbeat_age_ms) / 1000)
      .field("heartbeat_age_sec", row.heartbeat_age_ms / 1000)
      .end();
}

}  // namespace berth::net::hdcf
