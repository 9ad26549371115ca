#include "loadgen/lane.h"

#include <algorithm>

#include "core/base/check.h"
#include "loadgen/reply_text.h"

namespace berth::loadgen {

void Tally::add(const Tally& other) {
  latency.add(other.latency);
  requests += other.requests;
  errors += other.errors;
  placements += other.placements;
  heartbeats += other.heartbeats;
  releases += other.releases;
  if (first_error.empty()) first_error = other.first_error;
}

Lane::Lane(
    const LaneOptions& options,
    const Workload& workload,
    const LaneFrames& frames,
    wire::Encoder& encoder,
    Herd& herd,
    Tally& tally)
    : options_(options),
      workload_(workload),
      frames_(frames),
      encoder_(encoder),
      herd_(herd),
      tally_(tally),
      rng_(options.seed + options.number),
      slots_(options.depth) {
  BERTH_CHECK(options.depth >= 1 && options.depth <= kDepthMax && options.number < 1u << 16);
  for (uint32_t slot = options.depth; slot > 0; --slot)
    free_.push_back(slot - 1);
}

Lane::Kind Lane::next_kind() {
  switch (options_.scenario) {
    case Scenario::Ping: return Kind::Ping;
    case Scenario::Heartbeat: return Kind::Beat;
    case Scenario::Schedule: return Kind::Place;
    case Scenario::Mixed: break;
  }
  // Of ten: five placements, four heartbeats, one ping.
  uint64_t die = rng_.below(10);
  if (die < 5) return Kind::Place;
  return die < 9 ? Kind::Beat : Kind::Ping;
}

void Lane::start(core::Instant due, Bytes& out) {
  uint32_t number = free_.back();
  free_.pop_back();
  Slot& slot = slots_[number];
  uint32_t use = ((slot.id >> kSlotBits) + 1) & kUseMask;
  slot.id = (use == 0 ? 1u : use) << kSlotBits | number;
  slot.due = due;
  slot.kind = next_kind();
  slot.payload = uint64_t{options_.number} << 32 | (sent_ & 0xFFFFFFFFu);
  ++sent_;
  wire::RequestId id{slot.id};
  switch (slot.kind) {
    case Kind::Ping: frames_.ping.append(id, slot.payload, out); break;
    case Kind::Beat: append_beat(id, out); break;
    case Kind::Place:
      frames_.place.append(id, rng_.below(frames_.place.queries()), slot.payload, out);
      break;
  }
}

void Lane::append_beat(wire::RequestId id, Bytes& out) {
  uint32_t place = beat_at_;
  beat_at_ = beat_at_ + 1 == herd_.size() ? 0 : beat_at_ + 1;
  if (!options_.full_beats) {
    frames_.beat.append(id, herd_.worker(place), herd_.next_sequence(), out);
    return;
  }
  // Encoded when first sent, then kept: a generator that encodes could not keep up with the server.
  if (place == full_beats_.size()) full_beats_.push_back(herd_.full_beat(place));
  full_beats_[place].append(id, herd_.next_sequence(), out);
}

void Lane::on_reply(core::Instant now, wire::RequestId id, const wire::Reply& reply) {
  if ((id.value & kReleaseBit) != 0) {
    on_released(id, reply);
    return;
  }
  uint32_t number = id.value & ((1u << kSlotBits) - 1);
  if (number >= slots_.size() || slots_[number].id != id.value || slots_[number].due.ns == 0) {
    tally_.fail(
        "an answer to request " + std::to_string(id.value) +
        ", which is not under way: " + describe(reply));
    return;
  }
  Slot& slot = slots_[number];
  ++tally_.requests;
  if (answers(now, slot, reply)) {
    tally_.latency.record(now - slot.due);
  } else {
    constexpr const char* kAsked[] = {"a ping", "a heartbeat", "a placement"};
    tally_.fail(std::string(kAsked[static_cast<size_t>(slot.kind)]) + " got " + describe(reply));
  }
  slot.due = {0};
  free_.push_back(number);
}

bool Lane::answers(core::Instant now, const Slot& slot, const wire::Reply& reply) {
  switch (slot.kind) {
    case Kind::Ping: {
      const auto* pong = std::get_if<wire::Pong>(&reply);
      return pong != nullptr && pong->payload == slot.payload;
    }
    case Kind::Beat: {
      const auto* beat = std::get_if<wire::HeartbeatReply>(&reply);
      if (beat == nullptr || !beat->accepted || beat->resend_profile) return false;
      ++tally_.heartbeats;
      return true;
    }
    case Kind::Place: return check_place(now, reply);
  }
  return false;
}

bool Lane::check_place(core::Instant now, const wire::Reply& reply) {
  const auto* placed = std::get_if<wire::Placed>(&reply);
  if (placed == nullptr) {
    return options_.match_none && std::holds_alternative<wire::Unplaced>(reply);
  }
  if (placed->reservation.value == 0) return false;
  if (reservations_.empty()) held_since_ = now;
  reservations_.push_back(placed->reservation.value);
  // On a worker of ours, for a task that was never placed before.
  if (options_.match_none || placed->repeated) return false;
  if (!placed->worker.starts_with(workload_.id_prefix())) return false;
  ++tally_.placements;
  return true;
}

void Lane::end_turn(core::Instant now, Bytes& out) {
  if (reservations_.empty()) return;
  if (reservations_.size() >= kReleaseMin || now - held_since_ >= kHeldMax) release_all(out);
}

void Lane::release_all(Bytes& out) {
  for (size_t from = 0; from < reservations_.size();) {
    size_t count = std::min<size_t>(reservations_.size() - from, kReleaseMax);
    wire::Release release;
    release.reservations = std::span(reservations_).subspan(from, count);
    ++releases_sent_;
    uint32_t id = kReleaseBit | (releases_sent_ & 0xFFFFu) << 13 | static_cast<uint32_t>(count);
    encoder_.encode(wire::RequestId{id}, release, out);
    ++releases_in_flight_;
    from += count;
  }
  reservations_.clear();
}

void Lane::on_released(wire::RequestId id, const wire::Reply& reply) {
  if (releases_in_flight_ > 0) --releases_in_flight_;
  const auto* released = std::get_if<wire::Released>(&reply);
  uint32_t count = id.value & kReleaseMax;
  if (released == nullptr || released->released != count || released->unknown != 0) {
    tally_.fail("the release of " + std::to_string(count) + " reservations got " + describe(reply));
  }
  if (released != nullptr) tally_.releases += released->released;
}

void Lane::give_up() {
  uint32_t unanswered = in_flight() + releases_in_flight_;
  for (uint32_t i = 0; i < unanswered; ++i)
    tally_.fail("a request was not answered in time");
  tally_.requests += in_flight();
  releases_in_flight_ = 0;
  free_.clear();
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    slots_[slot].due = {0};
    free_.push_back(slot);
  }
}

}  // namespace berth::loadgen
