#include <utility>

#include "agent/held_tasks.h"
#include "tests/sim/job_guest.h"

namespace berth::sim {

namespace {

constexpr Duration kBeat = Duration::milliseconds(500);
constexpr uint32_t kPollMs = 2'000;

}  // namespace

PullGuest::PullGuest(
    World& world, Process& process, Machine& machine, std::string worker, uint64_t life, Send send)
    : world_(world),
      process_(process),
      machine_(machine),
      worker_(std::move(worker)),
      life_(life),
      send_(std::move(send)) {}

void PullGuest::start() {
  machine_.listen(this);
  machine_.adopt();
  process_.timer(kBeat, [this] { beat(); });
}

void PullGuest::on_up() {
  up_ = true;
  attach();
}

void PullGuest::on_down() {
  up_ = attached_ = false;
  reports_.clear();
  attach_id_ = next_id_ = {};
}

void PullGuest::attach() {
  attached_ = false;
  named_.clear();
  for (const auto& [id, held] : held_) {
    if (held.phase != Phase::Fenced) named_.push_back(id);
  }
  attach_id_ = ids_.next();
  wire::AttachWorker message;
  message.worker = worker_;
  message.life = life_;
  message.pull = true;
  message.running = named_;
  send_(attach_id_, message);
}

bool PullGuest::on_reply(wire::RequestId id, const wire::Reply& reply) {
  if (const auto* stops = std::get_if<wire::StopTasks>(&reply)) {
    for (const wire::StopTask& stop : stops->items)
      machine_.stop(stop.assignment, wire::ErrorClass::Aborted);
    return true;
  }
  if (std::holds_alternative<wire::WantLog>(reply)) return true;  // it has no output to give
  if (id.value < agent::kJobRequestIdFirst) return false;
  if (id == attach_id_) {
    attach_id_ = {};
    if (const auto* attached = std::get_if<wire::Attached>(&reply)) on_attached(*attached);
  } else if (id == next_id_) {
    next_id_ = {};
    if (const auto* given = std::get_if<wire::Assignments>(&reply)) on_assignments(*given);
    if (std::holds_alternative<wire::Refused>(reply)) attached_ = false;  // the beat attaches again
  } else if (auto found = reports_.find(id.value); found != reports_.end()) {
    const Asked asked = found->second;
    reports_.erase(found);
    const auto* reported = std::get_if<wire::Reported>(&reply);
    if (reported == nullptr || reported->verdicts.size() != 1) return true;
    on_verdict(asked, static_cast<wire::Verdict>(reported->verdicts[0]));
  }
  return true;
}

void PullGuest::on_attached(const wire::Attached& attached) {
  attached_ = true;
  for (size_t i = 0; i < named_.size() && i < attached.verdicts.size(); ++i) {
    if (attached.verdicts[i] == static_cast<uint8_t>(wire::Verdict::Stale)) fence(named_[i]);
  }
  ask_next();
}

void PullGuest::ask_next() {
  if (!attached_ || next_id_.value != 0) return;
  next_id_ = ids_.next();
  next_due_ = world_.now() + Duration::milliseconds(3 * kPollMs);
  const auto most = 1 + static_cast<uint32_t>(world_.rng.below(3));
  send_(next_id_, wire::NextJobs{worker_, most, kPollMs});
}

void PullGuest::on_assignments(const wire::Assignments& assignments) {
  for (const wire::Assignment& one : assignments.items) {
    auto [at, fresh] = held_.try_emplace(one.id);
    if (!fresh) continue;
    at->second.order.assignment = one.id;
    at->second.order.spec.assign(one.spec.begin(), one.spec.end());
    report(one.id, wire::ReportKind::Accepted);
  }
  ask_next();
}

void PullGuest::report(wire::AssignmentId assignment, wire::ReportKind kind) {
  if (!attached_) return;
  wire::ReportItem item;
  item.kind = kind;
  item.assignment = assignment;
  const agent::TaskResult& result = held_[assignment].result;
  if (kind == wire::ReportKind::Failed) {
    item.error = {result.error, result.exit_code, result.signal, result.message};
  }
  item.usage = result.usage;
  // Its library repeats what it is not sure of.
  const int times = world_.one_in(5) ? 2 : 1;
  for (int i = 0; i < times; ++i) {
    wire::RequestId id = ids_.next();
    reports_[id.value] = {assignment, kind};
    send_(id, wire::Report{worker_, {&item, 1}});
  }
}

void PullGuest::on_verdict(const Asked& asked, wire::Verdict verdict) {
  auto found = held_.find(asked.assignment);
  if (found == held_.end()) return;
  if (verdict == wire::Verdict::Stale) return fence(asked.assignment);
  Held& held = found->second;
  if (asked.kind == wire::ReportKind::Accepted && held.phase == Phase::Offered) {
    held.phase = Phase::Running;
    machine_.start(std::move(held.order));
  } else if (
      held.phase == Phase::Ended && asked.kind != wire::ReportKind::Accepted &&
      asked.kind != wire::ReportKind::Started && asked.kind != wire::ReportKind::Alive) {
    machine_.settle(asked.assignment);
    held_.erase(found);
  }
}

void PullGuest::fence(wire::AssignmentId assignment) {
  auto found = held_.find(assignment);
  if (found == held_.end() || found->second.phase == Phase::Fenced) return;
  switch (found->second.phase) {
    case Phase::Running:
      found->second.phase = Phase::Fenced;
      return machine_.stop(assignment, wire::ErrorClass::Aborted);
    case Phase::Ended: machine_.settle(assignment); break;
    default: break;
  }
  held_.erase(found);
}

void PullGuest::on_task_started(wire::AssignmentId assignment) {
  held_[assignment].phase = Phase::Running;
  report(assignment, wire::ReportKind::Started);
}

void PullGuest::on_task_ended(agent::TaskResult&& result) {
  const wire::AssignmentId id = result.assignment;
  Held& held = held_[id];
  if (held.phase == Phase::Fenced) {
    machine_.settle(id);
    held_.erase(id);
    return;
  }
  held.phase = Phase::Ended;
  held.result = std::move(result);
  report(id, agent::end_kind(held.result));
}

void PullGuest::beat() {
  process_.timer(kBeat, [this] { beat(); });
  if (!up_) return;
  if (!attached_) return attach();
  if (next_id_.value != 0 && world_.now() > next_due_) next_id_ = {};
  for (const auto& [id, held] : held_) {
    switch (held.phase) {
      case Phase::Offered: report(id, wire::ReportKind::Accepted); break;
      case Phase::Running: report(id, wire::ReportKind::Alive); break;
      case Phase::Ended: report(id, agent::end_kind(held.result)); break;
      case Phase::Fenced: break;
    }
  }
  ask_next();
}

}  // namespace berth::sim
