#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <uv.h>

#include "agent/job_session.h"
#include "agent/link.h"
#include "agent/runner/local_runner.h"

namespace berth::agent {

using LogSink = std::function<void(LogLevel, const std::string&)>;

/// What would work here; nothing of it is left.
std::vector<Backend> probe_backends(const RunnerSettings& settings);

/// Jobs on this machine: carries out what a JobSession wants, with the runner of tasks and the
/// connection of a link.
///
/// Threads  the loop's; the constructor blocks for as long as the runner's probes take
/// Errors   a runner that cannot work says so in `backends()`, and every assignment is refused
class JobHost final : public LinkGuest, private TaskListener {
 public:
  /// `session.runners` is filled in here, by what works.
  JobHost(
      uv_loop_t* loop,
      const JobSessionSettings& session,
      const RunnerSettings& runner,
      LogSink log);
  /// After `close()` and the end of the loop.
  ~JobHost() override;

  std::span<const Backend> backends() const { return runner_->backends(); }

  /// Takes over what an earlier life left; before the link starts.
  void start();
  /// No more assignments. `on_ready` follows, once, when those that were accepted are started: at
  /// once, mostly, and after a second at the latest.
  void leave(std::function<void()> on_ready);
  /// As `leave`, and what runs is stopped and reported first, however long that takes.
  void stop_tasks(std::function<void()> on_ready);
  /// Lets go of timer and runner; tasks go on.
  void close();

  size_t tasks() const { return session_->tasks(); }
  size_t unreported() const { return session_->unreported(); }

  // Of the link.
  void on_up(Link& link) override;
  void on_down() override;
  bool on_reply(wire::RequestId id, const wire::Reply& reply) override;

 private:
  void on_task_started(wire::AssignmentId assignment) override;
  void on_task_ended(TaskResult&& result) override;

  void on_timer();
  void carry_out();
  void carry_out(JobEffect&& effect);
  bool is_ready(core::Instant now) const;
  void set_timer();

  const LogSink log_;
  std::unique_ptr<LocalRunner> runner_;
  std::optional<JobSession> session_;
  JobEffects effects_;
  Link* link_ = nullptr;  ///< while it is up
  bool carrying_out_ = false;
  std::function<void()> on_ready_;
  std::optional<core::Instant> leave_by_;  ///< none: not leaving, or when all tasks have ended
  uv_timer_t timer_;
};

}  // namespace berth::agent
