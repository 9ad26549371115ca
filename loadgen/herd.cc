#include "loadgen/herd.h"

#include <algorithm>

#include "core/base/check.h"
#include "loadgen/reply_text.h"

namespace berth::loadgen {

Herd::Herd(
    wire::Encoder& encoder,
    const Workload& workload,
    const BeatFrames& beats,
    uint64_t epoch,
    uint32_t first,
    uint32_t step)
    : encoder_(encoder),
      workload_(workload),
      beats_(beats),
      epoch_(epoch),
      first_(first),
      step_(step) {
  uint32_t workers = static_cast<uint32_t>(workload.workers().size());
  size_ = first < workers ? (workers - first + step - 1) / step : 0;
  next_ = size_;
}

wire::RequestId Herd::next_id() {
  ++in_flight_;
  return {kIdBit | (++ids_ & (kIdBit - 1))};
}

void Herd::enroll(Bytes& out) {
  for (; next_ < size_ && in_flight_ < kWindow; ++next_) {
    full_beat(next_).append(next_id(), next_sequence(), out);
  }
}

void Herd::dismiss(Bytes& out) {
  for (; next_ < size_ && in_flight_ < kWindow; ++next_) {
    wire::SetWorker forget;
    forget.worker = worker(next_).id;
    forget.action = wire::WorkerAction::Forget;
    forget.reason = "end of a load test";
    encoder_.encode(next_id(), forget, out);
  }
}

void Herd::start_keeping(core::Instant now, core::Duration interval) {
  BERTH_CHECK(interval.ns > 0);
  kept_from_ = now;
  interval_ = interval;
  kept_ = 0;
}

void Herd::keep(core::Instant now, Bytes& out) {
  if (interval_.ns == 0 || size_ == 0) return;
  double rounds = static_cast<double>((now - kept_from_).ns) / static_cast<double>(interval_.ns);
  uint64_t due = static_cast<uint64_t>(std::max(0.0, rounds * size_));
  for (; kept_ < due && in_flight_ < kWindow; ++kept_) {
    beats_.append(next_id(), worker(static_cast<uint32_t>(kept_ % size_)), next_sequence(), out);
  }
}

void Herd::on_reply(wire::RequestId, const wire::Reply& reply) {
  if (in_flight_ > 0) --in_flight_;
  if (!problem_.empty()) return;
  if (const auto* beat = std::get_if<wire::HeartbeatReply>(&reply)) {
    if (!beat->accepted) {
      problem_ = "a heartbeat was " + describe(beat->code, beat->message);
    } else if (beat->resend_profile) {
      problem_ = "the server has lost a worker: it asked for its profile";
    }
  } else if (!std::holds_alternative<wire::Done>(reply)) {
    problem_ = "a heartbeat or forget got " + describe(reply);
  }
}

}  // namespace berth::loadgen
