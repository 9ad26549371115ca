#include "agent/log_waits.h"

#include <algorithm>
#include <utility>

namespace berth::agent {

namespace {

using core::Duration;
using core::Instant;

constexpr Duration kLookEvery = Duration::milliseconds(100);
constexpr uint32_t kWaitMsMax = 60'000;
constexpr uint32_t kPieceBytesMax = 64 * 1024;

wire::LogPiece make_message(const wire::WantLog& want, const OutputPiece& piece) {
  wire::LogPiece message;
  message.ticket = want.ticket;
  if (!piece.problem.empty()) {
    message.refusal = wire::Refusal::NotFound;
    message.message = piece.problem;
    return message;
  }
  message.chunk.data = piece.data;
  message.chunk.offset = piece.offset;
  message.chunk.size = piece.size;
  message.chunk.complete = piece.complete;
  message.chunk.truncated = piece.truncated;
  message.chunk.sha256 = piece.sha256;
  message.chunk.attempt = want.assignment.attempt;
  return message;
}

}  // namespace

void LogWaits::add(
    Instant now, const wire::WantLog& want, JobRequestIds& ids, JobEffects& effects) {
  if (waits_.size() >= kWaitsMax) {
    wire::LogPiece message;
    message.ticket = want.ticket;
    message.refusal = wire::Refusal::Busy;
    message.message = "too many readers wait for output of this worker; ask again later";
    wire::RequestId id = ids.next();
    unanswered_.insert(id);
    effects.emplace_back(SendJobMessage{id, message, nullptr});
    return;
  }
  waits_.push_back({want, now + Duration::milliseconds(std::min(want.wait_ms, kWaitMsMax)), now});
  uint32_t& bytes = waits_.back().want.bytes_max;
  bytes = bytes == 0 ? kPieceBytesMax : std::min(bytes, kPieceBytesMax);
}

void LogWaits::on_output(
    Instant now,
    const wire::WantLog& want,
    OutputPiece&& piece,
    JobRequestIds& ids,
    JobEffects& effects) {
  auto wait = std::find_if(waits_.begin(), waits_.end(), [&want](const Wait& each) {
    return each.want.ticket == want.ticket && !each.look_at;
  });
  if (wait == waits_.end()) return;  // of a connection that is gone
  --reading_;
  bool nothing = piece.problem.empty() && piece.data.empty() && !piece.complete;
  if (nothing && now < wait->until) {
    wait->look_at = std::min(now + kLookEvery, wait->until);
    return;
  }
  waits_.erase(wait);
  auto kept = std::make_shared<const OutputPiece>(std::move(piece));
  wire::RequestId id = ids.next();
  unanswered_.insert(id);
  effects.emplace_back(SendJobMessage{id, make_message(want, *kept), kept});
}

void LogWaits::on_timer(Instant now, JobEffects& effects) {
  for (Wait& wait : waits_) {
    if (!has_room()) break;
    if (!wait.look_at || now < *wait.look_at) continue;
    wait.look_at.reset();
    ++reading_;
    effects.emplace_back(ReadOutput{wait.want});
  }
}

std::optional<Instant> LogWaits::deadline() const {
  std::optional<Instant> soonest;
  if (!has_room()) return soonest;
  for (const Wait& wait : waits_) {
    if (wait.look_at && (!soonest || *wait.look_at < *soonest)) soonest = wait.look_at;
  }
  return soonest;
}

void LogWaits::clear() {
  waits_.clear();
  unanswered_.clear();
  reading_ = 0;
}

}  // namespace berth::agent
