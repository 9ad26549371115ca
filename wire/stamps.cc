#include "wire/stamps.h"

#include <cstdint>
#include <cstring>

#include "berth_generated.h"

#include "wire/frame.h"

namespace berth::wire {
namespace {

/// The frame around `body`, whose builder has ForceDefaults on, so that each number has a place.
template <typename Table>
std::vector<std::byte> finish(
    flatbuffers::FlatBufferBuilder& builder, flatbuffers::Offset<Table> body) {
  builder.Finish(fb::CreateEnvelope(builder, fb::BodyTraits<Table>::enum_value, body.Union()));
  const uint32_t payload_bytes = builder.GetSize();
  builder.PushElement<uint32_t>(0);
  builder.PushElement(payload_bytes);
  const auto* frame = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {frame, frame + builder.GetSize()};
}

void prepare(flatbuffers::FlatBufferBuilder& builder) {
  builder.ForceDefaults(true);
  builder.Align(kFrameAlignment);
}

/// Finds where the fields of the body of a finished frame lie in it.
class Finder {
 public:
  explicit Finder(const std::vector<std::byte>& frame) : frame_(frame.data()) {
    const auto* payload = frame_ + kFrameHeaderBytes;
    body_ =
        static_cast<const flatbuffers::Table*>(flatbuffers::GetRoot<fb::Envelope>(payload)->body());
  }

  size_t field(flatbuffers::voffset_t vtable_entry) const {
    const auto* at = reinterpret_cast<const std::byte*>(body_->GetAddressOf(vtable_entry));
    return static_cast<size_t>(at - frame_);
  }

  /// What the offset in that field points to.
  size_t target(flatbuffers::voffset_t vtable_entry) const {
    const size_t at = field(vtable_entry);
    return at + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(frame_ + at);
  }

 private:
  const std::byte* frame_;
  const flatbuffers::Table* body_;
};

template <typename Number>
void put(std::byte* frame, size_t at, Number value) {
  std::memcpy(frame + at, &value, sizeof(value));
}

void put_flag(std::byte* frame, size_t at, bool value) {
  put(frame, at, static_cast<uint8_t>(value ? 1 : 0));
}

constexpr size_t round_up(size_t bytes, size_t to) {
  return (bytes + to - 1) & ~(to - 1);
}

/// A length, the bytes, a zero that is not counted; the next one is aligned again.
size_t text_bytes(Text text) {
  return round_up(sizeof(flatbuffers::uoffset_t) + text.size() + 1, sizeof(flatbuffers::uoffset_t));
}

/// Writes `text` at `at` and points the field there. The terminator is there already.
void put_text(std::byte* frame, size_t field, size_t at, Text text) {
  put(frame, field, static_cast<flatbuffers::uoffset_t>(at - field));
  put(frame, at, static_cast<flatbuffers::uoffset_t>(text.size()));
  if (!text.empty()) {
    std::memcpy(frame + at + sizeof(flatbuffers::uoffset_t), text.data(), text.size());
  }
}

std::byte* append(RequestId id, const std::vector<std::byte>& frame, std::vector<std::byte>& out) {
  out.insert(out.end(), frame.begin(), frame.end());
  std::byte* at = out.data() + out.size() - frame.size();
  put(at, sizeof(uint32_t), id.value);
  return at;
}

bool is_empty(const Explanation& explanation) {
  return explanation.workers == 0 && explanation.eligible == 0 && explanation.eliminated.empty() &&
         explanation.queue_position == 0;
}

}  // namespace

Stamps::Stamps() {
  make_placed();
  make_heartbeat_reply();
  make_released();
}

void Stamps::make_placed() {
  flatbuffers::FlatBufferBuilder builder;
  prepare(builder);
  // Built first, so last in the frame: all before the address is the same for every answer.
  const auto worker = builder.CreateString("");
  const auto address = builder.CreateString("");
  placed_.fixed = finish(builder, fb::CreatePlaced(builder, worker, address));
  const Finder find(placed_.fixed);
  placed_.worker = find.field(fb::Placed::VT_WORKER);
  placed_.address = find.field(fb::Placed::VT_ADDRESS);
  placed_.reservation = find.field(fb::Placed::VT_RESERVATION);
  placed_.expires_in_ms = find.field(fb::Placed::VT_EXPIRES_IN_MS);
  placed_.load = find.field(fb::Placed::VT_LOAD);
  placed_.repeated = find.field(fb::Placed::VT_REPEATED);
  placed_.fixed.resize(find.target(fb::Placed::VT_ADDRESS));
}

void Stamps::make_heartbeat_reply() {
  flatbuffers::FlatBufferBuilder builder;
  prepare(builder);
  heartbeat_reply_.frame = finish(builder, fb::CreateHeartbeatReply(builder));
  const Finder find(heartbeat_reply_.frame);
  heartbeat_reply_.accepted = find.field(fb::HeartbeatReply::VT_ACCEPTED);
  heartbeat_reply_.code = find.field(fb::HeartbeatReply::VT_CODE);
  heartbeat_reply_.server_time_ms = find.field(fb::HeartbeatReply::VT_SERVER_TIME_MS);
  heartbeat_reply_.drain = find.field(fb::HeartbeatReply::VT_DRAIN);
  heartbeat_reply_.resend_profile = find.field(fb::HeartbeatReply::VT_RESEND_PROFILE);
}

void Stamps::make_released() {
  flatbuffers::FlatBufferBuilder builder;
  prepare(builder);
  released_.frame = finish(builder, fb::CreateReleased(builder));
  const Finder find(released_.frame);
  released_.released = find.field(fb::Released::VT_RELEASED);
  released_.unknown = find.field(fb::Released::VT_UNKNOWN);
}

bool Stamps::encode(RequestId id, const Reply& reply, std::vector<std::byte>& out) const {
  if (const auto* placed = std::get_if<Placed>(&reply)) {
    if (!placed->gpus.empty() || !is_empty(placed->explanation)) return false;
    encode(id, *placed, out);
    return true;
  }
  if (const auto* beat = std::get_if<HeartbeatReply>(&reply)) {
    if (!beat->message.empty()) return false;
    encode(id, *beat, out);
    return true;
  }
  if (const auto* released = std::get_if<Released>(&reply)) {
    encode(id, *released, out);
    return true;
  }
  return false;
}

void Stamps::encode(RequestId id, const Placed& placed, std::vector<std::byte>& out) const {
  const size_t address_at = placed_.fixed.size();
  const size_t worker_at = address_at + text_bytes(placed.address);
  const size_t frame_bytes = round_up(worker_at + text_bytes(placed.worker), kFrameAlignment);
  const size_t start = out.size();
  out.resize(start + frame_bytes);  // zeros: terminators and padding
  std::byte* frame = out.data() + start;
  std::memcpy(frame, placed_.fixed.data(), placed_.fixed.size());
  put(frame, 0, static_cast<uint32_t>(frame_bytes - kFrameHeaderBytes));
  put(frame, sizeof(uint32_t), id.value);
  put(frame, placed_.reservation, placed.reservation.value);
  put(frame, placed_.expires_in_ms, placed.expires_in_ms);
  put(frame, placed_.load, placed.load);
  put_flag(frame, placed_.repeated, placed.repeated);
  put_text(frame, placed_.address, address_at, placed.address);
  put_text(frame, placed_.worker, worker_at, placed.worker);
}

void Stamps::encode(RequestId id, const HeartbeatReply& reply, std::vector<std::byte>& out) const {
  std::byte* frame = append(id, heartbeat_reply_.frame, out);
  put_flag(frame, heartbeat_reply_.accepted, reply.accepted);
  put(frame, heartbeat_reply_.code, static_cast<uint8_t>(reply.code));
  put(frame, heartbeat_reply_.server_time_ms, reply.server_time_ms);
  put_flag(frame, heartbeat_reply_.drain, reply.drain);
  put_flag(frame, heartbeat_reply_.resend_profile, reply.resend_profile);
}

void Stamps::encode(RequestId id, const Released& released, std::vector<std::byte>& out) const {
  std::byte* frame = append(id, released_.frame, out);
  put(frame, released_.released, released.released);
  put(frame, released_.unknown, released.unknown);
}

}  // namespace berth::wire
