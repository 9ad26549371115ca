#include "agent/report_flow.h"

#include <algorithm>
#include <utility>

#include "core/base/planted.h"
namespace berth::agent {

namespace {

using core::Duration;
using core::Instant;
using wire::ReportKind;

/// Whether it still has to be known that `kind` happened.
bool matters(const HeldTask& task, ReportKind kind) {
  switch (task.phase) {
    case TaskPhase::Refused: return kind == ReportKind::Refused;
    case TaskPhase::Offered: return kind == ReportKind::Accepted;
    case TaskPhase::Running: return kind == ReportKind::Started;
    // Its start may be told with its end, and not after it.
    case TaskPhase::Ended: return is_end(kind) || (kind == ReportKind::Started && task.unsaid != 0);
    case TaskPhase::Starting:
    case TaskPhase::Fenced: break;
  }
  return false;
}

}  // namespace

ReportFlow::ReportFlow(HeldTasks& tasks, std::string worker, Duration answer_max)
    : tasks_(tasks), worker_(std::move(worker)), answer_max_(answer_max) {}

void ReportFlow::say(Instant now, HeldTask& task, ReportKind kind) {
  if (outbox_.empty()) outbox_due_ = now;
  task.unsaid |= bit(kind);
  if (task.queued) return;
  task.queued = true;
  outbox_.push_back(task.id);
}

void ReportFlow::say_all(Instant now) {
  tasks_.for_each([this, now](HeldTask& task) {
    switch (task.phase) {
      case TaskPhase::Refused: return say(now, task, ReportKind::Refused);
      case TaskPhase::Offered: return say(now, task, ReportKind::Accepted);
      // A server that crashed may know of the ack alone.
      case TaskPhase::Running: return say(now, task, ReportKind::Started);
      case TaskPhase::Ended:
        if (BERTH_PLANTED(EndNotReplayed)) return;
        if (task.was_started) say(now, task, ReportKind::Started);
        return say(now, task, end_kind(task.result));
      case TaskPhase::Starting:
      case TaskPhase::Fenced: return;
    }
  });
}

void ReportFlow::say_again(Instant now, const ReportBatch& sent) {
  for (const wire::ReportItem& item : sent.items()) {
    HeldTask* task = tasks_.find(item.assignment);
    if (task != nullptr && matters(*task, item.kind)) say(now, *task, item.kind);
  }
}

void ReportFlow::say_alive(Instant now) {
  if (BERTH_PLANTED(AliveNotSaid)) return;
  tasks_.for_each([this, now](HeldTask& task) {
    bool runs = task.phase == TaskPhase::Starting || task.phase == TaskPhase::Running;
    if (runs && task.unsaid == 0) say(now, task, ReportKind::Alive);
  });
}

void ReportFlow::send(Instant now, JobRequestIds& ids, JobEffects& effects) {
  while (!outbox_.empty() && in_flight_.size() < kInFlightMax) {
    ReportBatch batch(now + answer_max_);
    while (!outbox_.empty() && batch.has_room()) {
      HeldTask* task = tasks_.find(outbox_.front());
      outbox_.pop_front();
      if (task == nullptr) continue;
      batch.add(*task);
      task->queued = false;
      task->unsaid = 0;
    }
    if (batch.items().empty()) continue;
    batch.set_request(ids.next());
    wire::Report report;
    report.worker = worker_;
    report.items = batch.items();
    effects.emplace_back(SendJobMessage{batch.request(), report, batch.memory()});
    in_flight_.push_back(std::move(batch));
  }
}

std::optional<ReportBatch> ReportFlow::take(wire::RequestId id) {
  auto sent = std::find_if(in_flight_.begin(), in_flight_.end(), [id](const ReportBatch& batch) {
    return batch.request() == id;
  });
  if (sent == in_flight_.end()) return std::nullopt;
  ReportBatch batch = std::move(*sent);
  in_flight_.erase(sent);
  return batch;
}

void ReportFlow::repeat_lost(Instant now) {
  while (!in_flight_.empty() && now >= in_flight_.front().due()) {
    say_again(now, in_flight_.front());
    in_flight_.pop_front();
  }
}

std::optional<Instant> ReportFlow::due() const {
  if (outbox_.empty() || in_flight_.size() >= kInFlightMax) return std::nullopt;
  return std::max(outbox_due_, held_until_);
}

std::optional<Instant> ReportFlow::lost_at() const {
  if (in_flight_.empty()) return std::nullopt;
  return in_flight_.front().due();
}

}  // namespace berth::agent
