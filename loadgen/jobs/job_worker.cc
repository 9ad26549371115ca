#include "loadgen/jobs/job_worker.h"

#include <algorithm>

#include "core/base/check.h"
#include "loadgen/jobs/job_specs.h"
#include "loadgen/reply_text.h"

namespace berth::loadgen {
namespace {

wire::Verdict verdict_at(std::span<const uint8_t> verdicts, size_t i) {
  return i < verdicts.size() ? static_cast<wire::Verdict>(verdicts[i]) : wire::Verdict::Stale;
}

}  // namespace

JobWorker::JobWorker(const Options& options, wire::Encoder& encoder, JobBook& book)
    : options_(options), encoder_(encoder), book_(book) {}

// ---- Being there ------------------------------------------------------------------------------

void JobWorker::on_welcome(Bytes& out) {
  // What is under way on the last connection is answered no more.
  for (uint32_t number = 0; number < sent_.size(); ++number) {
    if (!sent_[number].open) continue;
    sent_[number].open = false;
    sent_free_.push_back(number);
  }
  attached_ = false;
  attaching_ = false;
  beat_with(true, out);
}

void JobWorker::beat(Bytes& out) {
  beat_with(false, out);
}

void JobWorker::beat_with(bool profile, Bytes& out) {
  wire::Heartbeat beat;
  const std::string_view tags[] = {"runner:process", options_.tag};
  beat.worker = options_.id;
  beat.epoch = options_.life;
  beat.sequence = ++sequence_;
  if (profile) {
    beat.has_profile = true;
    beat.address = "127.0.0.1:0";
    beat.tags = tags;
    beat.capacity.slots = options_.slots;
    beat.agent_version = "berth-loadgen";
  }
  encoder_.encode(wire::RequestId{kBeatId}, beat, out);
}

void JobWorker::on_beat_reply(const wire::HeartbeatReply& reply, Bytes& out) {
  if (!reply.accepted) return fail("a heartbeat was " + describe(reply.code, reply.message));
  if (reply.resend_profile) return beat_with(true, out);
  if (!attached_ && !attaching_) attach(out);
}

void JobWorker::attach(Bytes& out) {
  attaching_ = true;
  // What is held is said again once the server agrees to it; what comes before that is new.
  ready_.clear();
  running_.clear();
  running_slots_.clear();
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].stage == Stage::None) continue;
    running_.push_back(slots_[slot].id);
    running_slots_.push_back(slot);
  }
  wire::AttachWorker attach;
  attach.worker = options_.id;
  attach.life = options_.life;
  attach.running = running_;
  encoder_.encode(wire::RequestId{kAttachId}, attach, out);
}

void JobWorker::on_attached(const wire::Reply& reply) {
  const auto* attached = std::get_if<wire::Attached>(&reply);
  if (attached == nullptr || attached->verdicts.size() != running_.size()) {
    return fail("attaching a worker got " + describe(reply));
  }
  attached_ = true;
  attaching_ = false;
  for (size_t i = 0; i < running_slots_.size(); ++i) {
    // That it has ended may be why its lease is over: the answer to that was lost, and is asked for
    // again.
    bool ended = slots_[running_slots_[i]].stage == Stage::End;
    if (verdict_at(attached->verdicts, i) == wire::Verdict::Stale && !ended) {
      book_.on_stale(running_[i]);
      drop(running_slots_[i]);
    } else {
      ready_.push_back(running_slots_[i]);
    }
  }
}

void JobWorker::dismiss(Bytes& out) {
  wire::SetWorker forget;
  forget.worker = options_.id;
  forget.action = wire::WorkerAction::Forget;
  forget.reason = "end of a load test";
  encoder_.encode(wire::RequestId{kForgetId}, forget, out);
}

// ---- What the server says ---------------------------------------------------------------------

void JobWorker::on_reply(
    core::Instant now, wire::RequestId id, const wire::Reply& reply, Bytes& out) {
  if ((id.value & kReportBit) != 0) return on_report_reply(now, id, reply);
  if (const auto* assignments = std::get_if<wire::Assignments>(&reply)) {
    return on_assignments(assignments->items);
  }
  if (const auto* beat = std::get_if<wire::HeartbeatReply>(&reply)) {
    return on_beat_reply(*beat, out);
  }
  if (const auto* want = std::get_if<wire::WantLog>(&reply)) return answer_log(*want, out);
  if (const auto* stops = std::get_if<wire::StopTasks>(&reply)) {
    for (const wire::StopTask& stop : stops->items) {
      book_.tally().fail(
          "somebody else stopped job " + std::to_string(stop.assignment.job.value) +
          " of this run");
    }
    return;
  }
  if (id.value == kAttachId) return on_attached(reply);
  if (id.value == kForgetId) forgotten_ = true;
  if (id.value == kLogPieceId || std::holds_alternative<wire::Done>(reply)) return;
  fail("a worker was told " + describe(reply));
}

void JobWorker::on_assignments(std::span<const wire::Assignment> items) {
  for (const wire::Assignment& item : items) {
    if (book_.on_assigned(item.id) != JobBook::Offer::New) continue;
    uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[slot] = {item.id, Stage::Accept};
    ready_.push_back(slot);
    ++leases_;
  }
  if (leases_ > options_.slots) {
    book_.tally().fail(
        "a worker of " + std::to_string(options_.slots) + " slots has " + std::to_string(leases_) +
        " leases");
  }
}

/// What ran left nothing.
void JobWorker::answer_log(const wire::WantLog& want, Bytes& out) {
  wire::LogPiece piece;
  piece.ticket = want.ticket;
  piece.refusal = wire::Refusal::NotFound;
  piece.message = "tasks of a load test have no output";
  encoder_.encode(wire::RequestId{kLogPieceId}, piece, out);
}

void JobWorker::on_report_reply(core::Instant now, wire::RequestId id, const wire::Reply& reply) {
  uint32_t number = id.value & ((1u << kSentBits) - 1);
  if (number >= sent_.size() || sent_[number].id != id.value || !sent_[number].open) {
    book_.tally().fail("an answer to no report of ours: " + describe(reply));
    return;
  }
  Sent& sent = sent_[number];
  sent.open = false;
  sent_free_.push_back(number);
  if (const auto* reported = std::get_if<wire::Reported>(&reply)) {
    if (reported->verdicts.size() != sent.items.size()) {
      book_.tally().fail(
          "a report of " + std::to_string(sent.items.size()) + " got " + describe(reply));
    }
    for (size_t i = 0; i < sent.items.size(); ++i)
      on_verdict(now, sent.items[i], verdict_at(reported->verdicts, i));
    return;
  }
  const auto* refused = std::get_if<wire::Refused>(&reply);
  if (refused == nullptr || refused->code != wire::Refusal::Busy) {
    return fail("a report was " + describe(reply));
  }
  ++book_.tally().busy;
  hold_until_ = now + kBusyWait;
  for (const Said& said : sent.items)
    ready_.push_back(said.slot);
}

void JobWorker::on_verdict(core::Instant now, const Said& said, wire::Verdict verdict) {
  if (verdict != wire::Verdict::Stale) return advance(now, said);
  book_.on_stale(said.id);
  drop(said.slot);
}

void JobWorker::advance(core::Instant now, const Said& said) {
  Lease& lease = slots_[said.slot];
  switch (lease.stage) {
    case Stage::None: return;
    case Stage::Accept: lease.stage = Stage::Start; break;
    case Stage::Start: lease.stage = Stage::End; break;
    case Stage::End:
      if (said.kind == wire::ReportKind::Completed) {
        book_.on_completed(said.id.job, now);
      } else {
        book_.on_failed_attempt();
      }
      return drop(said.slot);
  }
  ready_.push_back(said.slot);
}

void JobWorker::drop(uint32_t slot) {
  slots_[slot].stage = Stage::None;
  free_.push_back(slot);
  --leases_;
}

// ---- What is said -----------------------------------------------------------------------------

wire::ReportKind JobWorker::kind_of(const Lease& lease) const {
  switch (lease.stage) {
    case Stage::None: break;
    case Stage::Accept: return wire::ReportKind::Accepted;
    case Stage::Start: return wire::ReportKind::Started;
    case Stage::End:
      return attempt_fails(options_.seed, lease.id, options_.fail) ? wire::ReportKind::Failed
                                                                   : wire::ReportKind::Completed;
  }
  BERTH_CHECK(false);  // a free slot has nothing to say
  return wire::ReportKind::Alive;
}

void JobWorker::end_turn(core::Instant now, Bytes& out) {
  if (!attached_ || ready_.empty() || now < hold_until_) return;
  std::span<const uint32_t> rest = ready_;
  while (!rest.empty() && sent_.size() - sent_free_.size() < (1u << kSentBits)) {
    size_t count = std::min(rest.size(), kReportItemsMax);
    report(rest.first(count), out);
    rest = rest.subspan(count);
  }
  ready_.erase(ready_.begin(), ready_.end() - static_cast<ptrdiff_t>(rest.size()));
}

JobWorker::Sent& JobWorker::new_sent(uint32_t& number) {
  if (sent_free_.empty()) {
    sent_free_.push_back(static_cast<uint32_t>(sent_.size()));
    sent_.emplace_back();
  }
  number = sent_free_.back();
  sent_free_.pop_back();
  Sent& sent = sent_[number];
  uint32_t use = ((sent.id >> kSentBits) + 1) & kUseMask;
  sent.id = kReportBit | use << kSentBits | number;
  sent.open = true;
  sent.items.clear();
  return sent;
}

void JobWorker::report(std::span<const uint32_t> slots, Bytes& out) {
  uint32_t number = 0;
  Sent& sent = new_sent(number);
  items_.clear();
  for (uint32_t slot : slots) {
    const Lease& lease = slots_[slot];
    wire::ReportItem item;
    item.kind = kind_of(lease);
    item.assignment = lease.id;
    if (item.kind == wire::ReportKind::Failed) {
      item.error.kind = wire::ErrorClass::Exit;
      item.error.exit_code = 1;
      item.error.message = "failed as the load test asked for";
    }
    items_.push_back(item);
    sent.items.push_back({slot, lease.id, item.kind});
  }
  wire::Report report;
  report.worker = options_.id;
  report.items = items_;
  encoder_.encode(wire::RequestId{sent.id}, report, out);
}

}  // namespace berth::loadgen
