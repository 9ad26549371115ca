#include "agent/job_host.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "core/base/check.h"
#include "net/loop_clock.h"

namespace berth::agent {

namespace {

using net::LoopClock;

constexpr core::Duration kLeaveMax = core::Duration::seconds(1);

JobSessionSettings with_runners(JobSessionSettings settings, std::span<const Backend> backends) {
  settings.runners.clear();
  for (const Backend& backend : backends) {
    if (backend.works) settings.runners.push_back(backend.kind);  // twice does no harm
  }
  return settings;
}

/// For probes, which start no task that could be told of.
struct Nobody final : TaskListener {
  void on_task_started(wire::AssignmentId) override {}
  void on_task_ended(TaskResult&&) override {}
};

}  // namespace

std::vector<Backend> probe_backends(const RunnerSettings& wanted) {
  std::error_code error;
  std::string pattern = std::filesystem::temp_directory_path(error) / "berth-probe-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    return {{wire::Runner::Process, false, "no directory to try it in: " + pattern}};
  }
  RunnerSettings settings = wanted;
  settings.state_dir = pattern;
  uv_loop_t loop;
  BERTH_CHECK(uv_loop_init(&loop) == 0);
  std::vector<Backend> backends;
  {
    Nobody nobody;
    LocalRunner runner(&loop, settings, nobody);
    backends.assign(runner.backends().begin(), runner.backends().end());
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  (void)uv_loop_close(&loop);  // the program ends anyway
  std::filesystem::remove_all(pattern, error);
  return backends;
}

JobHost::JobHost(
    uv_loop_t* loop, const JobSessionSettings& session, const RunnerSettings& runner, LogSink log)
    : log_(std::move(log)),
      runner_(std::make_unique<LocalRunner>(loop, runner, static_cast<TaskListener&>(*this))) {
  session_.emplace(with_runners(session, runner_->backends()));
  uv_timer_init(loop, &timer_);
  timer_.data = this;
}

JobHost::~JobHost() = default;

void JobHost::start() {
  runner_->adopt();
  if (size_t running = tasks(); running > 0) {
    log_(LogLevel::Info, "took over " + std::to_string(running) + " running tasks");
  }
  if (size_t ended = unreported(); ended > 0) {
    log_(
        LogLevel::Info,
        "found the ends of " + std::to_string(ended) + " tasks that no server knows of yet");
  }
}

void JobHost::leave(std::function<void()> on_ready) {
  on_ready_ = std::move(on_ready);
  leave_by_ = LoopClock::mono() + kLeaveMax;
  session_->refuse_new("the agent is told to stop");
  carry_out();
}

void JobHost::stop_tasks(std::function<void()> on_ready) {
  on_ready_ = std::move(on_ready);
  session_->refuse_new("the agent is told to stop, and its tasks with it");
  session_->stop_all(LoopClock::mono(), wire::ErrorClass::Lost, effects_);
  carry_out();
}

void JobHost::close() {
  link_ = nullptr;
  on_ready_ = nullptr;
  runner_.reset();
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
}

void JobHost::on_up(Link& link) {
  link_ = &link;
  session_->on_up(LoopClock::mono(), effects_);
  carry_out();
}

void JobHost::on_down() {
  link_ = nullptr;
  session_->on_down(LoopClock::mono(), effects_);
  carry_out();
}

bool JobHost::on_reply(wire::RequestId id, const wire::Reply& reply) {
  bool ours = session_->on_reply(LoopClock::mono(), id, reply, effects_);
  if (ours) carry_out();
  return ours;
}

void JobHost::on_task_started(wire::AssignmentId assignment) {
  session_->on_task_started(LoopClock::mono(), assignment, effects_);
  carry_out();
}

void JobHost::on_task_ended(TaskResult&& result) {
  session_->on_task_ended(LoopClock::mono(), std::move(result), effects_);
  carry_out();
}

void JobHost::on_timer() {
  session_->on_timer(LoopClock::mono(), effects_);
  carry_out();
}

/// Effects in order. Some of them cause events at once, whose effects then stand behind them.
void JobHost::carry_out() {
  if (carrying_out_) return;
  carrying_out_ = true;
  for (size_t i = 0; i < effects_.size(); ++i)
    carry_out(JobEffect(std::move(effects_[i])));
  effects_.clear();
  carrying_out_ = false;
  if (link_ != nullptr) link_->flush();
  set_timer();
  if (on_ready_ && is_ready(LoopClock::mono())) std::exchange(on_ready_, nullptr)();
}

bool JobHost::is_ready(core::Instant now) const {
  if (leave_by_) return session_->offered() == 0 || !session_->attached() || now >= *leave_by_;
  return tasks() == 0 && (unreported() == 0 || !session_->attached());
}

void JobHost::carry_out(JobEffect&& effect) {
  if (auto* send = std::get_if<SendJobMessage>(&effect)) {
    if (link_ != nullptr) link_->send(send->id, send->message);
  } else if (auto* start = std::get_if<StartTask>(&effect)) {
    runner_->start(std::move(start->order));
  } else if (auto* stop = std::get_if<StopOne>(&effect)) {
    runner_->stop(stop->assignment, stop->reason);
  } else if (auto* settle = std::get_if<SettleTask>(&effect)) {
    runner_->settle(settle->assignment);
  } else if (auto* read = std::get_if<ReadOutput>(&effect)) {
    const wire::WantLog& want = read->want;
    OutputPiece piece =
        runner_->read_output(want.assignment, want.stream, want.offset, want.bytes_max);
    session_->on_output(LoopClock::mono(), want, std::move(piece), effects_);
  } else if (auto* log = std::get_if<Log>(&effect)) {
    log_(log->level, log->text);
  }
}

void JobHost::set_timer() {
  if (uv_is_closing(reinterpret_cast<uv_handle_t*>(&timer_))) return;
  std::optional<core::Instant> deadline = session_->deadline();
  if (on_ready_ && leave_by_ && (!deadline || *leave_by_ < *deadline)) deadline = leave_by_;
  if (!deadline) {
    uv_timer_stop(&timer_);
    return;
  }
  // Rounded up, as it would otherwise fire early and find nothing; what is due at once fires in
  // the next turn of the loop, when all that this one brings has been gathered.
  uv_update_time(timer_.loop);
  int64_t wait_ns = std::max<int64_t>(0, deadline->ns - LoopClock::mono().ns);
  auto fire = [](uv_timer_t* timer) {
    static_cast<JobHost*>(timer->data)->on_timer();
  };
  uv_timer_start(&timer_, fire, static_cast<uint64_t>((wait_ns + 999'999) / 1'000'000), 0);
}

}  // namespace berth::agent
