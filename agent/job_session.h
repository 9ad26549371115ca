#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/runner/runner.h"
#include "agent/session.h"
#include "core/base/time.h"
#include "wire/messages.h"

namespace berth::agent {

/// The most leases that a session holds, so that all of them fit the one frame that names them.
inline constexpr uint32_t kLeasesMax = 32'768;

struct JobSessionSettings {
  std::string worker;
  uint64_t life = 0;
  uint64_t nonce = 0;
  core::Duration alive_every =
      core::Duration::seconds(5);  ///< at most a third of the server's lease
  /// How long tasks go on without a server; zero: for ever.
  core::Duration stop_after_loss = {0};
  /// After so long without an answer a request is made again; they are all idempotent.
  core::Duration answer_max = core::Duration::seconds(10);
  /// What works here; assignments for another one are refused.
  std::vector<wire::Runner> runners = {wire::Runner::Process};
  /// Tasks at once, at most kLeasesMax. The server's own count is what should limit them; this is
  /// the stop behind it.
  uint32_t tasks_max = kLeasesMax;
};

// ---- Effects ---------------------------------------------------------------------------------

struct SendJobMessage {
  wire::RequestId id;     ///< from the range that `JobSession` has for itself
  wire::Request message;  ///< points into `memory` and the session: encode before its next event
  std::shared_ptr<const void> memory;
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

using JobEffect = std::variant<SendJobMessage, StartTask, StopOne, SettleTask, ReadOutput, Log>;
using JobEffects = std::vector<JobEffect>;

/// An agent's part in the life of jobs: accepts assignments, starts them when the server has said
/// yes, keeps their leases alive, reports how they ended until it is believed.
///
/// An assignment is started after its ack was answered Ok, never before: a server that crashed may
/// have forgotten it. On every connection the session first attaches with all leases it holds
/// (acked, running, ended and not reported), and stops what the server calls stale. What ended
/// meanwhile is reported then.
///
/// What is to be said is gathered, and sent when `deadline` (at once, mostly) has come: everything
/// that happened in one turn of the owner's loop is one Report.
///
/// Shape    events and the time go in, effects come out, to be carried out in order; the owner
///          calls `on_timer` at `deadline`
/// Threads  one
/// Memory   a few hundred bytes for each task that runs or is not reported yet
/// Errors   nothing a server sends is a CHECK; what it refuses is tried again, and logged once
class JobSession {
 public:
  explicit JobSession(const JobSessionSettings& settings);
  ~JobSession();

  /// The worker is registered on a new connection to the server, or again on the same one.
  void on_up(core::Instant now, JobEffects& effects);
  void on_down(core::Instant now, JobEffects& effects);
  /// Answers and pushed messages; false: not one of ours.
  bool on_reply(
      core::Instant now, wire::RequestId id, const wire::Reply& reply, JobEffects& effects);

  /// Of a task that nobody here knows: an earlier life left it, and its lease is held from now on.
  void on_task_started(core::Instant now, wire::AssignmentId assignment, JobEffects& effects);
  void on_task_ended(core::Instant now, TaskResult&& result, JobEffects& effects);
  void on_output(
      core::Instant now, const wire::WantLog& want, OutputPiece&& piece, JobEffects& effects);

  void on_timer(core::Instant now, JobEffects& effects);
  std::optional<core::Instant> deadline() const;

  /// New assignments are refused for this reason, such as "the agent is told to stop"; empty: they
  /// are not.
  void refuse_new(std::string_view reason);
  /// Ends everything that runs; it is reported as usual.
  void stop_all(core::Instant now, wire::ErrorClass reason, JobEffects& effects);

  size_t offered() const;     ///< neither started nor refused: the server has not answered the ack
  size_t tasks() const;       ///< started and not ended
  size_t unreported() const;  ///< ended, and the server has not said that it knows
  bool attached() const;      ///< the server has agreed which leases are held

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::agent
