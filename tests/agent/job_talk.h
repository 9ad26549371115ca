#pragma once

#include <string>
#include <vector>

#include "agent/job_session.h"
#include "wire/spec.h"

namespace berth::agent {

constexpr core::Instant at(int64_t ms) {
  return core::Instant{} + core::Duration::milliseconds(ms);
}

/// The first attempt of a job has the job's number as its epoch, the next one that and 100.
inline wire::AssignmentId lease(uint64_t job, uint32_t attempt = 1) {
  return {{job}, job + 100 * (attempt - 1), attempt};
}

inline TaskResult exited(wire::AssignmentId assignment, int32_t code = 0) {
  TaskResult result;
  result.assignment = assignment;
  result.exit_code = code;
  if (code != 0) {
    result.error = wire::ErrorClass::Exit;
    result.message = "exit code " + std::to_string(code);
  }
  return result;
}

/// One JobSession and a server played by hand: what the session wants is told as short lines.
class JobTalk {
 public:
  explicit JobTalk(JobSessionSettings settings = {});

  /// Carries on at the session's deadline as long as that is `now` or earlier; what it wants.
  std::vector<std::string> told(core::Instant now);

  /// Up and attached; the leases it named are all fine.
  void come_up(core::Instant now);

  // What the server says. Answers go to the last request of their kind.
  void attached(core::Instant now, std::vector<wire::Verdict> verdicts = {});
  void reported(core::Instant now, std::vector<wire::Verdict> verdicts = {});
  void refuse(core::Instant now, wire::RequestId id, wire::Refusal code, wire::Text why);
  void push(core::Instant now, wire::AssignmentId assignment, wire::JobSpec spec = plain());
  void stop(core::Instant now, wire::AssignmentId assignment);
  void want_log(core::Instant now, uint64_t ticket, uint32_t wait_ms);

  /// From the push to the task that runs, all of it told to the server.
  void run(core::Instant now, wire::AssignmentId assignment);

  static wire::JobSpec plain();

  JobEffects effects;
  JobSession session;
  wire::RequestId attach_id;
  wire::RequestId report_id;
  std::vector<wire::RequestId> report_ids;  ///< of all reports
  wire::RequestId piece_id;
  std::string log_text;  ///< of the last log piece

 private:
  std::string line(const JobEffect& effect);
  std::string line(const wire::Report& report);

  wire::SpecEncoder specs_;
};

}  // namespace berth::agent
