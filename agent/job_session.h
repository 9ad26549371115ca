#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/runner/runner.h"
#include "core/base/time.h"
#include "wire/messages.h"

namespace berth::agent {

struct JobSessionSettings {
  std::string worker;
  uint64_t life = 0;
  uint64_t nonce = 0;
  core::Duration alive_every =
      core::Duration::seconds(5);  ///< at most a third of the server's lease
  /// How long tasks go on without a server; zero: for ever.
  core::Duration stop_after_loss = {0};
};

// ---- Effects ---------------------------------------------------------------------------------

struct SendJobMessage {
  wire::RequestId id;     ///< from the range that `JobSession` has for itself
  wire::Request message;  ///< points into the session: encode at once
};

struct StartTask {
  TaskOrder order;
};

struct StopOne {
  wire::AssignmentId assignment;
  wire::ErrorClass reason = wire::ErrorClass::Aborted;
};

struct SettleTask {
  wire::AssignmentId assignment;
};

/// Read this piece and give it to `on_output`.
struct ReadOutput {
  wire::WantLog want;
};

using JobEffect = std::variant<SendJobMessage, StartTask, StopOne, SettleTask, ReadOutput>;
using JobEffects = std::vector<JobEffect>;

/// An agent's part in the life of jobs: accepts assignments, starts them when the server has said
/// yes, keeps their leases alive, reports how they ended until it is believed.
///
/// An assignment is started after its ack was answered Ok, never before: a server that crashed may
/// have forgotten it. On every connection the session first attaches with all leases it holds, and
/// stops what the server calls stale. What ended meanwhile is reported then.
///
/// Shape    events and the time go in, effects come out; the owner calls `on_timer` at `deadline`
/// Threads  one
/// Memory   a few hundred bytes for each task that runs or is not reported yet
class JobSession {
 public:
  explicit JobSession(const JobSessionSettings& settings);
  ~JobSession();

  /// The worker is registered on a new connection to the server.
  void on_up(core::Instant now, JobEffects& effects);
  void on_down(core::Instant now, JobEffects& effects);
  /// Answers and pushed messages; false: not one of ours.
  bool on_reply(
      core::Instant now, wire::RequestId id, const wire::Reply& reply, JobEffects& effects);

  void on_task_started(core::Instant now, wire::AssignmentId assignment, JobEffects& effects);
  void on_task_ended(core::Instant now, TaskResult&& result, JobEffects& effects);
  void on_output(
      core::Instant now, const wire::WantLog& want, OutputPiece&& piece, JobEffects& effects);

  void on_timer(core::Instant now, JobEffects& effects);
  std::optional<core::Instant> deadline() const;

  size_t tasks() const;  ///< started and not ended
  size_t unreported() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::agent
