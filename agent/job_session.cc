#include "agent/job_session.h"

#include <algorithm>
#include <utility>

#include "agent/held_tasks.h"
#include "agent/log_waits.h"
#include "agent/offer_check.h"
#include "agent/report_flow.h"
#include "core/base/planted.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace {

using core::Duration;
using core::Instant;
using wire::AssignmentId;
using wire::ReportKind;
using wire::Verdict;

constexpr Duration kBusyWait = Duration::milliseconds(200);
constexpr Duration kAttachWaitMin = Duration::milliseconds(500);
constexpr Duration kAttachWaitMax = Duration::seconds(30);

Verdict verdict_at(std::span<const uint8_t> verdicts, size_t i) {
  if (i >= verdicts.size()) return Verdict::Ok;
  return static_cast<Verdict>(verdicts[i]);
}

}  // namespace

struct JobSession::State {
  explicit State(const JobSessionSettings& given) : settings(given), offers(given.runners) {}

  // Connection.
  void attach(Instant now, JobEffects& effects);
  void on_attached(Instant now, const wire::Attached& attached, JobEffects& effects);
  void on_attach_refused(Instant now, const wire::Refused& refused, JobEffects& effects);
  void on_reported(
      Instant now, const wire::Reported& reported, const ReportBatch& sent, JobEffects&);
  void on_report_refused(Instant now, const wire::Refused&, const ReportBatch& sent, JobEffects&);
  void detach();

  // Pushed.
  void on_assignment(Instant now, const wire::Assignment& assignment, JobEffects& effects);
  bool supersede(AssignmentId id, const HeldTask*& earlier, JobEffects& effects);
  std::string why_not(const wire::Assignment& assignment, const HeldTask* earlier);
  void repeat_answer(Instant now, HeldTask& task);
  void on_stop(Instant now, AssignmentId assignment, wire::ErrorClass reason, JobEffects& effects);
  void stop_all(Instant now, wire::ErrorClass reason, JobEffects& effects);

  // Tasks.
  void settle(HeldTask& task, JobEffects& effects);
  void fence(HeldTask& task, JobEffects& effects);
  void on_verdict(Instant now, AssignmentId id, ReportKind kind, Verdict verdict, JobEffects&);

  // Without a server.
  std::optional<Instant> stop_at() const;
  void give_up(Instant now, JobEffects& effects);

  const JobSessionSettings settings;
  OfferCheck offers;
  LogWaits logs;
  std::string refuse_new;

  HeldTasks tasks;
  ReportFlow reports{tasks, settings.worker, settings.answer_max};
  JobRequestIds ids;

  bool up = false;
  bool attached = false;
  wire::RequestId attach_id;          ///< 0: none is under way
  std::optional<Instant> attach_due;  ///< when to attach (again)
  Duration attach_wait = kAttachWaitMin;
  std::vector<AssignmentId> attach_leases;
  std::string logged_refusal;

  Duration alive_every = settings.alive_every;
  Instant next_alive{};
  std::optional<Instant> lost_at;  ///< since when there is no server, while that matters
};

JobSession::JobSession(const JobSessionSettings& settings)
    : state_(std::make_unique<State>(settings)) {}

JobSession::~JobSession() = default;

// ---- The connection ---------------------------------------------------------------------------

void JobSession::on_up(Instant now, JobEffects& effects) {
  state_->detach();
  state_->up = true;
  state_->lost_at.reset();
  state_->attach_wait = kAttachWaitMin;
  state_->attach(now, effects);
}

void JobSession::on_down(Instant now, JobEffects&) {
  state_->detach();
  state_->up = false;
  state_->attach_due.reset();
  state_->logs.clear();
  if (!state_->lost_at) state_->lost_at = now;
}

/// What was asked and not answered will be asked again on the next connection.
void JobSession::State::detach() {
  attached = false;
  attach_id = {};
  reports.forget_sent();
}

void JobSession::State::attach(Instant now, JobEffects& effects) {
  attached = false;
  attach_leases.clear();
  tasks.for_each([this](const HeldTask& task) {
    if (holds_lease(task.phase)) attach_leases.push_back(task.id);
  });
  attach_id = ids.next();
  attach_due = now + settings.answer_max;
  wire::AttachWorker message;
  message.worker = settings.worker;
  message.life = settings.life;
  message.nonce = settings.nonce;
  message.running = attach_leases;
  effects.emplace_back(SendJobMessage{attach_id, message, nullptr});
}

void JobSession::State::on_attached(Instant now, const wire::Attached& reply, JobEffects& effects) {
  attached = true;
  attach_id = {};
  attach_due.reset();
  attach_wait = kAttachWaitMin;
  logged_refusal.clear();
  Duration third = Duration::milliseconds(std::max<int64_t>(reply.lease_ms / 3, 1));
  alive_every = reply.lease_ms > 0 ? std::min(settings.alive_every, third) : settings.alive_every;
  next_alive = now + alive_every;
  for (size_t i = 0; i < attach_leases.size(); ++i) {
    if (verdict_at(reply.verdicts, i) != Verdict::Stale) continue;
    if (HeldTask* task = tasks.find(attach_leases[i])) fence(*task, effects);
  }
  reports.say_all(now);
}

void JobSession::State::on_attach_refused(
    Instant now, const wire::Refused& refused, JobEffects& effects) {
  attach_id = {};
  attach_due = now + attach_wait;
  attach_wait = std::min(attach_wait * 2, kAttachWaitMax);
  // Somebody else has this worker's id, or the server cannot: neither heals soon.
  if (refused.code == wire::Refusal::Conflict || refused.code == wire::Refusal::Unsupported) {
    attach_due = now + kAttachWaitMax;
  }
  if (logged_refusal == refused.message || refused.code == wire::Refusal::Busy) return;
  logged_refusal = refused.message;
  effects.emplace_back(Log{
      LogLevel::Error,
      "the server gives this worker no jobs (" + std::string(wire::refusal_token(refused.code)) +
          "): " + logged_refusal + "; asking again"});
}

bool JobSession::on_reply(
    Instant now, wire::RequestId id, const wire::Reply& reply, JobEffects& effects) {
  State& state = *state_;
  if (const auto* assignments = std::get_if<wire::Assignments>(&reply)) {
    for (const wire::Assignment& assignment : assignments->items)
      state.on_assignment(now, assignment, effects);
    return true;
  }
  if (const auto* stops = std::get_if<wire::StopTasks>(&reply)) {
    for (const wire::StopTask& stop : stops->items)
      state.on_stop(now, stop.assignment, wire::ErrorClass::Aborted, effects);
    return true;
  }
  if (const auto* want = std::get_if<wire::WantLog>(&reply)) {
    state.logs.add(now, *want, state.ids, effects);
    return true;
  }
  if (id.value < kJobRequestIdFirst) return false;

  const auto* refused = std::get_if<wire::Refused>(&reply);
  if (id == state.attach_id) {
    const auto* attached = std::get_if<wire::Attached>(&reply);
    if (attached != nullptr) state.on_attached(now, *attached, effects);
    if (refused != nullptr) state.on_attach_refused(now, *refused, effects);
    return true;
  }
  if (state.logs.on_answer(id)) return true;
  std::optional<ReportBatch> sent = state.reports.take(id);
  if (!sent) return true;  // it comes too late
  const auto* reported = std::get_if<wire::Reported>(&reply);
  if (reported != nullptr) state.on_reported(now, *reported, *sent, effects);
  if (refused != nullptr) state.on_report_refused(now, *refused, *sent, effects);
  return true;
}

void JobSession::State::on_reported(
    Instant now, const wire::Reported& reported, const ReportBatch& sent, JobEffects& effects) {
  for (size_t i = 0; i < sent.items().size(); ++i) {
    const wire::ReportItem& item = sent.items()[i];
    on_verdict(now, item.assignment, item.kind, verdict_at(reported.verdicts, i), effects);
  }
}

void JobSession::State::on_report_refused(
    Instant now, const wire::Refused& refused, const ReportBatch& sent, JobEffects& effects) {
  if (refused.code == wire::Refusal::Busy) {
    reports.hold(now + kBusyWait);
    return reports.say_again(now, sent);
  }
  // The server knows nothing of this worker's being attached, or wants us no more.
  attached = false;
  reports.forget_sent();
  on_attach_refused(now, refused, effects);
}

// ---- What the server pushes -------------------------------------------------------------------

void JobSession::State::on_assignment(
    Instant now, const wire::Assignment& assignment, JobEffects& effects) {
  AssignmentId id = assignment.id;
  if (HeldTask* known = tasks.find(id)) return repeat_answer(now, *known);
  if (tasks.size() >= 2 * kLeasesMax) return;  // it will come again, or go elsewhere
  const std::string* refused_before = tasks.past().refusal_of(id);
  if (refused_before == nullptr && tasks.past().knows(id)) return;  // overtaken: it ended long ago
  const HeldTask* earlier = nullptr;
  if (!supersede(id, earlier, effects)) return;
  std::string problem = refused_before != nullptr ? *refused_before : why_not(assignment, earlier);
  if (!problem.empty()) {
    HeldTask& task = tasks.add(id, TaskPhase::Refused);
    task.refusal = std::move(problem);
    return reports.say(now, task, ReportKind::Refused);
  }
  HeldTask& task = tasks.add(id, TaskPhase::Offered);
  task.order.assignment = id;
  task.order.spec.assign(assignment.spec.begin(), assignment.spec.end());
  task.order.array_index = assignment.array_index;
  task.order.gpus.assign(assignment.gpus.begin(), assignment.gpus.end());
  if (BERTH_PLANTED(StartedBeforeAck)) {
    tasks.set_phase(task, TaskPhase::Starting);
    task.given = true;
    effects.emplace_back(StartTask{task.order});
  }
  reports.say(now, task, ReportKind::Accepted);
}

/// A job has one live lease: an assignment says that earlier ones of its job are over. `earlier`
/// becomes one that has not ended yet. False: it is itself the earlier one, overtaken.
bool JobSession::State::supersede(AssignmentId id, const HeldTask*& earlier, JobEffects& effects) {
  bool overtaken = false;
  tasks.for_each_of(id.job, [&](HeldTask& other) {
    overtaken |= other.id.epoch > id.epoch;
    if (overtaken || other.phase == TaskPhase::Ended) return;
    bool has_process = other.phase != TaskPhase::Offered && other.phase != TaskPhase::Refused;
    fence(other, effects);
    if (has_process) earlier = &other;  // still there, as Fenced
  });
  return !overtaken;
}

/// One sentence; empty: it can be accepted.
std::string JobSession::State::why_not(
    const wire::Assignment& assignment, const HeldTask* earlier) {
  if (!refuse_new.empty()) return refuse_new;
  if (earlier != nullptr) {
    return "attempt " + std::to_string(earlier->id.attempt) +
           " of the same job is still being stopped on this worker";
  }
  size_t held = tasks.size() - tasks.count(TaskPhase::Refused);
  size_t most = std::min<size_t>(settings.tasks_max, kLeasesMax);
  if (held >= most) {
    return "this worker has " + std::to_string(held) + " tasks already, of at most " +
           std::to_string(most);
  }
  return offers.problem_of(assignment);
}

/// The same assignment once more: our answer may have been lost.
void JobSession::State::repeat_answer(Instant now, HeldTask& task) {
  switch (task.phase) {
    case TaskPhase::Refused: return reports.say(now, task, ReportKind::Refused);
    case TaskPhase::Offered:
    case TaskPhase::Starting:
    case TaskPhase::Running: return reports.say(now, task, ReportKind::Accepted);
    case TaskPhase::Ended:   // how it ended is on its way, which says more
    case TaskPhase::Fenced:  // the server has said that it is not ours
      return;
  }
}

void JobSession::State::on_stop(
    Instant now, AssignmentId assignment, wire::ErrorClass reason, JobEffects& effects) {
  HeldTask* task = tasks.find(assignment);
  if (task == nullptr) return;  // it has ended, and the report of that is answered
  if (task->phase == TaskPhase::Starting || task->phase == TaskPhase::Running) {
    effects.emplace_back(StopOne{assignment, reason});
  } else if (task->phase == TaskPhase::Offered) {
    task->order = {};
    task->result.assignment = assignment;
    task->result.error = reason;
    task->result.message = "stopped before it was started";
    tasks.set_phase(*task, TaskPhase::Ended);
    reports.say(now, *task, ReportKind::Failed);
  }
}

void JobSession::State::stop_all(Instant now, wire::ErrorClass reason, JobEffects& effects) {
  tasks.for_each([&](HeldTask& task) { on_stop(now, task.id, reason, effects); });
}

// ---- Tasks --------------------------------------------------------------------------------------

void JobSession::State::settle(HeldTask& task, JobEffects& effects) {
  if (task.given) effects.emplace_back(SettleTask{task.id});
  tasks.forget(task);
}

/// The lease is not ours any more: stop what runs, and say nothing of it.
void JobSession::State::fence(HeldTask& task, JobEffects& effects) {
  switch (task.phase) {
    case TaskPhase::Starting:
    case TaskPhase::Running:
      tasks.set_phase(task, TaskPhase::Fenced);
      task.unsaid = 0;
      effects.emplace_back(StopOne{task.id, wire::ErrorClass::Aborted});
      break;
    case TaskPhase::Fenced: break;
    case TaskPhase::Offered:
    case TaskPhase::Refused:
    case TaskPhase::Ended: settle(task, effects); break;
  }
}

void JobSession::State::on_verdict(
    Instant now, AssignmentId id, ReportKind kind, Verdict verdict, JobEffects& effects) {
  HeldTask* task = tasks.find(id);
  if (task == nullptr) return;
  if (verdict == Verdict::Stale) return fence(*task, effects);
  switch (kind) {
    case ReportKind::Accepted:
      if (task->phase != TaskPhase::Offered) break;
      if (tasks.running() == 0) next_alive = now + alive_every;
      tasks.set_phase(*task, TaskPhase::Starting);
      task->given = true;
      effects.emplace_back(StartTask{std::move(task->order)});
      break;
    case ReportKind::Refused:
      if (task->phase == TaskPhase::Refused) tasks.forget(*task);
      break;
    case ReportKind::Completed:
    case ReportKind::Failed:
    case ReportKind::Checkpointed:
      if (task->phase == TaskPhase::Ended) settle(*task, effects);
      break;
    case ReportKind::Started:
    case ReportKind::Alive: break;
  }
}

void JobSession::on_task_started(Instant now, AssignmentId assignment, JobEffects&) {
  State& state = *state_;
  HeldTask* task = state.tasks.find(assignment);
  if (task == nullptr) {
    task = &state.tasks.add(assignment, TaskPhase::Starting);
    task->given = true;
    if (!state.up && !state.lost_at) state.lost_at = now;
  }
  if (task->phase != TaskPhase::Starting) return;
  state.tasks.set_phase(*task, TaskPhase::Running);
  task->was_started = true;
  state.reports.say(now, *task, ReportKind::Started);
}

void JobSession::on_task_ended(Instant now, TaskResult&& result, JobEffects& effects) {
  State& state = *state_;
  HeldTask* task = state.tasks.find(result.assignment);
  if (task == nullptr) {
    task = &state.tasks.add(result.assignment, TaskPhase::Starting);
    task->given = true;
  }
  if (task->phase == TaskPhase::Fenced) return state.settle(*task, effects);
  if (task->phase != TaskPhase::Starting && task->phase != TaskPhase::Running) return;
  task->result = std::move(result);
  state.tasks.set_phase(*task, TaskPhase::Ended);
  state.reports.say(now, *task, end_kind(task->result));
}

void JobSession::on_output(
    Instant now, const wire::WantLog& want, OutputPiece&& piece, JobEffects& effects) {
  state_->logs.on_output(now, want, std::move(piece), state_->ids, effects);
}

// ---- Time ---------------------------------------------------------------------------------------

void JobSession::on_timer(Instant now, JobEffects& effects) {
  State& state = *state_;
  if (state.up && state.attach_due && now >= *state.attach_due) state.attach(now, effects);
  state.reports.repeat_lost(now);
  if (state.attached) {
    if (now >= state.next_alive) {
      state.next_alive = now + state.alive_every;
      state.reports.say_alive(now);
    }
    std::optional<Instant> due = state.reports.due();
    if (due && now >= *due) state.reports.send(now, state.ids, effects);
  }
  state.logs.on_timer(now, effects);
  std::optional<Instant> given_up = state.stop_at();
  if (given_up && now >= *given_up) state.give_up(now, effects);
}

std::optional<Instant> JobSession::State::stop_at() const {
  if (settings.stop_after_loss.ns == 0 || !lost_at || tasks.running() == 0) return std::nullopt;
  return *lost_at + settings.stop_after_loss;
}

void JobSession::State::give_up(Instant now, JobEffects& effects) {
  effects.emplace_back(
      Log{LogLevel::Warning,
          "no server for " + std::to_string(settings.stop_after_loss.ms()) + " ms: stopping " +
              std::to_string(tasks.running()) + " tasks, as --on-server-loss says"});
  lost_at.reset();
  stop_all(now, wire::ErrorClass::Lost, effects);
}

std::optional<Instant> JobSession::deadline() const {
  const State& state = *state_;
  std::optional<Instant> soonest = state.logs.deadline();
  auto consider = [&soonest](Instant at) {
    if (!soonest || at < *soonest) soonest = at;
  };
  if (state.up && state.attach_due) consider(*state.attach_due);
  if (std::optional<Instant> lost = state.reports.lost_at()) consider(*lost);
  if (state.attached && state.tasks.running() > 0) consider(state.next_alive);
  std::optional<Instant> reports = state.reports.due();
  if (state.attached && reports) consider(*reports);
  if (std::optional<Instant> given_up = state.stop_at()) consider(*given_up);
  return soonest;
}

// ---- For the owner ------------------------------------------------------------------------------

void JobSession::refuse_new(std::string_view reason) {
  state_->refuse_new = reason;
}

void JobSession::stop_all(Instant now, wire::ErrorClass reason, JobEffects& effects) {
  state_->stop_all(now, reason, effects);
}

size_t JobSession::offered() const {
  return state_->tasks.count(TaskPhase::Offered);
}

size_t JobSession::tasks() const {
  return state_->tasks.running() + state_->tasks.count(TaskPhase::Fenced);
}

size_t JobSession::unreported() const {
  return state_->tasks.count(TaskPhase::Ended);
}

bool JobSession::attached() const {
  return state_->attached;
}

}  // namespace berth::agent
