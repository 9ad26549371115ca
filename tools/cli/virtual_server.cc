#include "tools/cli/virtual_server.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "core/plan/job_plan.h"

namespace berth::cli {

namespace {

using core::Duration;
using core::Instant;

constexpr std::string_view kWorker = "worker";
constexpr wire::ConnectionId kClient{1};
constexpr wire::ConnectionId kAgent{2};
constexpr int64_t kStart_s = 1'000;  // a ledger's clocks are never 0
constexpr Duration kNever = Duration::seconds(int64_t{100} * 365 * 24 * 3'600);

core::Settings table_settings(const VirtualServer::Shape& shape) {
  core::Settings settings;
  settings.workers_max = 1;
  settings.names_max = 1'000;
  settings.reservations_max = static_cast<uint32_t>(shape.slots) + 1'000;
  return settings;
}

/// Leases of a worker that is never silent do not end; nobody watches, and nothing is looked up.
core::JobSettings job_settings(const VirtualServer::Shape& shape) {
  core::JobSettings settings;
  settings.jobs_max = static_cast<uint32_t>(std::min<size_t>(shape.jobs + 1, UINT32_MAX));
  settings.finished_max = 1'000;
  settings.events_kept = 1'000;
  settings.accept_within = settings.lease = settings.offline_after = kNever;
  settings.plan = shape.planning;
  return settings;
}

/// A job can say seven weeks at most.
constexpr int64_t kSaid_s = UINT32_MAX / 1'000;

uint32_t ms_of(int64_t seconds) {
  return static_cast<uint32_t>(std::clamp<int64_t>(seconds, 0, kSaid_s) * 1'000);
}

}  // namespace

VirtualServer::VirtualServer(const Shape& shape, int64_t now_s)
    : shape_(shape),
      rng_(shape.seed),
      tables_(table_settings(shape)),
      owner_(wire::ShardId{0}, tables_.fleet, tables_.names, tables_.settings),
      ledger_(tables_, job_settings(shape), shape.seed),
      now_s_(now_s) {
  set_clock(now_s);
  ledger_.start(now_);
  attach_worker(shape.slots);
}

void VirtualServer::set_clock(int64_t now_s) {
  BERTH_CHECK(now_s >= now_s_ && now_s >= -1 && now_s <= kClockMax_s);
  now_s_ = now_s;
  now_ = {Instant{} + Duration::seconds(now_s + kStart_s), (now_s + kStart_s) * 1'000};
}

void VirtualServer::attach_worker(int64_t slots) {
  const std::string_view tags[] = {"runner:process"};
  wire::Heartbeat beat;
  beat.worker = kWorker;
  beat.epoch = 1;
  beat.sequence = 1;
  beat.has_profile = true;
  beat.address = "127.0.0.1:1";
  beat.tags = tags;
  beat.capacity.slots = slots;
  beat.agent_version = "virtual";
  core::BeatOutcome outcome;
  owner_.heartbeat(now_.mono, beat, outcome);
  BERTH_CHECK(outcome.refusal == wire::Refusal::None && outcome.change);
  const core::WorkerChanged changed{
      std::string(kWorker), *outcome.change, outcome.worker, outcome.generation};
  ledger_.on_worker_changed(now_, changed, effects_);
  ask(kAgent, wire::AttachWorker{kWorker, 1, 1, false, {}});
  end_turns();
}

void VirtualServer::ask(wire::ConnectionId from, const wire::Request& request) {
  ledger_.step(now_, from, {++requests_}, request, effects_);
}

void VirtualServer::submit(const VirtualJob& job) {
  const std::string_view command[] = {"true"};
  wire::JobSpec spec;
  spec.command = command;
  spec.name = job.name;
  spec.tenant = job.user;
  spec.queue = job.queue;
  spec.demand.slots = job.slots;
  spec.estimated_ms = ms_of(job.estimated_s);
  if (job.timeout_s <= kSaid_s) spec.timeout_ms = ms_of(job.timeout_s);
  const std::span<const std::byte> bytes = encoder_.encode(spec);
  ask(kClient, wire::SubmitJobs{{}, {&bytes, 1}, false});
  running_.emplace_back();
  happened_ = true;
}

void VirtualServer::complete(size_t job, int64_t ran_s) {
  wire::ReportItem item;
  item.kind = wire::ReportKind::Completed;
  item.assignment = running_[job];
  item.usage.wall_ms = static_cast<uint64_t>(ran_s) * 1'000;
  ask(kAgent, wire::Report{kWorker, {&item, 1}});
  happened_ = true;
}

std::vector<size_t> VirtualServer::settle() {
  // After the ends of this second: a job that ends with its time limit has not exceeded it.
  ledger_.on_tick(now_, effects_);
  end_turns();
  if (std::exchange(happened_, false)) {
    happened_s_ = now_s_;
    rests_until_s_ = 0;
    plan();
  } else if (started_.empty()) {
    rests_until_s_ = now_s_ + (now_s_ - happened_s_) / 8;
    plan();
  }
  return std::exchange(started_, {});
}

int64_t VirtualServer::next_s() const {
  const auto next = std::upper_bound(planned_s_.begin(), planned_s_.end(), now_s_);
  return next == planned_s_.end() ? INT64_MAX : std::max(*next, rests_until_s_);
}

void VirtualServer::end_turns() {
  for (bool more = true; more;) {
    core::StoreBatch group;
    more = !ledger_.end_turn(now_, group, effects_);
    if (!group.empty()) ledger_.on_durable(now_, group.sequence, effects_);
    more = start_assigned() || more;
  }
}

/// What the worker does with what it is sent. The ledger numbers its jobs from 1 on.
bool VirtualServer::start_assigned() {
  std::vector<wire::AssignmentId> assigned;
  for (const core::Outgoing& out : effects_.messages) {
    BERTH_CHECK(!std::holds_alternative<wire::Refused>(out.message));
    const auto* assignments = std::get_if<wire::Assignments>(&out.message);
    if (assignments == nullptr) continue;
    for (const wire::Assignment& one : assignments->items)
      assigned.push_back(one.id);
  }
  effects_.clear();
  for (const wire::AssignmentId& id : assigned) {
    wire::ReportItem items[2];
    items[0].kind = wire::ReportKind::Accepted;
    items[1].kind = wire::ReportKind::Started;
    items[0].assignment = items[1].assignment = id;
    ask(kAgent, wire::Report{kWorker, items});
    const size_t job = static_cast<size_t>(id.job.value) - 1;
    running_[job] = id;
    started_.push_back(job);
  }
  return !assigned.empty();
}

void VirtualServer::plan() {
  std::unique_ptr<core::JobSnapshot> snapshot = ledger_.take_snapshot(now_);
  if (snapshot == nullptr) return;
  snapshot->seed = rng_.next();
  const core::JobPlan made = core::plan_jobs(std::move(snapshot), shape_.steps);
  planned_s_.clear();
  for (const core::PlannedStart& one : made.starts)
    planned_s_.push_back(now_s_ + (one.start + core::kTicksPerSecond - 1) / core::kTicksPerSecond);
  std::sort(planned_s_.begin(), planned_s_.end());
  ledger_.on_plan(now_, made);
  end_turns();
}

}  // namespace berth::cli
