#include "loadgen/jobs/job_submitter.h"

#include "core/base/check.h"
#include "loadgen/reply_text.h"

namespace berth::loadgen {

JobSubmitter::JobSubmitter(const Options& options, wire::Encoder& encoder, JobBook& book)
    : options_(options), encoder_(encoder), book_(book), slots_(options.depth) {
  BERTH_CHECK(options.depth >= 1 && options.depth <= kDepthMax);
  for (uint32_t slot = options.depth; slot > 0; --slot)
    free_.push_back(slot - 1);
}

void JobSubmitter::submit(core::Instant since, uint32_t count, Bytes& out) {
  uint32_t number = free_.back();
  free_.pop_back();
  slots_[number].since = since;
  slots_[number].count = count;
  slots_[number].number = ++sent_;
  book_.on_sent(count);
  send(number, out);
}

void JobSubmitter::send(uint32_t number, Bytes& out) {
  Slot& slot = slots_[number];
  uint32_t use = ((slot.id >> kSlotBits) + 1) & kUseMask;
  slot.id = (use == 0 ? 1u : use) << kSlotBits | number;
  if (specs_.size() < slot.count) specs_.resize(slot.count, options_.spec);
  request_.assign(options_.prefix).append(std::to_string(slot.number));
  wire::SubmitJobs submit;
  submit.request = request_;
  submit.specs = std::span(specs_).first(slot.count);
  encoder_.encode(wire::RequestId{slot.id}, submit, out);
}

void JobSubmitter::on_reply(core::Instant now, wire::RequestId id, const wire::Reply& reply) {
  uint32_t number = id.value & ((1u << kSlotBits) - 1);
  if (number >= slots_.size() || slots_[number].id != id.value || slots_[number].number == 0) {
    book_.tally().fail("an answer to no submit of ours: " + describe(reply));
    return;
  }
  Slot& slot = slots_[number];
  if (const auto* refused = std::get_if<wire::Refused>(&reply)) {
    if (refused->code == wire::Refusal::Busy) {
      ++book_.tally().busy;
      ++waiting_;
      slot.again_at = now + kBusyWait;
      return;
    }
  }
  if (const auto* submitted = std::get_if<wire::JobsSubmitted>(&reply)) {
    on_submitted(now, slot, *submitted);
  } else if (problem_.empty()) {
    problem_ = "a submit was " + describe(reply);
  }
  slot.number = 0;
  free_.push_back(number);
}

void JobSubmitter::on_submitted(
    core::Instant now, const Slot& slot, const wire::JobsSubmitted& reply) {
  if (reply.jobs.size() != slot.count) {
    book_.tally().fail(
        "a submit of " + std::to_string(slot.count) + " jobs got " + describe(reply));
    return;
  }
  // Ids of one submit mostly follow each other.
  for (size_t i = 0; i < reply.jobs.size();) {
    size_t end = i + 1;
    while (end < reply.jobs.size() &&
           reply.jobs[end].first.value == reply.jobs[i].first.value + (end - i))
      ++end;
    book_.on_submitted(slot.since, now, reply.jobs[i].first, static_cast<uint32_t>(end - i));
    i = end;
  }
}

void JobSubmitter::end_turn(core::Instant now, Bytes& out) {
  if (waiting_ == 0) return;
  for (uint32_t number = 0; number < slots_.size(); ++number) {
    Slot& slot = slots_[number];
    if (slot.again_at.ns == 0 || slot.again_at > now) continue;
    slot.again_at = {0};
    --waiting_;
    send(number, out);
  }
}

void JobSubmitter::on_welcome(Bytes& out) {
  waiting_ = 0;
  for (uint32_t number = 0; number < slots_.size(); ++number) {
    slots_[number].again_at = {0};
    if (slots_[number].number != 0) send(number, out);
  }
}

}  // namespace berth::loadgen
